// Virtual time for actors: each actor is a generator that says how long it waits before its next
// step. Every step happens at its own time, in order, however late the caller comes.

/** One who acts: yields the time until its next step, in ms (rounded to whole ones). */
export type Actor = Generator<number, void, void>;

interface Waiting {
  readonly atMs: number;
  readonly actor: Actor;
}

/** Runs actors in the order of their times; actors of the same time in the order they were started. */
export class Schedule {
  #waiting: Waiting[] = [];
  #nowMs: number;

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  /** The time of the step that runs. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Time of the next step; Infinity when nobody acts. */
  get nextAtMs(): number {
    return this.#waiting[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** Adds an actor whose first step falls due now. */
  start(actor: Actor): void {
    this.#add({ atMs: this.#nowMs, actor });
  }

  /** Runs every step up to and including `atMs`. */
  advance(atMs: number): void {
    for (let next = this.#waiting[0]; next !== undefined && next.atMs <= atMs; ) {
      this.#waiting.shift();
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      const step = next.actor.next();
      if (!step.done) {
        this.#add({ atMs: this.#nowMs + Math.max(Math.round(step.value), 0), actor: next.actor });
      }
      next = this.#waiting[0];
    }
    this.#nowMs = Math.max(this.#nowMs, atMs);
  }

  #add(entry: Waiting): void {
    const index = this.#waiting.findIndex((other) => other.atMs > entry.atMs);
    this.#waiting.splice(index < 0 ? this.#waiting.length : index, 0, entry);
  }
}
