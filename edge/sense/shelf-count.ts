// A count of one cell of a weight shelf by the whole of its weight: why there can be none, and the event.

import type { CountedConclusion } from "../../contract/event.ts";
import type { ShelfCell } from "./shelf-cell.ts";
import type { ShelfStock, WholeCount } from "./shelf-stock.ts";
import type { WeighedProduct } from "./weight-match.ts";

/**
 * The possibilities are weighed too evenly: on tuning worlds (normal, seeds 1-48), counts of 0.94 to 0.98 were right in
 * 99.0 % of 386, of 0.8 to 0.9 in 93 % of 119. Log-odds times this is what they were worth.
 */
const certaintyFactor = 1.5;

/** What a count looks at. */
export interface CountableCell {
  readonly cell: number;
  readonly location: string;
  readonly tareGrams: number | undefined;
  readonly scale: ShelfCell;
  readonly stock: ShelfStock;
  readonly products: readonly WeighedProduct[];
  readonly seenAtMs: number | undefined;
  readonly isBlind: boolean;
  /** A change that waits for another look. */
  readonly pending: object | undefined;
}

/** How a cell was counted. */
export type CellCount =
  | { readonly ok: true; readonly whole: WholeCount; readonly counted: CountedConclusion }
  | { readonly ok: false; readonly reason: string };

/** Counts a cell at rest; what it finds is the cell's stock from then on. */
export function countCell(place: CountableCell, deviceId: string, atMs: number): CellCount {
  const { cell, location, scale, stock, products, tareGrams } = place;
  const reason = reasonAgainst(place);
  const [product] = products;
  if (reason !== undefined) return { ok: false, reason };
  if (product === undefined || tareGrams === undefined || scale.restGrams === undefined) {
    return { ok: false, reason: `cell ${cell} was never at rest` };
  }
  const loadGrams = scale.restGrams - tareGrams;
  const whole = stock.recount(loadGrams, product, scale.sensorSdGrams);
  if (whole === undefined) {
    const reason = `what weighs ${round(loadGrams)} g on cell ${cell} is no sure number of ${product.gtin}`;
    return { ok: false, reason };
  }
  const lines = [{ gtin: whole.gtin, quantity: whole.quantity }, ...whole.strangers];
  const counted: CountedConclusion = {
    type: "counted",
    occurredAtMs: atMs,
    deviceId,
    location,
    state: "sellable",
    complete: true,
    confidence: Math.round(tempered(whole.confidence) * 1000) / 1000,
    lines: lines.map((line) => ({ ...line, observedAtMs: atMs })),
    evidence: { loadGrams: round(loadGrams) },
  };
  return { ok: true, whole, counted };
}

function tempered(confidence: number): number {
  const odds = (confidence / (1 - confidence)) ** certaintyFactor;
  return odds === Number.POSITIVE_INFINITY ? 1 : odds / (1 + odds);
}

function reasonAgainst(place: CountableCell): string | undefined {
  const { cell, tareGrams, products } = place;
  if (tareGrams === undefined)
    return `cell ${cell} has no tareGrams: gondola-edge calibrate tells it`;
  if (products.length === 0) return `the plan has no weighed product for cell ${cell}`;
  if (products.length > 1) return `cell ${cell} holds several products by the plan`;
  return unrestOf(place);
}

/** Why what a cell shows says nothing now. */
export function unrestOf({
  cell,
  seenAtMs,
  isBlind,
  scale,
  pending,
}: CountableCell): string | undefined {
  if (seenAtMs === undefined || isBlind) return `cell ${cell} sends no weight`;
  if (scale.isMoving || pending !== undefined) return `cell ${cell} is being touched`;
  if (scale.restGrams === undefined) return `cell ${cell} was never at rest`;
  return undefined;
}

function round(weightGrams: number): number {
  return Math.round(weightGrams * 10) / 10;
}
