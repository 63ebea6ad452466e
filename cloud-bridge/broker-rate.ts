// How fast a client may publish: a bucket of tokens. Who is faster is slowed down, not cut off: its messages wait for
// their turn, and as the broker reads on only then, so does the client.

/** One client's bucket. */
export class PublishRate {
  readonly #perSecond: number;
  #tokens: number;
  #atMs: number;

  /** Full at first: two seconds' worth may come at once. */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = 2 * perSecond;
    this.#atMs = nowMs;
  }

  /** Takes a message that came at `nowMs`, or what costs as much as `count` of them; gives how long it has to wait. */
  waitMs(nowMs: number, count = 1): number {
    const passedMs = Math.max(0, nowMs - this.#atMs);
    const full = 2 * this.#perSecond;
    this.#tokens = Math.min(full, this.#tokens + (passedMs * this.#perSecond) / 1000) - count;
    this.#atMs = nowMs;
    return this.#tokens >= 0 ? 0 : (-this.#tokens * 1000) / this.#perSecond;
  }

  /** Takes one where it need not wait; what is refused costs nothing. */
  takes(nowMs: number): boolean {
    this.waitMs(nowMs, 0);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
