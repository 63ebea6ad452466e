// Tags that stand near a portal. Each is one durable row, written when the tag has stood long enough and
// deleted when it was silent for long; between the two nothing is written, however often it is read.
// Silence counts only while the portal is online: neither an outage nor a restart makes a tag forgotten.

import { z } from "zod";
import { type EpcHex, epcHexSchema } from "../../contract/units.ts";
import type { Output } from "./machine.ts";
import type { Side } from "./passage-window.ts";
import { readStored } from "./stored.ts";

interface BackgroundTag {
  /** The side on which it stands, if only that one saw it. */
  readonly home: Side | undefined;
  /** Last read on the machine's own time, which stands still while the portal is offline. */
  lastOnlineMs: number;
  /** Reads on the other side since the last one at home, and when they began, on the same time. */
  awayReads: number;
  awaySinceOnlineMs: number;
  /** The strongest that either side has heard of it while it stood. */
  rssiDbmMax: number;
  /** Until then, on the same time, that is still being learned. */
  learnUntilOnlineMs: number;
}

/** What a read of a tag means here: `woken` when it is much stronger than the tag ever was while it stood. */
export type Sighting = "foreign" | "standing" | "woken";

/** A tag that is no longer background; `awaySinceMs` where it was clearly last seen away from home. */
export interface ForgottenTag {
  readonly epc: EpcHex;
  readonly home: Side | null;
  readonly awayReads: number;
  readonly awaySinceMs: number | undefined;
}

const storedSchema = z.strictObject({ home: z.enum(["a", "b"]).optional() });

/** What each side heard of a tag. */
export interface Heard {
  readonly reads: Readonly<Record<Side, number>>;
  readonly rssiDbmMax: Readonly<Record<Side, number>>;
}

/** What it takes of a portal's settings. */
export interface BackgroundSettings {
  readonly deviceId: string;
  readonly forgetAfterMs: number;
  /** Reads on the other side that count as having been there. */
  readonly readCountMin: number;
  /** A tag that was forgotten in a restart has its strength learned anew for this long. */
  readonly staticAfterMs: number;
  /** So much stronger than ever before is a tag that stood and is now being carried. */
  readonly wakeDb: number;
}

/** The background of one portal. */
export class BackgroundTags {
  readonly #settings: BackgroundSettings;
  readonly #prefix: string;
  /** In the order of their last reads, so that the first is the next to be forgotten. */
  readonly #tags = new Map<EpcHex, BackgroundTag>();
  /** No tag is forgotten before this, on the machine's own time: looking up the first of them is dear. */
  #forgetFromOnlineMs = Number.POSITIVE_INFINITY;
  /** Wall time minus the machine's own time. */
  #offlineMs = 0;
  #offlineSinceMs: number | undefined;

  constructor(settings: BackgroundSettings) {
    this.#settings = settings;
    this.#prefix = `portal/${settings.deviceId}/`;
  }

  /** How many there are. */
  get size(): number {
    return this.#tags.size;
  }

  /** Takes a tag that has stood long enough: how often and how strongly each side heard it. */
  add(epc: EpcHex, { reads, rssiDbmMax }: Heard, lastAtMs: number, output: Output): void {
    const home = reads.a === 0 ? "b" : reads.b === 0 ? "a" : undefined;
    const lastOnlineMs = lastAtMs - this.#offlineMs;
    const strongest = Math.max(rssiDbmMax.a, rssiDbmMax.b);
    const before = this.#tags.get(epc);
    this.#tags.delete(epc);
    this.#set(epc, home, lastOnlineMs, strongest, lastOnlineMs);
    if (before !== undefined && before.home === home) return;
    output.state.push({ key: this.#prefix + epc, value: JSON.stringify({ home }) });
  }

  /** Notes a read. */
  see(epc: EpcHex, side: Side, rssiDbm: number, atMs: number): Sighting {
    const tag = this.#tags.get(epc);
    if (tag === undefined) return "foreign";
    tag.lastOnlineMs = atMs - this.#offlineMs;
    const isAway = tag.home !== undefined && side !== tag.home;
    if (isAway && tag.awayReads === 0) tag.awaySinceOnlineMs = tag.lastOnlineMs;
    tag.awayReads = isAway ? tag.awayReads + 1 : 0;
    this.#tags.delete(epc);
    this.#tags.set(epc, tag);
    const isLearning = tag.lastOnlineMs < tag.learnUntilOnlineMs;
    if (!isLearning && rssiDbm > tag.rssiDbmMax + this.#settings.wakeDb) return "woken";
    tag.rssiDbmMax = Math.max(tag.rssiDbmMax, rssiDbm);
    return "standing";
  }

  /** A woken tag only stood: the next time it takes a little more to wake it, or more than was `heard`. */
  settle(epc: EpcHex, heard?: Heard["rssiDbmMax"]): void {
    const tag = this.#tags.get(epc);
    if (tag === undefined) return;
    tag.rssiDbmMax =
      heard === undefined
        ? tag.rssiDbmMax + this.#settings.wakeDb / 2
        : Math.max(tag.rssiDbmMax, heard.a, heard.b);
  }

  /** A woken tag has moved. */
  remove(epc: EpcHex, output: Output): void {
    if (this.#tags.delete(epc)) output.state.push({ key: this.#prefix + epc, value: null });
  }

  /** None is forgotten before this; never while the portal is offline. */
  forgetFromMs(): number {
    if (this.#offlineSinceMs !== undefined) return Number.POSITIVE_INFINITY;
    return this.#forgetFromOnlineMs + this.#offlineMs;
  }

  /** When the next one is forgotten; never while the portal is offline. */
  nextForgetMs(): number {
    if (this.#offlineSinceMs !== undefined) return Number.POSITIVE_INFINITY;
    const [oldest] = this.#tags.values();
    const lastOnlineMs = oldest?.lastOnlineMs ?? Number.POSITIVE_INFINITY;
    this.#forgetFromOnlineMs = lastOnlineMs + this.#settings.forgetAfterMs;
    return this.forgetFromMs();
  }

  /** Forgets the one that was silent longest. There must be one. */
  forgetOldest(output: Output): ForgottenTag {
    const [[epc, tag]] = this.#tags as Iterable<[EpcHex, BackgroundTag]> as [
      [EpcHex, BackgroundTag],
    ];
    this.#tags.delete(epc);
    output.state.push({ key: this.#prefix + epc, value: null });
    const { awayReads, awaySinceOnlineMs, home = null } = tag;
    const isAway = awayReads >= this.#settings.readCountMin;
    const awaySinceMs = isAway ? awaySinceOnlineMs + this.#offlineMs : undefined;
    return { epc, home, awayReads, awaySinceMs };
  }

  /** From now on silence does not count. */
  goOffline(atMs: number): void {
    this.#offlineSinceMs ??= atMs;
  }

  /** From now on it does again. */
  goOnline(atMs: number): void {
    if (this.#offlineSinceMs === undefined) return;
    this.#offlineMs += atMs - this.#offlineSinceMs;
    this.#offlineSinceMs = undefined;
  }

  /**
   * Takes back the stored tags as last seen now; the portal is offline until it says otherwise. Returns
   * how many rows could not be read.
   */
  restore(stored: ReadonlyMap<string, string>, nowMs: number): number {
    let unreadableCount = 0;
    for (const [key, value] of stored) {
      if (!key.startsWith(this.#prefix)) continue;
      const epc = epcHexSchema.safeParse(key.slice(this.#prefix.length));
      const tag = readStored(storedSchema, value);
      const learnUntilMs = nowMs + this.#settings.staticAfterMs;
      if (epc.success && tag !== undefined)
        this.#set(epc.data, tag.home, nowMs, -150, learnUntilMs);
      else unreadableCount += 1;
    }
    this.#offlineSinceMs = nowMs;
    return unreadableCount;
  }

  /** The wall clock was set; the machine's own time goes on as before. */
  shiftTime(byMs: number): void {
    this.#offlineMs += byMs;
    if (this.#offlineSinceMs !== undefined) this.#offlineSinceMs += byMs;
  }

  #set(
    epc: EpcHex,
    home: Side | undefined,
    lastOnlineMs: number,
    rssiDbmMax: number,
    learnUntilOnlineMs: number,
  ): void {
    const forgetAtOnlineMs = lastOnlineMs + this.#settings.forgetAfterMs;
    this.#forgetFromOnlineMs = Math.min(this.#forgetFromOnlineMs, forgetAtOnlineMs);
    const away = { awayReads: 0, awaySinceOnlineMs: 0 };
    this.#tags.set(epc, { home, lastOnlineMs, ...away, rssiDbmMax, learnUntilOnlineMs });
  }
}
