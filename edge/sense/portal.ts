// An RFID portal: a tag that is seen by one side's antennas first and by the other's last has passed. A
// tag that stands near the portal becomes background, which is remembered over restarts, so that neither
// a restart nor a static scene says or writes anything.

import type { Reading, TagReading } from "../../contract/reading.ts";
import type { EpcHex } from "../../contract/units.ts";
import { BackgroundTags, type ForgottenTag } from "./background-tags.ts";
import { type Count, type Machine, type Output, warning } from "./machine.ts";
import { Passage, type Side } from "./passage.ts";
import type { PortalConfig } from "./portal-config.ts";
import { itemOfTag } from "./tag-item.ts";

/** A tag's last passage, kept to know whether its stay goes on when it is seen again. */
interface Recent {
  staySinceMs: number;
  /** The tag has gone when it is not seen again until then. */
  goneAtMs: number;
}

/** One portal. */
export class Portal implements Machine {
  readonly deviceIds: readonly string[];
  readonly #config: PortalConfig;
  readonly #count: Count;
  readonly #sideOf: ReadonlyMap<number, Side>;
  /** In the order of their last reads, so that the first is the next to fall silent. */
  readonly #open = new Map<EpcHex, Passage>();
  readonly #recent = new Map<EpcHex, Recent>();
  readonly #background: BackgroundTags;
  #isLimitNoticed = false;

  constructor(config: PortalConfig, count: Count) {
    this.deviceIds = [config.deviceId];
    this.#config = config;
    this.#count = count;
    this.#background = new BackgroundTags(config);
    this.#sideOf = new Map([
      ...config.sideA.antennas.map((antenna) => [antenna, "a"] as const),
      ...config.sideB.antennas.map((antenna) => [antenna, "b"] as const),
    ]);
  }

  nextDeadlineMs(): number {
    return Math.min(this.#silentAtMs(), this.#background.nextForgetMs());
  }

  advance(atMs: number, output: Output): void {
    for (let dueMs = this.nextDeadlineMs(); dueMs <= atMs; dueMs = this.nextDeadlineMs()) {
      if (dueMs === this.#silentAtMs()) this.#closeOldest(dueMs, output);
      else this.#reportForgotten(this.#background.forgetOldest(output), output);
    }
  }

  apply(reading: Reading, output: Output): void {
    if (reading.kind === "tag") this.#read(reading, output);
    else if (reading.kind === "device" && reading.state === "offline") {
      this.#goOffline(reading.receivedAtMs);
    } else if (reading.kind === "device" && reading.state === "online") {
      this.#background.goOnline(reading.receivedAtMs);
    }
  }

  /** A passage under way may yet become a movement at the time its tag changed sides. */
  decidedThroughMs(nowMs: number): number {
    let throughMs = nowMs;
    for (const passage of this.#open.values()) {
      throughMs = Math.min(throughMs, passage.changeAtMs ?? passage.lastAtMs);
    }
    return throughMs;
  }

  restore(stored: ReadonlyMap<string, string>, nowMs: number): void {
    const unreadableCount = this.#background.restore(stored, nowMs);
    if (unreadableCount > 0) this.#count("portal_state_unreadable", unreadableCount);
  }

  setPlan(): void {
    // A portal knows its two locations from the configuration; products do not matter to it.
  }

  shiftTime(byMs: number): void {
    for (const passage of this.#open.values()) passage.shiftTime(byMs);
    for (const recent of this.#recent.values()) {
      recent.staySinceMs += byMs;
      recent.goneAtMs += byMs;
    }
    this.#background.shiftTime(byMs);
  }

  #silentAtMs(): number {
    const [oldest] = this.#open.values();
    return oldest === undefined ? Number.POSITIVE_INFINITY : oldest.lastAtMs + this.#config.quietMs;
  }

  #read(reading: TagReading, output: Output): void {
    const { antenna, epc, rssiDbm, receivedAtMs } = reading;
    const side = this.#sideOf.get(antenna);
    const isWeak = rssiDbm < (this.#config.rssiDbmMin ?? Number.NEGATIVE_INFINITY);
    if (side === undefined || isWeak) {
      this.#count(isWeak ? "portal_reads_weak" : "portal_reads_foreign_antenna");
      return;
    }
    // Whoever reads tags is online, whether or not that was said.
    this.#background.goOnline(receivedAtMs);
    if (this.#background.see(epc, side, receivedAtMs)) return;
    const passage = this.#open.get(epc) ?? this.#begin(epc, side, receivedAtMs, output);
    if (passage === undefined) return;
    passage.add(side, reading);
    this.#open.delete(epc);
    if (receivedAtMs - passage.staySinceMs <= this.#config.staticAfterMs) {
      this.#open.set(epc, passage);
    } else {
      if (passage.wasCarriedThrough(this.#config)) {
        this.#reportMoved(epc, passage, receivedAtMs, output);
      }
      this.#background.add(epc, passage, output);
    }
  }

  #begin(epc: EpcHex, side: Side, atMs: number, output: Output): Passage | undefined {
    this.#dropGone(atMs);
    const recent = this.#recent.get(epc);
    this.#recent.delete(epc);
    const tagCount = this.#open.size + this.#recent.size + this.#background.size;
    if (tagCount < this.#config.tagCountMax) {
      if (tagCount < this.#config.tagCountMax * 0.9) this.#isLimitNoticed = false;
      const isStaying = recent !== undefined && atMs <= recent.goneAtMs;
      return new Passage(side, atMs, isStaying ? recent.staySinceMs : atMs);
    }
    this.#count("portal_reads_over_limit");
    if (!this.#isLimitNoticed) {
      this.#isLimitNoticed = true;
      const detail = { tagCountMax: this.#config.tagCountMax };
      output.conclusions.push(warning(this.#config.deviceId, "portal_tag_limit", atMs, detail));
    }
    return undefined;
  }

  // The oldest come first; one that is kept longer only keeps those behind it a little longer.
  #dropGone(atMs: number): void {
    for (const [epc, recent] of this.#recent) {
      if (recent.goneAtMs >= atMs) break;
      this.#recent.delete(epc);
    }
  }

  #closeOldest(atMs: number, output: Output): void {
    for (const [epc, passage] of this.#open) {
      this.#open.delete(epc);
      this.#remember(epc, passage);
      const verdict = passage.judge(this.#config);
      if (verdict === "moved") this.#reportMoved(epc, passage, atMs, output);
      else if (verdict === "thin") this.#count("portal_passages_thin");
      // Later in the same stay it only says again that the tag is still about.
      else if (verdict === "uncertain" && !passage.isFirstOfStay) {
        this.#count("portal_passages_uncertain_again");
      } else if (verdict === "uncertain") {
        const detail = { epc, ...passage.evidence() };
        const changeAtMs = passage.changeAtMs ?? passage.lastAtMs;
        output.conclusions.push(
          warning(this.#config.deviceId, "passage_uncertain", changeAtMs, detail),
        );
      }
      return;
    }
  }

  #remember(epc: EpcHex, passage: Passage): void {
    const { goneAfterMs, rareGoneAfterMs, readCountMin } = this.#config;
    const isClear = passage.reads.a + passage.reads.b >= 2 * readCountMin;
    const goneAtMs = passage.lastAtMs + (isClear ? goneAfterMs : rareGoneAfterMs);
    this.#recent.set(epc, { staySinceMs: passage.staySinceMs, goneAtMs });
  }

  #reportMoved(epc: EpcHex, passage: Passage, decidedAtMs: number, output: Output): void {
    const { deviceId, sideA, sideB, stepAToB, stepBToA } = this.#config;
    const isAToB = passage.firstSide === "a";
    const [from, to] = isAToB ? [sideA, sideB] : [sideB, sideA];
    output.conclusions.push({
      type: "moved",
      occurredAtMs: passage.changeAtMs ?? passage.lastAtMs,
      deviceId,
      step: isAToB ? stepAToB : stepBToA,
      item: itemOfTag(epc, this.#count),
      quantity: 1,
      from: { location: from.location, state: "sellable" },
      to: { location: to.location, state: "sellable" },
      readPoint: to.location,
      confidence: passage.confidence,
      evidence: { decidedAtMs, ...passage.evidence() },
    });
  }

  // Background that was last heard on the other side than where it stood was carried through, perhaps.
  #reportForgotten(tag: ForgottenTag, output: Output): void {
    if (tag.awaySinceMs === undefined) return;
    const detail = { epc: tag.epc, stoodOnSide: tag.home, readsOnOtherSide: tag.awayReads };
    output.conclusions.push(
      warning(this.#config.deviceId, "passage_uncertain", tag.awaySinceMs, detail),
    );
  }

  #goOffline(atMs: number): void {
    // What was under way cannot be told any more; the gap that is declared for the device covers it.
    if (this.#open.size > 0) this.#count("portal_passages_discarded", this.#open.size);
    this.#open.clear();
    this.#recent.clear();
    this.#background.goOffline(atMs);
  }
}
