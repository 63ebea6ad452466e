// Lines that a simulated device hears from its host, in pieces of any size.

/** Joins pieces to lines. */
export class HeardLines {
  readonly #lengthMax: number;
  #begun = "";

  /** Of a line that does not end, so many characters are kept. */
  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  /** The lines that ended, without their line feed. */
  take(bytes: Uint8Array): string[] {
    const lines = (this.#begun + Buffer.from(bytes).toString("latin1")).split("\n");
    this.#begun = lines.pop()!.slice(-this.#lengthMax);
    return lines;
  }
}
