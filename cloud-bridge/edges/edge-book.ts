// What is known of the edges beside their events: online or not, and their last report. In memory, bounded, and
// only of edges that the ledger has a position of. Taking a message is quick and never throws.

import type { EdgeStatus, Health } from "../../contract/delivery.ts";
import type { ErrorCode } from "../../contract/errors.ts";
import { type Clock, sleep } from "../clock.ts";
import type { BridgeConfig } from "../config.ts";
import { isFeed } from "../ledger/facts.ts";
import type { Committed, Incoming, Ledger } from "../ledger/types.ts";
import { type EdgeName, edgeKey, readHealth, reportSizeBytesMax } from "./edge-messages.ts";
import { type EdgeReport, reportOf } from "./edge-report.ts";

/** Announcements of edges that have not delivered yet; the oldest go beyond. */
const strangerCountMax = 1000;
/** By how much an edge's clock may be behind, and how long an event may be on its way. */
const toleranceMs = 10_000;
/** A look at the ledger that took long is followed by a rest of so many times that. */
const restFactor = 20;

/** Counters that are there from the start. */
export const edgeCounters = [
  ...["edge_health_taken", "edge_health_invalid", "edge_health_foreign", "edge_health_unknown"],
  ...["edge_health_retained", "edges_over_limit", "edge_series_over_limit"],
] as const;

export interface EdgeBookOptions {
  readonly settings: BridgeConfig["edges"];
  readonly ledger: Pick<Ledger, "positions" | "quarantineCounts">;
  readonly clock: Clock;
  readonly count: (name: string, by?: number) => void;
  /** For the log: what was refused, and why. */
  readonly onRefused: (code: ErrorCode, fields: object) => void;
}

/** What is known of an edge now. */
export interface EdgeView extends EdgeName {
  readonly state: "online" | "offline" | "unknown";
  readonly status: EdgeStatus | undefined;
  /** By the bridge's clock; undefined while it was not heard since the bridge started. */
  readonly lastSeenAtMs: number | undefined;
  readonly sinceSeenMs: number | undefined;
  readonly sinceAcknowledgementMs: number | undefined;
  readonly quarantinedCount: number;
  /** Undefined when the last one is older than `staleMs`. */
  readonly report: EdgeReport | undefined;
}

/** A moment, by the bridge's clocks. */
interface Moment {
  readonly atMs: number;
  readonly monotonicMs: number;
}

interface Kept extends EdgeName {
  state: EdgeView["state"];
  status: EdgeStatus | undefined;
  seen: Moment | undefined;
  /** As `caughtUpFromAtMs`, but for silence. */
  caughtUpFromAtMs: number | undefined;
  /** On the bridge's clock that never jumps. */
  acknowledgedMs: number | undefined;
  report: EdgeReport | undefined;
  /** The last report while another bridge has the store: it is read when somebody asks. A status may have come after it. */
  unread: (Moment & { readonly payload: Uint8Array; readonly isBeforeStatus: boolean }) | undefined;
}

const justBefore = ({ atMs }: Moment) => atMs - toleranceMs;

/** The edges of a chain. */
export class EdgeBook {
  readonly #options: EdgeBookOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #strangers = new Map<string, EdgeStatus>();
  readonly #known = new Set<string>();
  #quarantinedCounts = new Map<string, number>();
  #quarantinedCount = 0;
  #isHeld: (storeId: string) => boolean = () => true;

  /** Reads from the ledger which edges there are. Rejects when it cannot be read. */
  static async open(options: EdgeBookOptions): Promise<EdgeBook> {
    const book = new EdgeBook(options);
    for (const name of edgeCounters) options.count(name, 0);
    await book.look();
    return book;
  }

  private constructor(options: EdgeBookOptions) {
    this.#options = options;
  }

  /** Says which stores are this bridge's: the numbers of the others are told by those that hold them. */
  share(isHeld: (storeId: string) => boolean): void {
    this.#isHeld = isHeld;
  }

  /** Edges whose numbers are kept. */
  get keptCount(): number {
    return [...this.#kept.values()].filter(({ storeId }) => this.#isHeld(storeId)).length;
  }

  /** Rows of the ledger's quarantine, of all edges and sources, at the last look. */
  get quarantinedCount(): number {
    return this.#quarantinedCount;
  }

  /** Looks at the ledger again and again until `signal` aborts. Rejects when it cannot be read. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#options;
    let restMs = 0;
    while (!signal.aborted) {
      await sleep(clock, Math.max(settings.refreshMs, restMs), signal);
      if (signal.aborted) return;
      const startedMs = clock.monotonicMs();
      await this.look();
      restMs = restFactor * (clock.monotonicMs() - startedMs);
    }
  }

  /** Takes an edge's status; undefined where it has none. */
  onStatus(edge: EdgeName, status: EdgeStatus | undefined, isRetained: boolean): void {
    const key = edgeKey(edge);
    if (!this.#known.has(key)) {
      this.#strangers.delete(key);
      if (status !== undefined) this.#announce(key, status);
      return;
    }
    const kept = this.#admit(edge);
    if (kept === undefined) return;
    if (kept.unread !== undefined) kept.unread = { ...kept.unread, isBeforeStatus: true };
    // What the broker kept, or says for an edge that is gone, is no sign of life.
    const isHeard = status !== undefined && !isRetained && status.reason !== "lost";
    const now = this.#now();
    if (isHeard) this.#see(kept, now);
    kept.status = status;
    kept.state = status?.state ?? "unknown";
    // Each connection says this once, and hello after it. Where the broker says it again, the bridge asks for a hello.
    kept.caughtUpFromAtMs = kept.state === "online" ? justBefore(now) : undefined;
  }

  /** Takes a `health` message. Of a store that another bridge has it is only remembered, for when it comes to this one. */
  onHealth(edge: EdgeName, payload: Uint8Array, isRetained: boolean): void {
    const { count } = this.#options;
    const now = this.#now();
    if (!this.#isHeld(edge.storeId)) {
      const kept = isRetained ? undefined : this.#kept.get(edgeKey(edge));
      if (kept === undefined || payload.length > reportSizeBytesMax) return;
      kept.unread = { ...now, payload: Uint8Array.from(payload), isBeforeStatus: false };
      return;
    }
    const health = this.#read(edge, payload, isRetained);
    if (health === undefined) return;
    const kept = this.#admit(edge);
    if (kept === undefined) return;
    this.#report(kept, health, now);
    count("edge_health_taken");
  }

  #report(kept: Kept, health: Health, now: Moment): void {
    const { seriesCountMax } = this.#options.settings;
    const { storeId, edgeId } = kept;
    const { atMs: nowMs, monotonicMs } = now;
    const report = reportOf(health, { nowMs, monotonicMs, seriesCountMax });
    const { leftOutCount, sinceAcknowledgementMs } = report;
    if (leftOutCount > 0) {
      this.#refuse("edge_series_over_limit", "EDGE_LIMIT", { storeId, edgeId, leftOutCount });
    }
    kept.unread = undefined;
    kept.report = report;
    if (sinceAcknowledgementMs !== undefined) {
      kept.acknowledgedMs = monotonicMs - sinceAcknowledgementMs;
    }
    // Whoever speaks is there: a last will may come late, after the next connection's status.
    kept.state = "online";
    this.#see(kept, now);
    const isBehind = report.backlogAgeMs > toleranceMs || kept.caughtUpFromAtMs === undefined;
    if (report.waitingCount === 0) kept.caughtUpFromAtMs = 0;
    else if (isBehind) kept.caughtUpFromAtMs = justBefore(now);
  }

  /** Takes batches that were committed: their edges are known from now on. */
  onCommitted(group: readonly Incoming[], committed: readonly Committed[]): void {
    for (const [index, incoming] of group.entries()) {
      if ((committed[index]?.answer.throughSequence ?? 0) === 0) continue;
      this.#known.add(edgeKey(incoming));
      const kept = this.#admit(incoming);
      if (kept !== undefined) this.#see(kept, this.#now());
    }
  }

  /**
   * An edge that told the ledger everything until then has caught up, and tells what happens at once. Undefined for one
   * that may be gone: it said so, the broker did, or nothing was heard of it for `silentMs`, as any of them may be lost.
   */
  caughtUpFromAtMs(edge: EdgeName): number | undefined {
    const kept = this.#kept.get(edgeKey(edge));
    if (kept === undefined) return undefined;
    this.#readLate(kept);
    return this.#isSilent(kept, this.#now()) ? undefined : kept.caughtUpFromAtMs;
  }

  /** What is known of an edge; undefined for one that is not known, is forgotten or has no room. */
  view(edge: EdgeName): EdgeView | undefined {
    const kept = this.#kept.get(edgeKey(edge));
    return kept && this.#viewOf(kept);
  }

  /** All edges of this bridge's stores, in no order. */
  *views(): Generator<EdgeView> {
    for (const kept of this.#kept.values()) {
      if (this.#isHeld(kept.storeId)) yield this.#viewOf(kept);
    }
  }

  /** A report that may be taken; undefined, counted and told for any other. */
  #read(edge: EdgeName, payload: Uint8Array, isRetained: boolean): Health | undefined {
    if (isRetained) {
      this.#refuse("edge_health_retained", "MESSAGE_INVALID", edge);
    } else if (!this.#known.has(edgeKey(edge))) {
      this.#refuse("edge_health_unknown", "EDGE_UNKNOWN", edge);
    } else {
      const health = readHealth(edge, payload);
      if (typeof health !== "string") return health;
      const code = health === "foreign" ? "TOPIC_FOREIGN" : "MESSAGE_INVALID";
      this.#refuse(`edge_health_${health}`, code, edge);
    }
    return undefined;
  }

  #viewOf(kept: Kept): EdgeView {
    this.#readLate(kept);
    const { storeId, edgeId, state, status, seen, acknowledgedMs, report } = kept;
    const nowMs = this.#options.clock.monotonicMs();
    const isFresh =
      report !== undefined && nowMs - report.takenMs <= this.#options.settings.staleMs;
    return {
      ...{ storeId, edgeId, state, status, lastSeenAtMs: seen?.atMs },
      sinceSeenMs: seen && nowMs - seen.monotonicMs,
      sinceAcknowledgementMs: acknowledgedMs === undefined ? undefined : nowMs - acknowledgedMs,
      quarantinedCount: this.#quarantinedCounts.get(edgeKey(kept)) ?? 0,
      report: isFresh ? report : undefined,
    };
  }

  /** Reads the report that came while another bridge had the store. */
  #readLate(kept: Kept): void {
    const { unread } = kept;
    kept.unread = undefined;
    const health = unread && this.#read(kept, unread.payload, false);
    if (unread === undefined || health === undefined) return;
    const { state, caughtUpFromAtMs } = kept;
    this.#report(kept, health, unread);
    if (unread.isBeforeStatus) Object.assign(kept, { state, caughtUpFromAtMs });
  }

  /** Looks at the ledger: which edges there are, what lies in quarantine. Rejects when it cannot be read. */
  async look(): Promise<void> {
    const { clock, ledger, settings } = this.#options;
    const positions = await ledger.positions();
    const counts = await ledger.quarantineCounts();
    this.#quarantinedCounts = new Map(counts.map((each) => [edgeKey(each), each.count]));
    this.#quarantinedCount = counts.reduce((sum, { count }) => sum + count, 0);
    const nowMs = clock.nowMs();
    const toldAtMs = new Map<string, number>();
    for (const position of positions) {
      if (isFeed(position.edgeId)) continue;
      const key = edgeKey(position);
      this.#known.add(key);
      const atMs = Math.max(toldAtMs.get(key) ?? 0, position.completeThroughAtMs);
      toldAtMs.set(key, atMs);
      if (nowMs - atMs <= settings.forgetMs) this.#admit(position);
    }
    this.#forget(nowMs, toldAtMs);
  }

  /** Frees what is stale, and edges of which nothing was heard for so long that nobody expects them. */
  #forget(nowMs: number, toldAtMs: ReadonlyMap<string, number>): void {
    const { clock, settings } = this.#options;
    for (const [key, kept] of this.#kept) {
      const isStale = clock.monotonicMs() - (kept.report?.takenMs ?? 0) > settings.staleMs;
      if (isStale) kept.report = undefined;
      const seenAtMs = kept.unread?.atMs ?? kept.seen?.atMs ?? 0;
      const lastAtMs = Math.max(seenAtMs, toldAtMs.get(key) ?? 0);
      if (nowMs - lastAtMs > settings.forgetMs) this.#kept.delete(key);
    }
  }

  #admit({ storeId, edgeId }: EdgeName): Kept | undefined {
    const key = edgeKey({ storeId, edgeId });
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    if (this.#kept.size >= this.#options.settings.countMax) {
      this.#refuse("edges_over_limit", "EDGE_LIMIT", { storeId, edgeId });
      return undefined;
    }
    const status = this.#strangers.get(key);
    this.#strangers.delete(key);
    const nothing = {
      seen: undefined,
      acknowledgedMs: undefined,
      report: undefined,
      unread: undefined,
    };
    const state = status?.state ?? "unknown";
    const caughtUpFromAtMs = state === "online" ? justBefore(this.#now()) : undefined;
    const kept: Kept = { storeId, edgeId, state, status, caughtUpFromAtMs, ...nothing };
    this.#kept.set(key, kept);
    return kept;
  }

  #announce(key: string, status: EdgeStatus): void {
    this.#strangers.set(key, status);
    if (this.#strangers.size <= strangerCountMax) return;
    for (const oldest of this.#strangers.keys()) {
      this.#strangers.delete(oldest);
      return;
    }
  }

  #see(kept: Kept, now: Moment): void {
    // It may have been away without a word, and have much to tell.
    const wasThere = kept.caughtUpFromAtMs !== undefined;
    if (wasThere && this.#isSilent(kept, now)) kept.caughtUpFromAtMs = justBefore(now);
    if (now.monotonicMs >= (kept.seen?.monotonicMs ?? 0)) kept.seen = now;
  }

  #isSilent({ seen }: Kept, { monotonicMs }: Moment): boolean {
    return seen === undefined || monotonicMs - seen.monotonicMs > this.#options.settings.silentMs;
  }

  #now(): Moment {
    const { clock } = this.#options;
    return { atMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
  }

  #refuse(counter: (typeof edgeCounters)[number], code: ErrorCode, fields: object): void {
    this.#options.count(counter);
    this.#options.onRefused(code, fields);
  }
}
