// A weight shelf: what was taken from a cell or put on it, by the change between two rests and what the
// plan says stands there. Where two answers are as good, or none is, it says so and moves no stock.

import { z } from "zod";
import type { Place } from "../../contract/event.ts";
import type { Plan } from "../../contract/plan.ts";
import type { Reading, WeightReading } from "../../contract/reading.ts";
import { isWithin, storeOf } from "../../contract/units.ts";
import { type Count, type Machine, type Output, warning } from "./machine.ts";
import { ShelfCell, type WeightStep } from "./shelf-cell.ts";
import type { ShelfConfig } from "./shelf-config.ts";
import { readStored } from "./stored.ts";
import { type Candidate, matchWeight, type WeighedProduct } from "./weight-match.ts";

/** Between units of a product whose plan does not say (the 90th percentile of real goods is 5.5 %). */
const unitSdShareDefault = 0.02;
/** Candidates that a notice lists. */
const candidateCountMax = 5;

const storedSchema = z.strictObject({ restGrams: z.number() });

interface CellPlace {
  readonly cell: number;
  readonly location: string;
  readonly key: string;
  readonly scale: ShelfCell;
  products: WeighedProduct[];
  /** Last usable sample, or since when the device could have sent one; undefined while it is offline. */
  seenAtMs: number | undefined;
  isBlind: boolean;
}

/** One shelf. */
export class Shelf implements Machine {
  readonly deviceIds: readonly string[];
  readonly #config: ShelfConfig;
  readonly #count: Count;
  readonly #cells: ReadonlyMap<number, CellPlace>;
  readonly #places: readonly CellPlace[];

  constructor(config: ShelfConfig, count: Count) {
    this.deviceIds = [config.deviceId];
    this.#config = config;
    this.#count = count;
    this.#cells = new Map(
      config.cells.map(({ cell, location }) => {
        const key = `shelf/${config.deviceId}/${cell}`;
        const scale = new ShelfCell(config);
        return [
          cell,
          { cell, location, key, scale, products: [], seenAtMs: undefined, isBlind: false },
        ];
      }),
    );
    this.#places = [...this.#cells.values()];
  }

  nextDeadlineMs(): number {
    return Math.min(...this.#places.map((place) => this.#blindAtMs(place)));
  }

  advance(atMs: number, output: Output): void {
    for (let dueMs = this.nextDeadlineMs(); dueMs <= atMs; dueMs = this.nextDeadlineMs()) {
      const place = this.#places.find((one) => this.#blindAtMs(one) === dueMs)!;
      place.isBlind = true;
      const { cell, location, seenAtMs = dueMs } = place;
      const detail = { cell, location, fromAtMs: seenAtMs };
      output.conclusions.push(warning(this.#config.deviceId, "shelf_cell_blind", dueMs, detail));
    }
  }

  apply(reading: Reading, output: Output): void {
    if (reading.kind === "weight") this.#weigh(reading, output);
    else if (reading.kind === "device" && reading.state !== "degraded") {
      for (const place of this.#places) {
        if (reading.state === "offline") place.scale.freeze(reading.receivedAtMs);
        place.seenAtMs = reading.state === "offline" ? undefined : reading.receivedAtMs;
        place.isBlind = false;
      }
    }
  }

  decidedThroughMs(nowMs: number): number {
    return Math.min(nowMs, ...this.#places.map(({ scale }) => scale.decidedThroughMs(nowMs)));
  }

  restore(stored: ReadonlyMap<string, string>, nowMs: number): void {
    for (const { key, scale } of this.#places) {
      const text = stored.get(key);
      if (text === undefined) continue;
      const value = readStored(storedSchema, text);
      if (value === undefined) this.#count("shelf_state_unreadable");
      else scale.restore(value.restGrams, nowMs);
    }
  }

  setPlan(plan: Plan): void {
    const weighed = new Map(plan.products.map((product) => [product.gtin, product]));
    for (const place of this.#places) {
      // What faces the whole gondola may lie on any of its cells.
      const facings = plan.facings.filter((facing) => isWithin(place.location, facing.location));
      place.products = [...new Set(facings.map(({ gtin }) => gtin))].flatMap((gtin) => {
        const { unitWeightGrams, unitWeightSdGrams } = weighed.get(gtin) ?? {};
        if (unitWeightGrams === undefined) return [];
        const sdGrams = unitWeightSdGrams ?? unitWeightGrams * unitSdShareDefault;
        return [{ gtin, unitWeightGrams, unitWeightSdGrams: sdGrams }];
      });
    }
  }

  shiftTime(byMs: number): void {
    for (const place of this.#places) {
      place.scale.shiftTime(byMs);
      if (place.seenAtMs !== undefined) place.seenAtMs += byMs;
    }
  }

  #blindAtMs({ seenAtMs, isBlind }: CellPlace): number {
    if (seenAtMs === undefined || isBlind) return Number.POSITIVE_INFINITY;
    return seenAtMs + this.#config.blindAfterMs;
  }

  #weigh(reading: WeightReading, output: Output): void {
    const { cell, weightGrams, status, receivedAtMs } = reading;
    const place = this.#cells.get(cell);
    if (place === undefined) {
      this.#count("shelf_samples_unknown_cell");
      return;
    }
    if (status !== "ok" || !Number.isFinite(weightGrams)) {
      this.#count("shelf_samples_unusable");
      place.seenAtMs ??= receivedAtMs;
      place.scale.freeze(receivedAtMs);
      return;
    }
    place.seenAtMs = receivedAtMs;
    place.isBlind = false;
    const change = place.scale.take(receivedAtMs, weightGrams);
    if (change === undefined) return;
    const restGrams = round(place.scale.restGrams ?? 0);
    output.state.push({ key: place.key, value: JSON.stringify({ restGrams }) });
    if (change.kind === "step") this.#explain(place, change, output);
  }

  #explain(place: CellPlace, step: WeightStep, output: Output): void {
    const { cell, location, products } = place;
    const deltaGrams = step.afterGrams - step.beforeGrams;
    const match = matchWeight(Math.abs(deltaGrams), products, this.#config);
    const detail = { cell, location, deltaGrams: round(deltaGrams) };
    if (match.kind === "none") {
      const reason = products.length === 0 ? "no_product" : "no_fit";
      const noticed = warning(this.#config.deviceId, "shelf_unexplained", step.occurredAtMs, {
        ...detail,
        reason,
      });
      output.conclusions.push(noticed);
    } else if (match.kind === "ambiguous") {
      const candidates = match.candidates.slice(0, candidateCountMax).map(shown);
      const noticed = warning(this.#config.deviceId, "shelf_ambiguous", step.occurredAtMs, {
        ...detail,
        candidates,
      });
      output.conclusions.push(noticed);
    } else {
      const { product, quantity, residualGrams } = match.best;
      const isTaken = deltaGrams < 0;
      const shelf: Place = { location, state: "sellable" };
      const elsewhere = this.#elsewhere(location, isTaken);
      output.conclusions.push({
        type: "moved",
        occurredAtMs: step.occurredAtMs,
        deviceId: this.#config.deviceId,
        step: isTaken ? "customer_pick" : this.#config.positiveStep,
        item: { gtin: product.gtin },
        quantity,
        from: isTaken ? shelf : elsewhere,
        to: isTaken ? elsewhere : shelf,
        readPoint: location,
        confidence: Math.round(match.confidence * 1000) / 1000,
        evidence: {
          decidedAtMs: step.decidedAtMs,
          cell,
          beforeGrams: round(step.beforeGrams),
          afterGrams: round(step.afterGrams),
          unitWeightGrams: product.unitWeightGrams,
          residualGrams: round(residualGrams),
        },
      });
    }
  }

  #elsewhere(location: string, isTaken: boolean): Place {
    const { positiveStep, stockroom } = this.#config;
    if (!isTaken && positiveStep === "stocking" && stockroom !== undefined) {
      return { location: stockroom, state: "sellable" };
    }
    return { location: `${storeOf(location)}/@basket`, state: "sellable" };
  }
}

function shown({ product, quantity, residualGrams }: Candidate) {
  return { gtin: product.gtin, quantity, residualGrams: round(residualGrams) };
}

function round(weightGrams: number): number {
  return Math.round(weightGrams * 10) / 10;
}
