// A weight shelf: what was taken from a cell or put on it, by the change between two rests, what the plan says stands
// there, what was put down there beside it, and what is in hand. A change that nothing explains well is looked at again
// a little later: a hand may lie there. Where two answers are as good, or none is, it says so and moves no stock.

import { z } from "zod";
import type { NoticedConclusion } from "../../contract/event.ts";
import type { Plan } from "../../contract/plan.ts";
import type { Reading, WeightReading } from "../../contract/reading.ts";
import { type Count, type Machine, type Output, warning } from "./machine.ts";
import { placeable, stockable, takeable } from "./shelf-candidates.ts";
import { ShelfCell, type WeightStep } from "./shelf-cell.ts";
import type { ShelfConfig } from "./shelf-config.ts";
import { countCell } from "./shelf-count.ts";
import { ShelfHand } from "./shelf-hand.ts";
import { type Moved, movedOf, optionOf, round, shown } from "./shelf-move.ts";
import { gtinsOf, productsAt } from "./shelf-products.ts";
import { ShelfStock, shelfStockSchema } from "./shelf-stock.ts";
import {
  type StoredTare,
  storedTareSchema,
  type Tared,
  tareCells,
  tareNotice,
} from "./shelf-tare.ts";
import { readStored } from "./stored.ts";
import {
  type Match,
  matchWeight,
  partsOf,
  residualOf,
  type WeighedProduct,
} from "./weight-match.ts";

/** Candidates that a notice lists. */
const candidateCountMax = 5;

/** A change that is explained with at least this confidence is told at once. */
const sureConfidence = 0.9;
/** And only where it was to be expected: a put-back elsewhere, or of what nobody holds, gets another look. */
const surePrior = 1;
/** What was put down among a cell's own goods is taken together with other things too. */
const takenPairPriorMin = 0.05;

const storedSchema = z.strictObject({
  restGrams: z.number(),
  tare: storedTareSchema.optional(),
  ...shelfStockSchema.shape,
});

/** A change that waits for another look. */
interface Pending {
  readonly beforeGrams: number;
  readonly occurredAtMs: number;
  /** How long it took. */
  readonly movementMs: number;
  readonly dueMs: number;
}

interface CellPlace {
  readonly cell: number;
  readonly location: string;
  readonly key: string;
  readonly configuredTareGrams: number | undefined;
  tareGrams: number | undefined;
  /** As it was set last; it rests while the configuration says another one than it said then. */
  storedTare: StoredTare | undefined;
  readonly gain: number;
  readonly scale: ShelfCell;
  readonly stock: ShelfStock;
  products: WeighedProduct[];
  /** Last usable sample, or since when the device could have sent one; undefined while it is offline. */
  seenAtMs: number | undefined;
  isBlind: boolean;
  pending: Pending | undefined;
  /** When the whole cell is counted next; Infinity while nothing changed. */
  recountAtMs: number;
  /** When it is counted by the schedule; Infinity without one, and before its first weight. */
  countAtMs: number;
}

/** One shelf. */
export class Shelf implements Machine {
  readonly deviceIds: readonly string[];
  readonly #config: ShelfConfig;
  readonly #count: Count;
  readonly #cells: ReadonlyMap<number, CellPlace>;
  readonly #places: readonly CellPlace[];
  readonly #hand: ShelfHand;
  readonly #handKey: string;

  constructor(config: ShelfConfig, count: Count) {
    this.deviceIds = [config.deviceId];
    this.#config = config;
    this.#count = count;
    this.#hand = new ShelfHand(config.inHandMs, config.cells.length);
    this.#handKey = `shelf/${config.deviceId}/hand`;
    this.#cells = new Map(
      config.cells.map(({ cell, location, tareGrams, gain }) => [
        cell,
        {
          ...{ cell, location, tareGrams, configuredTareGrams: tareGrams, gain },
          ...{ key: `shelf/${config.deviceId}/${cell}`, storedTare: undefined },
          ...{ scale: new ShelfCell(config), stock: new ShelfStock(), products: [] },
          ...{ seenAtMs: undefined, isBlind: false, pending: undefined },
          recountAtMs: Number.POSITIVE_INFINITY,
          countAtMs: Number.POSITIVE_INFINITY,
        },
      ]),
    );
    this.#places = [...this.#cells.values()];
  }

  nextDeadlineMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const place of this.#places) nextMs = Math.min(nextMs, this.#dueMs(place));
    return nextMs;
  }

  advance(atMs: number, output: Output): void {
    for (let dueMs = this.nextDeadlineMs(); dueMs <= atMs; dueMs = this.nextDeadlineMs()) {
      const place = this.#places.find((one) => this.#dueMs(one) === dueMs)!;
      if (place.pending?.dueMs === dueMs) this.#lookAgain(place, place.pending, dueMs, output);
      else if (place.recountAtMs === dueMs) this.#recount(place, dueMs, output);
      else if (place.countAtMs === dueMs) this.#countByPlan(place, dueMs, output);
      else this.#tellBlind(place, dueMs, output);
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
    return Math.min(
      nowMs,
      ...this.#places.map(({ scale, pending }) =>
        Math.min(scale.decidedThroughMs(nowMs), pending?.occurredAtMs ?? nowMs),
      ),
    );
  }

  restore(stored: ReadonlyMap<string, string>, nowMs: number): void {
    for (const place of this.#places) {
      const { scale, stock } = place;
      const text = stored.get(place.key);
      if (text === undefined) continue;
      const value = readStored(storedSchema, text);
      if (value === undefined) {
        this.#count("shelf_state_unreadable");
        continue;
      }
      const { restGrams, tare, ...rest } = value;
      place.storedTare = tare;
      if (tare?.configuredGrams === (place.tareGrams ?? null)) place.tareGrams = tare.tareGrams;
      scale.restore(restGrams, nowMs);
      stock.restore(rest);
    }
    const held = stored.get(this.#handKey);
    if (held !== undefined && !this.#hand.restore(held)) this.#count("shelf_state_unreadable");
  }

  setPlan(plan: Plan): void {
    for (const place of this.#places) place.products = productsAt(plan, place.location);
  }

  shiftTime(byMs: number): void {
    for (const place of this.#places) {
      place.scale.shiftTime(byMs);
      if (place.seenAtMs !== undefined) place.seenAtMs += byMs;
      place.recountAtMs += byMs;
      place.countAtMs += byMs;
      if (place.pending === undefined) continue;
      const { occurredAtMs, dueMs } = place.pending;
      place.pending = { ...place.pending, occurredAtMs: occurredAtMs + byMs, dueMs: dueMs + byMs };
    }
    this.#hand.shiftTime(byMs);
  }

  countablePlaces(): string[] {
    return [...new Set(this.#places.map(({ location }) => location))];
  }

  countPlace(location: string, atMs: number, output: Output): string | undefined {
    const places = this.#places.filter((place) => place.location === location);
    // A count of a location is of all of it, and each cell would count for the whole.
    if (places.length > 1) return `${location} has several cells: each would count for the whole`;
    return places[0] && this.#countNow(places[0], atMs, output);
  }

  /** Takes what a cell, or each of them, shows now as its tare; a text says why not. */
  tare(cell: number | undefined, atMs: number, output: Output): readonly Tared[] | string {
    const places = this.#places.filter((place) => place.cell === (cell ?? place.cell));
    const tared = places.length === 0 ? `there is no cell ${cell}` : tareCells(places);
    if (typeof tared === "string") return tared;
    for (const [index, place] of places.entries()) {
      const one = tared[index]!;
      place.tareGrams = one.afterGrams;
      const configuredGrams = place.configuredTareGrams ?? null;
      place.storedTare = { tareGrams: one.afterGrams, configuredGrams };
      output.conclusions.push(tareNotice(one, place, this.#config.deviceId, atMs));
      this.#planRecount(place, atMs);
      this.#store(place, output);
    }
    return tared;
  }

  #dueMs(place: CellPlace): number {
    const { recountAtMs, countAtMs, pending } = place;
    const blindAtMs = this.#blindAtMs(place);
    return Math.min(blindAtMs, recountAtMs, countAtMs, pending?.dueMs ?? blindAtMs);
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
    const { countEveryMs } = this.#config;
    if (countEveryMs !== undefined && place.countAtMs === Number.POSITIVE_INFINITY) {
      place.countAtMs = receivedAtMs + countEveryMs;
    }
    const change = place.scale.take(receivedAtMs, weightGrams * place.gain);
    if (change === undefined) return;
    if (change.kind === "step") this.#takeStep(place, change, output);
    // While a change waits, what is stored is the weight before it: a restart finds it anew.
    else if (place.pending === undefined) {
      if (change.kind === "adopted") this.#planRecount(place, receivedAtMs);
      this.#store(place, output);
    }
  }

  #takeStep(place: CellPlace, step: WeightStep, output: Output): void {
    const { beforeGrams, occurredAtMs } = place.pending ?? step;
    const { afterGrams, decidedAtMs } = step;
    if (Math.abs(afterGrams - beforeGrams) < place.scale.eventGramsMin) {
      place.pending = undefined;
      this.#count("shelf_touches");
      return;
    }
    const movementMs = decidedAtMs - this.#config.stableMs - occurredAtMs;
    const match = this.#explain(place, afterGrams - beforeGrams, movementMs, decidedAtMs);
    const isSure =
      match.kind === "fits" &&
      match.confidence >= sureConfidence &&
      (match.best.product.prior ?? 1) >= surePrior;
    if (isSure) {
      this.#conclude(place, { ...step, beforeGrams, occurredAtMs }, match, output);
      return;
    }
    const dueMs = decidedAtMs + this.#config.reconsiderMs;
    place.pending = { beforeGrams, occurredAtMs, movementMs, dueMs };
  }

  #lookAgain(place: CellPlace, pending: Pending, atMs: number, output: Output): void {
    const { beforeGrams, occurredAtMs, movementMs } = pending;
    const { scale } = place;
    const { movementMsMax, reconsiderMs } = this.#config;
    if (scale.isMoving && atMs - occurredAtMs < movementMsMax) {
      place.pending = { ...pending, dueMs: atMs + Math.max(reconsiderMs, 100) };
      return;
    }
    const afterGrams = scale.restGrams ?? beforeGrams;
    const match = this.#explain(place, afterGrams - beforeGrams, movementMs, atMs);
    const step = { beforeGrams, afterGrams, occurredAtMs, decidedAtMs: atMs };
    this.#conclude(place, { kind: "step", ...step }, match, output);
  }

  #explain(place: CellPlace, deltaGrams: number, movementMs: number, atMs: number): Match {
    const { positiveStep, toleranceSigmas } = this.#config;
    const { sensorSdGrams } = place.scale;
    if (deltaGrams < 0) {
      const settings = { sensorSdGrams, toleranceSigmas, pairPriorMin: takenPairPriorMin };
      return matchWeight(-deltaGrams, takeable(place), settings);
    }
    const products =
      positiveStep === "stocking"
        ? stockable(place.products)
        : placeable(
            place.products,
            this.#places,
            this.#hand.candidates(atMs, gtinsOf(place.products), sensorSdGrams),
          );
    return matchWeight(deltaGrams, products, { sensorSdGrams, toleranceSigmas, putMs: movementMs });
  }

  #conclude(place: CellPlace, step: WeightStep, match: Match, output: Output): void {
    place.pending = undefined;
    const { cell, location, products } = place;
    const deltaGrams = step.afterGrams - step.beforeGrams;
    const detail = { cell, location, deltaGrams: round(deltaGrams) };
    const notice = (code: string, more: NoticedConclusion["detail"]) =>
      output.conclusions.push(
        warning(this.#config.deviceId, code, step.occurredAtMs, { ...detail, ...more }),
      );
    if (match.kind === "none" && this.#isSmall(place, Math.abs(deltaGrams))) {
      this.#count("shelf_changes_small");
    } else if (match.kind === "none") {
      notice("shelf_unexplained", { reason: products.length === 0 ? "no_product" : "no_fit" });
    } else if (match.kind === "ambiguous") {
      const candidates = match.candidates.slice(0, candidateCountMax).map(shown);
      notice("shelf_ambiguous", { candidates });
    } else {
      const { best, confidence } = match;
      for (const part of partsOf(best)) {
        const moved = { ...part, residualGrams: residualOf(best, part) };
        this.#hold(moved, deltaGrams < 0, step.decidedAtMs);
        output.conclusions.push(movedOf(place, this.#config, step, moved, confidence));
      }
      output.state.push({ key: this.#handKey, value: this.#hand.stored });
    }
    const sign = deltaGrams < 0 ? -1 : 1;
    const options = match.kind === "none" ? [] : match.candidates.map((one) => optionOf(one, sign));
    place.stock.change(match.kind === "fits" ? options[0] : undefined, options, gtinsOf(products));
    this.#planRecount(place, step.decidedAtMs);
    this.#store(place, output);
  }

  // Far less than the lightest thing that lies there: the floor gave way, a cell crept, something leans on it.
  #isSmall({ products, scale }: CellPlace, changeGrams: number): boolean {
    const lightestGrams = Math.min(...products.map(({ unitWeightGrams }) => unitWeightGrams));
    if (products.length === 0) return false;
    return changeGrams < Math.min(lightestGrams / 2, 3 * scale.eventGramsMin);
  }

  // What is known of the hands before the shelf.
  #hold({ product, quantity, residualGrams }: Moved, isTaken: boolean, atMs: number): void {
    if (this.#config.positiveStep === "stocking") return;
    const weightGrams = quantity * product.unitWeightGrams + residualGrams;
    if (isTaken) this.#hand.add(product.gtin, quantity, weightGrams, atMs);
    else this.#hand.remove(product.gtin, quantity, weightGrams);
  }

  #planRecount(place: CellPlace, atMs: number): void {
    if (place.tareGrams === undefined || place.products.length !== 1) return;
    place.recountAtMs = atMs + this.#config.recountAfterMs;
  }

  #recount(place: CellPlace, atMs: number, output: Output): void {
    place.recountAtMs = Number.POSITIVE_INFINITY;
    if (place.scale.isMoving || place.pending !== undefined) {
      this.#planRecount(place, atMs);
      return;
    }
    const count = countCell(place, this.#config.deviceId, atMs);
    if (!count.ok || !count.whole.isNews) return;
    output.conclusions.push(count.counted);
    this.#store(place, output);
  }

  /** On its schedule, whether or not anything changed; where it cannot be now, soon again. */
  #countByPlan(place: CellPlace, atMs: number, output: Output): void {
    const { countEveryMs = Number.POSITIVE_INFINITY, recountAfterMs } = this.#config;
    const reason = this.#countNow(place, atMs, output);
    if (reason !== undefined) this.#count("shelf_counts_put_off");
    place.countAtMs = atMs + (reason === undefined ? countEveryMs : recountAfterMs);
  }

  #countNow(place: CellPlace, atMs: number, output: Output): string | undefined {
    const count = countCell(place, this.#config.deviceId, atMs);
    if (!count.ok) return count.reason;
    output.conclusions.push(count.counted);
    this.#store(place, output);
    return undefined;
  }

  #tellBlind(place: CellPlace, dueMs: number, output: Output): void {
    place.isBlind = true;
    const { cell, location, seenAtMs = dueMs } = place;
    const detail = { cell, location, fromAtMs: seenAtMs };
    output.conclusions.push(warning(this.#config.deviceId, "shelf_cell_blind", dueMs, detail));
  }

  #store(place: CellPlace, output: Output): void {
    const { key, scale, stock, storedTare: tare } = place;
    const restGrams = round(scale.restGrams ?? 0);
    output.state.push({ key, value: JSON.stringify({ restGrams, tare, ...stock.stored }) });
  }
}
