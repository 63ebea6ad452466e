// One input line as a pure state machine: debounce, chatter, stuck. It is told edges with their own times
// and decides by those, so that it makes no difference when somebody came to look.

/** Edges closer together than the debounce time for so long are no bounce any more: the line chatters. */
export const unsettledMsMax = 1000;
/** A line that chattered is believed again when it stood still for so long. */
export const calmMs = 1000;

/** How a line is judged; as in the options. */
export interface LineRules {
  readonly debounceMs: number;
  readonly stuckAfterMs?: number | undefined;
  readonly stuckWhen: "active" | "any";
  readonly edgesPerSecondMax: number;
}

/** What became of a line. */
export type LineNews =
  /** It stands at another level; `edgeAtMs` is when it first moved. */
  | { readonly type: "changed"; readonly active: boolean; readonly edgeAtMs: number }
  /** It moved and came back at once. */
  | { readonly type: "bounced"; readonly edgeCount: number }
  | { readonly type: "chattering"; readonly edgeCount: number }
  | { readonly type: "calm"; readonly edgeCount: number }
  | { readonly type: "stuck"; readonly sinceAtMs: number }
  | { readonly type: "moving" };

/** A movement that is not settled yet. */
interface Movement {
  readonly firstAtMs: number;
  lastAtMs: number;
  edgeCount: number;
}

/** One line. Times are of any clock that does not go back. */
export class LineFilter {
  readonly #rules: LineRules;
  /** Times of the last edges, no more than it takes to know that there are too many. */
  readonly #recentAtMs: number[] = [];
  #active: boolean;
  #raw: boolean;
  #standsSinceMs: number;
  #movement: Movement | undefined;
  #isChattering = false;
  #isStuck = false;
  #lastAtMs: number;

  /** Begins at the level that was found. */
  constructor(rules: LineRules, active: boolean, nowMs: number) {
    this.#rules = rules;
    this.#active = active;
    this.#raw = active;
    this.#standsSinceMs = nowMs;
    this.#lastAtMs = nowMs;
  }

  /** The level that counts. */
  get active(): boolean {
    return this.#active;
  }

  /** When something is decided without another edge; Infinity when nothing is. */
  nextDeadlineMs(): number {
    return Math.min(this.#settlesAtMs(), this.#stuckAtMs());
  }

  /** Decides what is due by `nowMs`. */
  advance(nowMs: number): LineNews[] {
    const news: LineNews[] = [];
    for (let dueMs = this.nextDeadlineMs(); dueMs <= nowMs; dueMs = this.nextDeadlineMs()) {
      if (dueMs === this.#settlesAtMs()) this.#settle(news);
      else {
        this.#isStuck = true;
        news.push({ type: "stuck", sinceAtMs: this.#standsSinceMs });
      }
    }
    return news;
  }

  /** The line moved to this level. The same level again is a pulse that was too short to be seen. */
  edge(active: boolean, edgeAtMs: number): LineNews[] {
    const atMs = Math.max(edgeAtMs, this.#lastAtMs);
    this.#lastAtMs = atMs;
    const news = this.advance(atMs);
    this.#raw = active;
    const movement = this.#movement ?? { firstAtMs: atMs, lastAtMs: atMs, edgeCount: 0 };
    movement.lastAtMs = atMs;
    movement.edgeCount += 1;
    this.#movement = movement;
    if (this.#isTooMuch(atMs, movement) && !this.#isChattering) {
      this.#isChattering = true;
      news.push({ type: "chattering", edgeCount: movement.edgeCount });
    }
    if (this.#rules.debounceMs === 0) news.push(...this.advance(atMs));
    return news;
  }

  #settlesAtMs(): number {
    if (this.#movement === undefined) return Number.POSITIVE_INFINITY;
    const waitMs = this.#isChattering
      ? Math.max(calmMs, this.#rules.debounceMs)
      : this.#rules.debounceMs;
    return this.#movement.lastAtMs + waitMs;
  }

  #stuckAtMs(): number {
    const { stuckAfterMs, stuckWhen } = this.#rules;
    const mayBeStuck = stuckWhen === "any" || this.#active;
    if (stuckAfterMs === undefined || this.#isStuck || !mayBeStuck) return Number.POSITIVE_INFINITY;
    return this.#standsSinceMs + stuckAfterMs;
  }

  #settle(news: LineNews[]): void {
    const movement = this.#movement!;
    this.#movement = undefined;
    const wasChattering = this.#isChattering;
    this.#isChattering = false;
    if (wasChattering) {
      this.#recentAtMs.length = 0;
      news.push({ type: "calm", edgeCount: movement.edgeCount });
    }
    if (this.#raw === this.#active) {
      if (!wasChattering) news.push({ type: "bounced", edgeCount: movement.edgeCount });
      return;
    }
    this.#active = this.#raw;
    // When a line that chattered first meant it, nobody knows: its last edge is what is left.
    const edgeAtMs = wasChattering ? movement.lastAtMs : movement.firstAtMs;
    this.#standsSinceMs = edgeAtMs;
    if (this.#isStuck) news.push({ type: "moving" });
    this.#isStuck = false;
    news.push({ type: "changed", active: this.#active, edgeAtMs });
  }

  #isTooMuch(atMs: number, movement: Movement): boolean {
    const recent = this.#recentAtMs;
    recent.push(atMs);
    if (recent.length > this.#rules.edgesPerSecondMax + 1) recent.shift();
    const isFull = recent.length > this.#rules.edgesPerSecondMax;
    const isFast = isFull && atMs - recent[0]! < 1000;
    return isFast || atMs - movement.firstAtMs >= unsettledMsMax;
  }
}
