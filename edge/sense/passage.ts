// One tag on its way through a portal: the window of its reads, and what the model makes of it. Knows
// nothing of locations or time-outs.

import type { TagReading } from "../../contract/reading.ts";
import { changeIndexOf, featuresOf, type PassageFeatures } from "./passage-features.ts";
import { PassageWindow, type Side } from "./passage-window.ts";
import { chancesOf, type PassageClass } from "./portal-model.ts";

/** What a passage must show before it counts as a movement. */
export interface PassageFloors {
  /** Reads, of both sides together. */
  readonly readCountMin: number;
  /** From the first read to the last. */
  readonly spanMsMin: number;
  /** Least probability of a movement; what is less likely is uncertain. */
  readonly confidenceMin: number;
}

/** What a passage was. `thin`: hardly a read, noise; `stayed`: it was no movement. */
export type Verdict =
  | { readonly kind: "moved"; readonly firstSide: Side; readonly look: Look }
  | { readonly kind: "uncertain"; readonly look: Look }
  | { readonly kind: "thin" | "stayed" };

/** A look at the window. */
export interface Look {
  readonly features: PassageFeatures;
  readonly likeliest: PassageClass;
  /** Of a movement one way or the other, the likelier of the two. */
  readonly confidence: number;
  readonly firstSide: Side;
  readonly changeAtMs: number;
  readonly spanMs: number;
}

/** One tag's figures at one time, of a window that begins at `fromAtMs`. */
export interface Sight {
  readonly features: PassageFeatures;
  readonly nearestAtMs: number;
  readonly atMs: number;
  readonly fromAtMs: number;
  readonly hasEnded: boolean;
}

/** From figures to scores, with whatever else is known of the tag. */
export type Weigh = (sight: Sight) => readonly number[];

/** Below this probability of a movement there was none. */
const uncertainMin = 0.1;
/** A tag that stays is looked at from time to time, before what it did falls out of the window. */
const lookIntervalMs = 8_000;
/** So much weaker than the strongest the tag is leaving. */
const leavingDb = 5;
/** In slices: only then is its strongest read behind it. */
const leavingSliceCount = 2;

/** The reads of one tag between two silences. */
export class Passage {
  /** When the tag's stay at the portal began; this passage may be a later part of it. */
  staySinceMs: number;
  /** That this stay is uncertain was said already. */
  isNoticed = false;
  firstAtMs: number;
  lastAtMs: number;
  /** Where the last movement of this stay began. */
  movedFrom: Side | undefined = undefined;
  /** It stood here as background until it was suddenly heard more strongly. */
  readonly isOfBackground: boolean;
  /** Of the whole passage, however long it was. */
  readonly heard = { reads: { a: 0, b: 0 }, rssiDbmMax: { a: -150, b: -150 } };
  /** Reads since it was last silent. */
  runReads = 0;
  readonly #window: PassageWindow;
  /** The likeliest movement that a look showed and that was not likely enough. */
  #missed: Look | undefined;
  /** Everything before is decided. */
  #undecidedFromMs: number;
  #lookedAtMs: number;
  #peakDbm = -150;
  #peakAtMs = 0;

  constructor(atMs: number, isOfBackground = false) {
    this.staySinceMs = atMs;
    this.#undecidedFromMs = atMs;
    this.#lookedAtMs = atMs;
    this.firstAtMs = atMs;
    this.lastAtMs = atMs;
    this.isOfBackground = isOfBackground;
    this.#window = new PassageWindow(atMs);
  }

  /** A movement that is still found out did not begin before this. */
  get undecidedFromMs(): number {
    return Math.min(Math.max(this.#window.fromAtMs, this.#undecidedFromMs), this.lastAtMs);
  }

  /** Its tag is seen again after a silence: the same stay goes on. */
  reopened(atMs: number): this {
    this.#undecidedFromMs = atMs;
    this.lastAtMs = atMs;
    this.runReads = 0;
    return this;
  }

  /** Adds a reading; times never go back. Says whether it is worth a look now: the tag is leaving. */
  add(side: Side, { receivedAtMs, rssiDbm, count = 1 }: TagReading): boolean {
    this.lastAtMs = receivedAtMs;
    this.runReads += count;
    this.heard.reads[side] += count;
    this.heard.rssiDbmMax[side] = Math.max(this.heard.rssiDbmMax[side], rssiDbm);
    const isNewSlice = this.#window.add(side, rssiDbm, count, receivedAtMs);
    if (rssiDbm >= this.#peakDbm) {
      this.#peakDbm = rssiDbm;
      this.#peakAtMs = receivedAtMs;
    }
    if (!isNewSlice) return false;
    const isDue = receivedAtMs - this.#lookedAtMs >= lookIntervalMs;
    return isDue || this.#isLeaving(receivedAtMs);
  }

  /** Judges a passage that may be under way: only a movement is told. */
  judgeEarly(floors: PassageFloors, weigh: Weigh): Verdict {
    const look = this.#look(false, weigh);
    if (!this.#isEnough(look, floors)) return { kind: "stayed" };
    if (look.confidence >= earlyConfidence(floors)) return this.#moved(look);
    if (look.confidence > (this.#missed?.confidence ?? 0)) this.#missed = look;
    return { kind: "stayed" };
  }

  /** Judges a passage that is over. */
  judge(floors: PassageFloors, weigh: Weigh): Verdict {
    if (this.#window.slices.length === 0) return { kind: "stayed" };
    // A read now and then of what stands on one side, which is most of what a portal in a stockroom hears.
    if (this.runReads < floors.readCountMin && this.#isOneSided()) return { kind: "thin" };
    const look = this.#look(true, weigh);
    if (this.#isEnough(look, floors) && look.confidence >= floors.confidenceMin)
      return this.#moved(look);
    const missed = this.#missed;
    const best = missed !== undefined && missed.confidence > look.confidence ? missed : look;
    if (best.firstSide === this.movedFrom || best.confidence < uncertainMin)
      return { kind: "stayed" };
    return this.runReads < floors.readCountMin
      ? { kind: "thin" }
      : { kind: "uncertain", look: best };
  }

  /** A movement was told: what comes now is judged on its own. */
  restart(firstSide: Side): void {
    this.movedFrom = firstSide;
    this.#window.clear();
    this.#missed = undefined;
    this.#peakDbm = -150;
  }

  /** Moves all its times. */
  shiftTime(byMs: number): void {
    this.staySinceMs += byMs;
    this.firstAtMs += byMs;
    this.lastAtMs += byMs;
    this.#peakAtMs += byMs;
    this.#undecidedFromMs += byMs;
    this.#lookedAtMs += byMs;
    this.#window.shiftTime(byMs);
  }

  // One who went through cannot go through the same way again without having come back.
  #moved(look: Look): Verdict {
    if (look.firstSide === this.movedFrom) return { kind: "stayed" };
    return { kind: "moved", firstSide: look.firstSide, look };
  }

  #isOneSided(): boolean {
    const { slices } = this.#window;
    return slices.every(({ a }) => a.reads === 0) || slices.every(({ b }) => b.reads === 0);
  }

  #isLeaving(atMs: number): boolean {
    if (atMs - this.#peakAtMs < leavingSliceCount * 250) return false;
    const recent = this.#window.slices.slice(-3, -1);
    return recent.every(({ a, b }) => Math.max(a.rssiDbm, b.rssiDbm) <= this.#peakDbm - leavingDb);
  }

  #isEnough({ features: { reads }, spanMs }: Look, floors: PassageFloors): boolean {
    return reads.a + reads.b >= floors.readCountMin && spanMs >= floors.spanMsMin;
  }

  #look(hasEnded: boolean, weigh: Weigh): Look {
    const window = this.#window;
    this.#lookedAtMs = this.lastAtMs;
    const features = featuresOf(window, hasEnded);
    const nearestAtMs = Math.min(window.atMs(features.nearestIndex), this.lastAtMs);
    const { fromAtMs } = window;
    const chances = chancesOf(
      weigh({ features, nearestAtMs, atMs: this.lastAtMs, fromAtMs, hasEnded }),
    );
    const firstSide = chances.in >= chances.out ? "a" : "b";
    const changeAtMs = window.atMs(changeIndexOf(window, firstSide, features));
    const classes = Object.entries(chances) as [PassageClass, number][];
    const [likeliest] = classes.reduce((one, other) => (other[1] > one[1] ? other : one));
    return {
      features,
      likeliest,
      confidence: Math.max(chances.in, chances.out),
      firstSide,
      changeAtMs: Math.max(Math.min(changeAtMs, this.lastAtMs), this.#undecidedFromMs),
      spanMs: this.lastAtMs - Math.max(this.firstAtMs, window.fromAtMs),
    };
  }
}

// While it may still turn back, more is asked for.
function earlyConfidence({ confidenceMin }: PassageFloors): number {
  return (1 + confidenceMin) / 2;
}

/** What an event shows of a look. */
export function evidenceOf({ features, likeliest, firstSide, spanMs }: Look) {
  const { reads, rssiDbmMax } = features;
  return {
    firstSide,
    likeliest,
    readsA: reads.a,
    readsB: reads.b,
    rssiDbmMaxA: rssiDbmMax.a,
    rssiDbmMaxB: rssiDbmMax.b,
    spanMs,
  };
}
