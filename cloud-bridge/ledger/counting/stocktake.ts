// A count that people carry out: a sheet of lines for a place, counted, reviewed, recounted, approved, and
// posted as anchors. Here is what it consists of and how it begins; `stocktake-steps.ts` takes it on. Pure.

import type { StockState } from "../../../contract/units.ts";
import type { CountPolicy } from "./count-policy.ts";
import { drawSample, wilsonInterval } from "./interval.ts";

/** Lines of one stocktake. */
export const stocktakeLineCountMax = 5000;
/** Observations of one line; after that somebody decides, or the line is counted in another stocktake. */
export const observationCountMax = 8;
/** Stocktakes of one store that are open at a time. */
export const openStocktakeCountMax = 200;
/** How far the clock of whoever counts may be ahead. */
export const clockSkewMsMax = 60_000;

/**
 * `full`: everything in the place, what is not found is absent. `cycle`: some products. `sample`: some lines,
 * drawn by chance, to say how right the others are. `problem`: lines that something speaks against.
 */
export const stocktakeKinds = ["full", "cycle", "sample", "problem"] as const;
export type StocktakeKind = (typeof stocktakeKinds)[number];
export const stocktakePhases = ["counting", "review", "done", "cancelled"] as const;
export type StocktakePhase = (typeof stocktakePhases)[number];

/** Why a difference was posted. */
export const adjustmentReasons = [
  "cycle_count",
  "correction",
  "damaged",
  "shrinkage",
  "theft_exit",
  "receipt_variance",
  "transfer_variance",
  "sensor_correction",
  "late_sale",
  "other",
] as const;
export type AdjustmentReason = (typeof adjustmentReasons)[number];

/** What somebody saw of one line. */
export interface Observation {
  readonly by: string;
  readonly quantity: number;
  readonly observedAtMs: number;
  /** Of a set of tags; a person who counts units gives none. */
  readonly confidence?: number;
  /** What the book said of that time, as far as it was known when it was judged. */
  readonly book: number;
  /** The store's last entry when it was recorded: what comes after makes the line outdated. */
  readonly entryNumber: number;
  /** Nobody said so: a full count that ended without the product. */
  readonly isImplied?: boolean;
  /** An edge said so, by an event that anchored at once. */
  readonly isAnchored?: boolean;
}

/**
 * `open`: not counted. `counted`: waits for the review. `recount`: another person has to count. `approval`:
 * counted twice, and worth more than whoever counted may post. `accepted`: may be posted.
 */
export const lineStatuses = [
  "open",
  "counted",
  "recount",
  "approval",
  "accepted",
  "posted",
] as const;
export type LineStatus = (typeof lineStatuses)[number];

export interface StocktakeLine {
  readonly gtin: string;
  readonly location: string;
  readonly status: LineStatus;
  readonly observations: readonly Observation[];
  /** Of what differs; null where the product has no price, so that nobody knows. */
  readonly valueMinor: number | null;
  /** Stock moved in its accounts between counting and posting. */
  readonly isOutdated: boolean;
  readonly reason?: AdjustmentReason;
  /** What was behind it, as a code. */
  readonly cause?: string;
  readonly approvedBy?: string;
}

export interface Stocktake {
  /** 32 hex digits; the outbox of its postings. */
  readonly countId: string;
  /** Of the body that opened it: the same key with another is a conflict. */
  readonly digest: string;
  readonly storeId: string;
  readonly kind: StocktakeKind;
  readonly location: string;
  readonly state: StockState;
  readonly phase: StocktakePhase;
  readonly openedAtMs: number;
  readonly openedBy: string;
  readonly changedAtMs: number;
  readonly changedBy: string;
  readonly submittedAtMs?: number;
  /** Postings so far: the sequence of the last. */
  readonly postingCount: number;
  /** Lines that a sample was drawn from. */
  readonly populationCount: number;
  readonly lines: readonly StocktakeLine[];
}

export type StocktakeRefusalCode =
  | "STOCKTAKE_UNKNOWN"
  | "STOCKTAKE_PHASE"
  | "STOCKTAKE_LINE"
  | "STOCKTAKE_LIMIT"
  | "STOCKTAKE_TIME"
  | "SAME_ACTOR"
  | "AUTHORITY_LOW"
  | "KEY_REUSED";

/** Why nothing was done; `field` names what of the request is meant. */
export interface StocktakeRefusal {
  readonly ok: false;
  readonly code: StocktakeRefusalCode;
  readonly field: string;
  readonly message: string;
}
export type StocktakeOutcome =
  | { readonly ok: true; readonly stocktake: Stocktake }
  | StocktakeRefusal;

/** Names a line of a stocktake. */
export interface LineKey {
  readonly gtin: string;
  readonly location: string;
}

export function lineKey({ gtin, location }: LineKey): string {
  return `${gtin} ${location}`;
}

export function refusal(
  code: StocktakeRefusalCode,
  field: string,
  message: string,
): StocktakeRefusal {
  return { ok: false, code, field, message };
}

/** What opens a stocktake. */
export interface OpenRequest {
  readonly countId: string;
  readonly digest: string;
  readonly storeId: string;
  readonly kind: StocktakeKind;
  readonly location: string;
  readonly state: StockState;
  readonly by: string;
  /** Of a sample. */
  readonly sampleCount: number;
  /** Named lines; without any, those that `candidates` of the place are. */
  readonly lines: readonly LineKey[];
}

/** Opens a stocktake over named lines, or over the `candidates` that the place has. */
export function openStocktake(
  request: OpenRequest,
  candidates: readonly LineKey[],
  { nowMs, random, openCount }: { nowMs: number; random: () => number; openCount: number },
): StocktakeOutcome {
  const { kind, by, sampleCount, lines: named, ...about } = request;
  if (openCount >= openStocktakeCountMax) {
    const message = `store ${about.storeId} has ${openStocktakeCountMax} open counts already; post or cancel some`;
    return refusal("STOCKTAKE_LIMIT", "store", message);
  }
  const population = distinct(named.length > 0 ? named : candidates);
  const chosen =
    kind === "sample"
      ? drawSample(population.length, sampleCount, random).map((index) => population[index]!)
      : population;
  if (chosen.length > stocktakeLineCountMax) {
    const message = `${chosen.length} lines lie below ${about.location}, ${stocktakeLineCountMax} can be counted at once; count a smaller place`;
    return refusal("STOCKTAKE_LIMIT", "location", message);
  }
  if (chosen.length === 0 && kind !== "full") {
    const message = `nothing is to be counted in ${about.location}: name lines, or count it in full`;
    return refusal("STOCKTAKE_LINE", "lines", message);
  }
  const lines = chosen.map((line) => newLine(line));
  return {
    ok: true,
    stocktake: {
      ...{ ...about, kind, phase: "counting", postingCount: 0, lines },
      ...{ openedAtMs: nowMs, openedBy: by, changedAtMs: nowMs, changedBy: by },
      populationCount: population.length,
    },
  };
}

/** A line that nobody has counted yet. */
export function newLine({ gtin, location }: LineKey): StocktakeLine {
  return { gtin, location, status: "open", observations: [], valueMinor: 0, isOutdated: false };
}

function distinct(lines: readonly LineKey[]): LineKey[] {
  const all = new Map(
    lines.map(({ gtin, location }) => [`${gtin} ${location}`, { gtin, location }]),
  );
  return [...all.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
}

/** What a stocktake found of the book. */
export interface StocktakeAccuracy {
  readonly countedLineCount: number;
  /** Lines that the count equals. */
  readonly exactLineCount: number;
  readonly withinLineCount: number;
  /** 1 less the units that differ, of those in the book; pluses are not set off against minuses. */
  readonly unitShare: number;
  /** Where 95 of 100 such samples have the share of lines within tolerance of all lines. */
  readonly interval: { readonly low: number; readonly high: number };
}

/** How right the book was, by the first observation of each line. */
export function accuracyOf(
  { lines }: Pick<Stocktake, "lines">,
  isWithin: (line: StocktakeLine, first: Observation) => boolean,
): StocktakeAccuracy {
  const firsts = lines.flatMap((line) => {
    const first = line.observations[0];
    return first === undefined ? [] : [{ line, first }];
  });
  const differing = (one: Observation) => Math.abs(one.quantity - one.book);
  const wrongCount = firsts.reduce((sum, { first }) => sum + differing(first), 0);
  const bookCount = firsts.reduce((sum, { first }) => sum + Math.max(0, first.book), 0);
  const within = firsts.filter(({ line, first }) => isWithin(line, first));
  const count = firsts.length;
  return {
    countedLineCount: count,
    exactLineCount: firsts.filter(({ first }) => differing(first) === 0).length,
    withinLineCount: within.length,
    unitShare: bookCount === 0 ? Number(wrongCount === 0) : Math.max(0, 1 - wrongCount / bookCount),
    interval: wilsonInterval(within.length, count),
  };
}

/** What a step needs to know beside the stocktake. */
export interface StocktakeView {
  readonly nowMs: number;
  readonly policy: CountPolicy;
  /** Class and price of a product. */
  readonly itemOf: (gtin: string) => { className: string; priceMinor: number | undefined };
  /** The book of a line at the time of its last observation. */
  readonly bookAt: (line: LineKey, atMs: number) => number;
  /** The store's last entry. */
  readonly entryNumber: number;
  /** Whether stock moved in the line's accounts after an entry. */
  readonly hasMoved: (line: LineKey, entryNumber: number) => boolean;
}
