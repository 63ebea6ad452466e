// One unit seen by several sensors is one movement: two portals at one door say the same passage, a weight shelf and
// its antennas the same pick. And a tag that a shelf goes on reading has not left through a portal.

import type { Conclusion, MovedConclusion } from "../../contract/event.ts";
import { type EpcHex, isWithin } from "../../contract/units.ts";
import { type Arbiter, type Count, type Output, warning } from "./machine.ts";

/** Two readers at one door say the same passage within this time. */
export const samePassageMs = 10_000;
/** Antennas notice that a tag has left a shelf this much later than its weight does, or before. */
export const samePickMs = 60_000;
/** A shelf that read a tag so long after it passed a portal read it where it was before. */
export const contradictedAfterMs = 500;
/** Movements of each sort that are remembered; older ones are forgotten first. */
const rememberedCountMax = 10_000;

type Tagged = MovedConclusion & { item: { epc: EpcHex } };

/** Where sensors that follow tags read one last. */
export type LastSeen = (
  epc: EpcHex,
) => { readonly location: string; readonly atMs: number } | undefined;

/** The arbiter of movements that are the same. */
export class SameUnit implements Arbiter {
  readonly #count: Count;
  readonly #lastSeen: LastSeen;
  /** The last movement of a tag, by its EPC. */
  readonly #tagged = new Map<string, Tagged>();
  /** Picks and put-backs that a scale saw and no tag was found for yet. */
  #weighed: MovedConclusion[] = [];

  constructor(count: Count, lastSeen: LastSeen = () => undefined) {
    this.#count = count;
    this.#lastSeen = lastSeen;
  }

  review({ conclusions }: Output): void {
    const kept = conclusions
      .map((conclusion) => this.#doubted(conclusion))
      .filter((conclusion) => !this.#isSaid(conclusion));
    conclusions.splice(0, conclusions.length, ...kept.map((conclusion) => this.#named(conclusion)));
  }

  observe(): void {
    // Conclusions are enough.
  }

  restore(): void {
    // What was said before a restart is older than any window.
  }

  setPlan(): void {
    // Places are compared by their names.
  }

  setSold(): void {
    // Only exits ask what is sold.
  }

  shiftTime(byMs: number): void {
    for (const moved of [...this.#tagged.values(), ...this.#weighed]) moved.occurredAtMs += byMs;
  }

  // A stray read: the portal hears what stands on the shelf beside it.
  #doubted(conclusion: Conclusion): Conclusion {
    if (!isTagged(conclusion)) return conclusion;
    const { from, to, item, occurredAtMs, deviceId } = conclusion;
    const seen = this.#lastSeen(item.epc);
    if (seen === undefined || from === undefined || to === undefined) return conclusion;
    const isBehind =
      isWithin(seen.location, from.location) && !isWithin(seen.location, to.location);
    if (!isBehind || seen.atMs < occurredAtMs + contradictedAfterMs) return conclusion;
    this.#count("passages_contradicted");
    return warning(deviceId, "passage_uncertain", occurredAtMs, {
      epc: item.epc,
      from: from.location,
      to: to.location,
      seenAt: seen.location,
      seenAtMs: seen.atMs,
    });
  }

  // A tag cannot go from here to there twice without coming back, so another reader's word is the same passage.
  #isSaid(conclusion: Conclusion): boolean {
    if (!isTagged(conclusion)) return false;
    const { epc } = conclusion.item;
    const last = this.#tagged.get(epc);
    const isSame =
      last !== undefined &&
      last.deviceId !== conclusion.deviceId &&
      Math.abs(conclusion.occurredAtMs - last.occurredAtMs) <= samePassageMs &&
      last.from?.location === conclusion.from?.location &&
      last.to?.location === conclusion.to?.location;
    if (isSame) {
      this.#count("movements_merged");
      return true;
    }
    this.#tagged.delete(epc);
    // A copy: what is said is no longer ours to shift.
    this.#tagged.set(epc, { ...conclusion });
    const [oldest] = this.#tagged.keys();
    if (this.#tagged.size > rememberedCountMax && oldest !== undefined) this.#tagged.delete(oldest);
    return false;
  }

  // The tag's movement carries the scale's as its reference: the ledger names that unit and moves no second one.
  #named(conclusion: Conclusion): Conclusion {
    if (conclusion.type !== "moved" || !isShelfStep(conclusion)) return conclusion;
    if (!isTagged(conclusion)) {
      if (conclusion.item.serial === undefined && conclusion.quantity === 1) {
        const sinceAtMs = conclusion.occurredAtMs - samePickMs;
        const recent = this.#weighed.filter(({ occurredAtMs }) => occurredAtMs >= sinceAtMs);
        this.#weighed = [...recent, { ...conclusion }].slice(-rememberedCountMax);
      }
      return conclusion;
    }
    const at = this.#weighed.findIndex((weighed) => isSamePick(weighed, conclusion));
    const [weighed] = at < 0 ? [] : this.#weighed.splice(at, 1);
    if (weighed === undefined) return conclusion;
    this.#count("movements_weighed_and_tagged");
    const id = `${weighed.deviceId}/${weighed.occurredAtMs}`;
    return { ...conclusion, reference: { type: "weighed", id } };
  }
}

function isTagged(conclusion: Conclusion): conclusion is Tagged {
  return conclusion.type === "moved" && conclusion.item.epc !== undefined;
}

function isShelfStep({ step }: MovedConclusion): boolean {
  return step === "customer_pick" || step === "customer_putback";
}

function isSamePick(weighed: MovedConclusion, tagged: Tagged): boolean {
  const [one, other] = [shelfOf(weighed), shelfOf(tagged)];
  return (
    weighed.step === tagged.step &&
    weighed.item.gtin === tagged.item.gtin &&
    Math.abs(weighed.occurredAtMs - tagged.occurredAtMs) <= samePickMs &&
    one !== undefined &&
    other !== undefined &&
    (isWithin(one, other) || isWithin(other, one))
  );
}

function shelfOf({ step, from, to, readPoint }: MovedConclusion): string | undefined {
  return (step === "customer_pick" ? from : to)?.location ?? readPoint;
}
