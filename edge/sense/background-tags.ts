// Tags that stand near a portal. Each is one durable row, written when the tag has stood long enough and
// deleted when it was silent for long; between the two nothing is written, however often it is read.
// Silence counts only while the portal is online: neither an outage nor a restart makes a tag forgotten.

import { z } from "zod";
import { type EpcHex, epcHexSchema } from "../../contract/units.ts";
import type { Output } from "./machine.ts";
import type { Passage, Side } from "./passage.ts";
import { readStored } from "./stored.ts";

interface BackgroundTag {
  /** The side on which it stands, if only that one saw it. */
  readonly home: Side | undefined;
  /** Last read on the machine's own time, which stands still while the portal is offline. */
  lastOnlineMs: number;
  /** Reads on the other side since the last one at home, and when they began, on the same time. */
  awayReads: number;
  awaySinceOnlineMs: number;
}

/** A tag that is no longer background; `awaySinceMs` where it was clearly last seen away from home. */
export interface ForgottenTag {
  readonly epc: EpcHex;
  readonly home: Side | null;
  readonly awayReads: number;
  readonly awaySinceMs: number | undefined;
}

const storedSchema = z.strictObject({ home: z.enum(["a", "b"]).optional() });

/** What it takes of a portal's settings. */
export interface BackgroundSettings {
  readonly deviceId: string;
  readonly forgetAfterMs: number;
  /** Reads on the other side that count as having been there. */
  readonly readCountMin: number;
}

/** The background of one portal. */
export class BackgroundTags {
  readonly #settings: BackgroundSettings;
  readonly #prefix: string;
  /** In the order of their last reads, so that the first is the next to be forgotten. */
  readonly #tags = new Map<EpcHex, BackgroundTag>();
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

  /** Takes a tag that has stood long enough. */
  add(epc: EpcHex, { reads, lastAtMs }: Passage, output: Output): void {
    const home = reads.a === 0 ? "b" : reads.b === 0 ? "a" : undefined;
    this.#set(epc, home, lastAtMs - this.#offlineMs);
    output.state.push({ key: this.#prefix + epc, value: JSON.stringify({ home }) });
  }

  /** Notes a read; false when the tag is not background. */
  see(epc: EpcHex, side: Side, atMs: number): boolean {
    const tag = this.#tags.get(epc);
    if (tag === undefined) return false;
    tag.lastOnlineMs = atMs - this.#offlineMs;
    const isAway = tag.home !== undefined && side !== tag.home;
    if (isAway && tag.awayReads === 0) tag.awaySinceOnlineMs = tag.lastOnlineMs;
    tag.awayReads = isAway ? tag.awayReads + 1 : 0;
    this.#tags.delete(epc);
    this.#tags.set(epc, tag);
    return true;
  }

  /** When the next one is forgotten; never while the portal is offline. */
  nextForgetMs(): number {
    const [oldest] = this.#tags.values();
    if (oldest === undefined || this.#offlineSinceMs !== undefined) return Number.POSITIVE_INFINITY;
    return oldest.lastOnlineMs + this.#settings.forgetAfterMs + this.#offlineMs;
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
      if (epc.success && tag !== undefined) this.#set(epc.data, tag.home, nowMs);
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

  #set(epc: EpcHex, home: Side | undefined, lastOnlineMs: number): void {
    this.#tags.set(epc, { home, lastOnlineMs, awayReads: 0, awaySinceOnlineMs: 0 });
  }
}
