// What one tag's reads at a portal were over the last seconds: for each side and quarter of a second how
// many and how strong. Bounded, whatever the number of reads; kept up read by read.

/** One side of a portal. */
export type Side = "a" | "b";

/** What one side saw in one slice of time. */
export interface SliceSide {
  reads: number;
  /** The strongest; -150 when there was none. */
  rssiDbm: number;
}

/** A slice in which there was a read. */
export interface Slice {
  /** How many slices after the window's origin. */
  readonly index: number;
  a: SliceSide;
  b: SliceSide;
}

export const sliceMs = 250;
/** Most slices kept, and the length of the window in slices. */
export const sliceCountMax = 96;
const noRssiDbm = -150;
/** Of most slices one side heard nothing: they share this, and never write to it. */
const unheard: SliceSide = Object.freeze({ reads: 0, rssiDbm: noRssiDbm });

/** The window of one tag. */
export class PassageWindow {
  #originAtMs: number;
  #slices: Slice[] = [];

  constructor(atMs: number) {
    this.#originAtMs = atMs;
  }

  /** In order of time, none empty. */
  get slices(): readonly Slice[] {
    return this.#slices;
  }

  /** Where the oldest slice begins. */
  get fromAtMs(): number {
    return this.#originAtMs + (this.#slices[0]?.index ?? 0) * sliceMs;
  }

  /** The time of a place in the window, counted in slices from its origin. */
  atMs(index: number): number {
    return Math.round(this.#originAtMs + index * sliceMs);
  }

  /** Takes reads; times never go back. Says whether a slice has ended with it. */
  add(side: Side, rssiDbm: number, reads: number, atMs: number): boolean {
    const index = Math.floor((atMs - this.#originAtMs) / sliceMs);
    let last = this.#slices.at(-1);
    const isNew = last === undefined || last.index < index;
    if (isNew) {
      last = { index, a: unheard, b: unheard };
      this.#slices.push(last);
      const oldest = index - sliceCountMax;
      let expired = 0;
      while (this.#slices[expired]!.index <= oldest) expired += 1;
      if (expired > 0) this.#slices.splice(0, expired);
    }
    const seen = last![side];
    if (seen === unheard) last![side] = { reads, rssiDbm: Math.max(rssiDbm, noRssiDbm) };
    else {
      seen.reads += reads;
      if (rssiDbm > seen.rssiDbm) seen.rssiDbm = rssiDbm;
    }
    return isNew && this.#slices.length > 1;
  }

  /** Forgets all reads. */
  clear(): void {
    this.#slices = [];
  }

  /** Moves all times. */
  shiftTime(byMs: number): void {
    this.#originAtMs += byMs;
  }
}
