// The event of what was taken from a weight shelf or put on it.

import type { MovedConclusion, Place } from "../../contract/event.ts";
import { storeOf } from "../../contract/units.ts";
import type { ChangeOption } from "./shelf-belief.ts";
import type { WeightStep } from "./shelf-cell.ts";
import type { ShelfConfig } from "./shelf-config.ts";
import { type Candidate, type Part, partsOf, residualOf } from "./weight-match.ts";

/** What was moved, and by how much its weight was another one. */
export type Moved = Part & { readonly residualGrams: number };

/** A change of a cell's weight as a movement. */
export function movedOf(
  { cell, location }: { readonly cell: number; readonly location: string },
  config: Pick<ShelfConfig, "deviceId" | "positiveStep" | "stockroom">,
  step: WeightStep,
  { product, quantity, residualGrams }: Moved,
  confidence: number,
): MovedConclusion {
  const isTaken = step.afterGrams < step.beforeGrams;
  const shelf: Place = { location, state: "sellable" };
  // What nobody took before is put there by staff.
  const isStocked = !isTaken && (config.positiveStep === "stocking" || product.isHeld !== true);
  const elsewhere = elsewhereOf(location, isStocked, config);
  const from = isTaken ? shelf : elsewhere;
  return {
    type: "moved",
    occurredAtMs: step.occurredAtMs,
    deviceId: config.deviceId,
    step: isTaken ? "customer_pick" : isStocked ? "stocking" : "customer_putback",
    item: { gtin: product.gtin },
    quantity,
    ...(from === undefined ? {} : { from }),
    to: (isTaken ? elsewhere : undefined) ?? shelf,
    readPoint: location,
    confidence: Math.round(confidence * 1000) / 1000,
    evidence: {
      decidedAtMs: step.decidedAtMs,
      cell,
      beforeGrams: round(step.beforeGrams),
      afterGrams: round(step.afterGrams),
      unitWeightGrams: product.unitWeightGrams,
      residualGrams: round(residualGrams),
    },
  };
}

/** Undefined: the stockroom, which the ledger knows where it is not configured. */
function elsewhereOf(
  location: string,
  isStocked: boolean,
  { stockroom }: Pick<ShelfConfig, "stockroom">,
): Place | undefined {
  if (!isStocked) return { location: `${storeOf(location)}/@basket`, state: "sellable" };
  return stockroom === undefined ? undefined : { location: stockroom, state: "sellable" };
}

/** An explanation of a change as the cell's stock takes it. */
export function optionOf(candidate: Candidate, sign: 1 | -1): ChangeOption {
  const parts = partsOf(candidate).map((part) => ({
    gtin: part.product.gtin,
    quantity: sign * part.quantity,
    grams: part.quantity * part.product.unitWeightGrams + residualOf(candidate, part),
  }));
  return { parts, plausibility: candidate.plausibility };
}

/** As a notice lists it. */
export function shown({ product, quantity, also, residualGrams }: Candidate) {
  const other = also && { also: { gtin: also.product.gtin, quantity: also.quantity } };
  return { gtin: product.gtin, quantity, ...other, residualGrams: round(residualGrams) };
}

/** To what a scale shows. */
export function round(weightGrams: number): number {
  return Math.round(weightGrams * 10) / 10;
}
