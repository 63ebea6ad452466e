// What of a reader does not work now: antennas until they are plugged in again, warnings for a while. Pure.

/** Faults by name, in the order of the names. */
export class ReaderFaults {
  readonly #faults = new Map<string, { text: string; untilMs: number }>();
  readonly #onChange: (reason: string | undefined) => void;
  #reason: string | undefined;

  /** `onChange` is told the reason when it changes; undefined when nothing is wrong. */
  constructor(onChange: (reason: string | undefined) => void) {
    this.#onChange = onChange;
  }

  /** It does not work, until `untilMs` or until it is cleared. */
  set(name: string, text: string, untilMs = Number.POSITIVE_INFINITY): void {
    this.#faults.set(name, { text, untilMs });
    this.#tell();
  }

  clear(name: string): void {
    if (this.#faults.delete(name)) this.#tell();
  }

  /** Forgets what was only for a while. */
  expire(nowMs: number): void {
    const late = [...this.#faults].filter(([, { untilMs }]) => untilMs <= nowMs);
    for (const [name] of late) this.clear(name);
  }

  /** When the next one is forgotten; Infinity without one. */
  get nextExpiryMs(): number {
    return Math.min(...[...this.#faults.values()].map(({ untilMs }) => untilMs));
  }

  #tell(): void {
    const texts = [...this.#faults].sort(([left], [right]) => (left < right ? -1 : 1));
    const reason = texts.length === 0 ? undefined : texts.map(([, { text }]) => text).join("; ");
    if (reason === this.#reason) return;
    this.#reason = reason;
    this.#onChange(reason);
  }
}
