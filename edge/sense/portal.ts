// An RFID portal: from how strongly each side's antennas hear a tag over time a small model tells whether
// it passed, and which way; it is told as soon as the tag is leaving and the model is sure. A tag that
// stands near the portal becomes background, which is remembered over restarts, so that neither a restart
// nor a static scene says or writes anything.

import type { Reading, TagReading } from "../../contract/reading.ts";
import type { EpcHex } from "../../contract/units.ts";
import { BackgroundTags, type ForgottenTag } from "./background-tags.ts";
import { BeamEvidence, type BeamFigures } from "./beam-evidence.ts";
import { GroupVotes } from "./group-votes.ts";
import { type Count, type Machine, type Output, warning } from "./machine.ts";
import { evidenceOf, type Look, Passage, type Sight, type Verdict, type Weigh } from "./passage.ts";
import type { PassageFeatures } from "./passage-features.ts";
import type { Side } from "./passage-window.ts";
import { portalBeamWeights } from "./portal-beam-weights.ts";
import type { PortalConfig } from "./portal-config.ts";
import { orderScoresOf, type PortalWeights, scoresOf } from "./portal-model.ts";
import { portalWeights } from "./portal-weights.ts";
import { itemOfTag } from "./tag-item.ts";

/** A tag's last passage, which goes on when the tag is seen again before it has gone. */
interface Recent {
  readonly passage: Passage;
  goneAtMs: number;
}

/** Shown what the model is about to see, so that it can be fitted to it. */
export type OnSight = (epc: EpcHex, sight: Sight) => void;

/** One portal. */
export class Portal implements Machine {
  readonly deviceIds: readonly string[];
  readonly #config: PortalConfig;
  readonly #count: Count;
  readonly #sideOf: ReadonlyMap<number, Side>;
  /** In the order of their last reads, so that the first is the next to fall silent. */
  readonly #open = new Map<EpcHex, Passage>();
  /** No open passage ends by silence before this: the first of a map that is often reordered is dear to look up. */
  #silentFromMs = Number.POSITIVE_INFINITY;
  readonly #recent = new Map<EpcHex, Recent>();
  readonly #background: BackgroundTags;
  readonly #votes = new GroupVotes();
  readonly #beams: BeamEvidence | undefined;
  readonly #onSight: OnSight | undefined;
  #isLimitNoticed = false;

  /** `onSight` is shown what the model sees, so that the model can be fitted. */
  constructor(config: PortalConfig, count: Count, onSight?: OnSight) {
    this.#onSight = onSight;
    const { deviceId, beams } = config;
    this.deviceIds = beams === undefined ? [deviceId] : [...new Set([deviceId, beams.deviceId])];
    this.#beams = beams && new BeamEvidence(beams);
    this.#config = config;
    this.#count = count;
    this.#background = new BackgroundTags(config);
    this.#sideOf = new Map([
      ...config.sideA.antennas.map((antenna) => [antenna, "a"] as const),
      ...config.sideB.antennas.map((antenna) => [antenna, "b"] as const),
    ]);
  }

  nextDeadlineMs(): number {
    return Math.min(this.#silentFromMs, this.#background.forgetFromMs());
  }

  advance(atMs: number, output: Output): void {
    if (this.nextDeadlineMs() > atMs) return;
    for (;;) {
      const silentAtMs = this.#silentAtMs();
      const forgetAtMs = this.#background.nextForgetMs();
      const dueMs = Math.min(silentAtMs, forgetAtMs);
      this.#silentFromMs = silentAtMs;
      if (dueMs > atMs) return;
      if (dueMs === silentAtMs) this.#closeOldest(dueMs, output);
      else this.#reportForgotten(this.#background.forgetOldest(output), output);
    }
  }

  apply(reading: Reading, output: Output): void {
    if (reading.kind === "input") this.#beams?.take(reading, output);
    else if (reading.kind === "tag") {
      this.#beams?.isAnswering(reading.receivedAtMs, output);
      this.#read(reading, output);
    } else if (reading.kind === "device" && reading.deviceId !== this.#config.deviceId) {
      if (reading.state === "offline") this.#beams?.goOffline();
    } else if (reading.kind === "device" && reading.state === "offline") {
      this.#goOffline(reading.receivedAtMs);
    } else if (reading.kind === "device" && reading.state === "online") {
      this.#background.goOnline(reading.receivedAtMs);
    }
  }

  /** A passage under way may yet become a movement at the time its tag changed sides. */
  decidedThroughMs(nowMs: number): number {
    let throughMs = nowMs;
    for (const passage of this.#open.values()) {
      throughMs = Math.min(throughMs, passage.undecidedFromMs);
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
      recent.passage.shiftTime(byMs);
      recent.goneAtMs += byMs;
    }
    this.#silentFromMs += byMs;
    this.#beams?.shiftTime(byMs);
    this.#votes.shiftTime(byMs);
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
    const sighting = this.#background.see(epc, side, rssiDbm, receivedAtMs);
    const isOfBackground = sighting !== "foreign";
    let passage = this.#open.get(epc);
    if (passage === undefined && sighting === "standing") return;
    passage ??= this.#begin(epc, receivedAtMs, isOfBackground, output);
    if (passage === undefined) return;
    const isLeaving = passage.add(side, reading);
    this.#open.delete(epc);
    this.#open.set(epc, passage);
    this.#silentFromMs = Math.min(this.#silentFromMs, receivedAtMs + this.#config.quietMs);
    if (isLeaving) {
      const verdict = passage.judgeEarly(this.#config, this.#weigh(epc));
      this.#tell(epc, passage, verdict, receivedAtMs, output);
    }
    if (receivedAtMs - passage.staySinceMs > this.#config.staticAfterMs) {
      this.#becomeBackground(epc, passage, receivedAtMs, output);
    }
  }

  #becomeBackground(epc: EpcHex, passage: Passage, atMs: number, output: Output): void {
    this.#open.delete(epc);
    const verdict = passage.judge(this.#config, this.#weigh(epc));
    this.#tell(epc, passage, verdict, atMs, output);
    const hasStood = passage.isOfBackground && passage.movedFrom === undefined;
    if (hasStood) this.#background.settle(epc, passage.heard.rssiDbmMax);
    else this.#background.add(epc, passage.heard, atMs, output);
  }

  #begin(epc: EpcHex, atMs: number, isOfBackground: boolean, output: Output): Passage | undefined {
    if (isOfBackground) return new Passage(atMs, true);
    this.#dropGone(atMs);
    const recent = this.#recent.get(epc);
    this.#recent.delete(epc);
    const tagCount = this.#open.size + this.#recent.size + this.#background.size;
    if (tagCount < this.#config.tagCountMax) {
      if (tagCount < this.#config.tagCountMax * 0.9) this.#isLimitNoticed = false;
      const isStaying = recent !== undefined && atMs <= recent.goneAtMs;
      return isStaying ? recent.passage.reopened(atMs) : new Passage(atMs);
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
      const verdict = passage.judge(this.#config, this.#weigh(epc));
      this.#tell(epc, passage, verdict, atMs, output);
      if (passage.isOfBackground && passage.movedFrom === undefined) this.#background.settle(epc);
      else this.#remember(epc, passage);
      return;
    }
  }

  #tell(epc: EpcHex, passage: Passage, verdict: Verdict, atMs: number, output: Output): void {
    if (verdict.kind === "moved") {
      this.#reportMoved(epc, verdict, atMs, output);
      this.#background.remove(epc, output);
      passage.restart(verdict.firstSide);
    } else if (verdict.kind === "thin") this.#count("portal_passages_thin");
    else if (verdict.kind === "uncertain") {
      // Later in the same stay it only says again that the tag is still about.
      if (passage.isNoticed) this.#count("portal_passages_uncertain_again");
      else {
        const { look } = verdict;
        passage.isNoticed = true;
        const detail = { epc, confidence: rounded(look.confidence), ...evidenceOf(look) };
        output.conclusions.push(
          warning(this.#config.deviceId, "passage_uncertain", look.changeAtMs, detail),
        );
      }
    }
  }

  #weigh(epc: EpcHex): Weigh {
    return (sight) => {
      const beams = this.#beams?.isAnswering(sight.atMs, undefined) ? this.#beams : undefined;
      const figures = beams?.figures(sight);
      const features = figures === undefined ? sight.features : joined(sight.features, figures);
      this.#onSight?.(epc, { ...sight, features });
      const weights = this.#weightsFor(features, figures !== undefined);
      const scores = features.isFlat ? orderScoresOf(features) : scoresOf(features, weights);
      return this.#votes.sway(epc, scores, sight);
    };
  }

  /** Its own weights, where they are of these figures; a portal whose beams do not work goes back to the common ones. */
  #weightsFor({ odd, even }: PassageFeatures, hasBeams: boolean): PortalWeights {
    const { weights: own } = this.#config;
    const fits = own?.movedOdd.length === odd.length && own.movedEven.length === even.length;
    if (own !== undefined && fits) return own;
    return hasBeams ? portalBeamWeights : portalWeights;
  }

  #remember(epc: EpcHex, passage: Passage): void {
    const { goneAfterMs, rareGoneAfterMs, readCountMin } = this.#config;
    const isClear = passage.runReads >= 2 * readCountMin;
    const goneAtMs = passage.lastAtMs + (isClear ? goneAfterMs : rareGoneAfterMs);
    this.#recent.set(epc, { passage, goneAtMs });
  }

  #reportMoved(
    epc: EpcHex,
    { firstSide, look }: { readonly firstSide: Side; readonly look: Look },
    decidedAtMs: number,
    output: Output,
  ): void {
    const { deviceId, sideA, sideB, stepAToB, stepBToA } = this.#config;
    const isAToB = firstSide === "a";
    const [from, to] = isAToB ? [sideA, sideB] : [sideB, sideA];
    output.conclusions.push({
      type: "moved",
      occurredAtMs: look.changeAtMs,
      deviceId,
      step: isAToB ? stepAToB : stepBToA,
      item: itemOfTag(epc, this.#count),
      quantity: 1,
      from: { location: from.location, state: "sellable" },
      to: { location: to.location, state: "sellable" },
      readPoint: to.location,
      confidence: rounded(look.confidence),
      evidence: { decidedAtMs, ...evidenceOf(look) },
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
    this.#votes.clear();
    if (this.deviceIds.length === 1) this.#beams?.goOffline();
    this.#background.goOffline(atMs);
  }
}

function rounded(confidence: number): number {
  return Math.round(confidence * 1000) / 1000;
}

function joined(features: PassageFeatures, { odd, even }: BeamFigures): PassageFeatures {
  return { ...features, odd: [...features.odd, ...odd], even: [...features.even, ...even] };
}
