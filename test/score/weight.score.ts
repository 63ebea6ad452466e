// Weight shelves: every scenario config/scenarios/weight/*.yaml, ours and what a threshold alone makes of them.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { Conclusion } from "../../contract/event.ts";
import type { WeightReading } from "../../contract/reading.ts";
import type { Output } from "../../edge/sense/machine.ts";
import { Pipeline } from "../../edge/sense/pipeline.ts";
import { Shelf } from "../../edge/sense/shelf.ts";
import { shelfConfigSchema } from "../../edge/sense/shelf-config.ts";
import { seededRandom } from "../../simulators/random.ts";
import { type ShelfScenario, shelfScenarioSchema } from "../../simulators/weight-scenario.ts";
import { drawPhysics, weighCells } from "../../simulators/world/load-cells.ts";
import { judgingSeedMin } from "../../simulators/world/physics.ts";
import {
  columnLocation,
  playShelf,
  type ShelfDay,
  shelfLocation,
} from "../../simulators/world/shelf-day.ts";
import type { ScoreOptions, ScoreRow } from "./card.ts";
import { type ShelfDecision, type ShelfSaid, WeightCard } from "./weight-card.ts";

const folder = fileURLToPath(new URL("../../config/scenarios/weight/", import.meta.url));
const startAtMs = Date.UTC(2026, 0, 5, 8);
const periodMs = 100;
const deviceId = "shelf-1";

/** The scenarios by name. */
export function weightScenarios(): Map<string, ShelfScenario> {
  const files = readdirSync(folder).filter((file) => file.endsWith(".yaml"));
  const read = (file: string) =>
    shelfScenarioSchema.parse(parse(readFileSync(`${folder}${file}`, "utf8")));
  return new Map(files.sort().map((file) => [`weight-${file.replace(/\.yaml$/, "")}`, read(file)]));
}

/** A row for each scenario and method. */
export function scoreWeight({ seeds, isWanted }: ScoreOptions): ScoreRow[] {
  const rows: ScoreRow[] = [];
  for (const [name, scenario] of weightScenarios()) {
    if (!isWanted(name)) continue;
    const ours = new WeightCard();
    const threshold = new WeightCard();
    for (const seed of seeds) {
      const { hasCellPerColumn } = scenario.use;
      const { day, readings } = playWeight(scenario, seed);
      ours.add(day, runShelf(scenario, day, readings), hasCellPerColumn);
      // The samples are made as they are taken: the same ones again.
      const again = playWeight(scenario, seed).readings;
      threshold.add(day, runThreshold(day, again, hasCellPerColumn), hasCellPerColumn);
    }
    rows.push(ours.row(name, "ours"), threshold.row(name, "one threshold"));
  }
  return rows;
}

/** The day of a scenario and what its cells say. */
export function playWeight({ use, climate }: ShelfScenario, seed: number) {
  const random = seededRandom(seed);
  const kind = seed >= judgingSeedMin ? "judging" : "tuning";
  const drawn = drawPhysics(kind, climate, random);
  // What carries all columns is built for it.
  const capacityFactor = use.hasCellPerColumn ? 1 : use.columnCount;
  const physics = { ...drawn, capacityGrams: drawn.capacityGrams * capacityFactor };
  const day = playShelf(use, startAtMs, random);
  const cellCount = use.hasCellPerColumn ? use.columnCount : 1;
  const span = { fromMs: startAtMs, untilMs: day.endMs, periodMs };
  const { changes } = day;
  return { day, readings: weighCells({ deviceId, cellCount, physics, changes, ...span, random }) };
}

/** The production machine. */
export function runShelf(
  { use, shelf }: ShelfScenario,
  day: ShelfDay,
  readings: Iterable<WeightReading>,
  disturb: { readonly tickEveryCount?: number; readonly restartAtCount?: number } = {},
): ShelfSaid {
  const cellCount = use.hasCellPerColumn ? use.columnCount : 1;
  const cells = Array.from({ length: cellCount }, (_, at) => ({
    cell: at + 1,
    location: use.hasCellPerColumn ? columnLocation(at + 1) : shelfLocation,
    tareGrams: 0,
  }));
  const config = shelfConfigSchema.parse({ deviceId, cells, ...shelf });
  const started = () => {
    const machines = [new Shelf(config, () => undefined)];
    const pipeline = new Pipeline({ machines, count: () => undefined });
    pipeline.setPlan(day.plan);
    return pipeline;
  };
  let pipeline = started();
  const stored = new Map<string, string>();
  const decisions: ShelfDecision[] = [];
  const corrections = new Map<string, number>();
  const counts = new Map(day.before);
  const take = ({ conclusions, state }: Output, nowMs: number) => {
    for (const { key, value } of state) {
      if (value === null) stored.delete(key);
      else stored.set(key, value);
    }
    for (const conclusion of conclusions) {
      const decision = decisionOf(conclusion, nowMs, use.hasCellPerColumn);
      if (decision !== undefined) {
        decisions.push(decision);
        const key = `${decision.column}/${decision.gtin}`;
        if (decision.gtin !== undefined)
          counts.set(key, (counts.get(key) ?? 0) + decision.quantity);
      }
      if (conclusion.type !== "counted") continue;
      const column = columnOf(conclusion.location);
      // It is complete: what it does not name is not there.
      const counted = new Map(
        conclusion.lines.map(({ gtin, quantity }) => [`${column}/${gtin}`, quantity]),
      );
      const known = [...counts.keys()].filter((key) => key.startsWith(`${column}/`));
      for (const key of new Set([...known, ...counted.keys()])) {
        const quantity = counted.get(key) ?? 0;
        corrections.set(key, (corrections.get(key) ?? 0) + quantity - (counts.get(key) ?? 0));
        counts.set(key, quantity);
      }
    }
  };
  let count = 0;
  for (const reading of readings) {
    const { receivedAtMs } = reading;
    count += 1;
    if (count === disturb.restartAtCount) {
      pipeline = started();
      pipeline.restore(stored, receivedAtMs);
    }
    take(pipeline.push(reading), receivedAtMs);
    const isTick = disturb.tickEveryCount !== undefined && count % disturb.tickEveryCount === 0;
    if (isTick) take(pipeline.advance(receivedAtMs), receivedAtMs);
  }
  return { decisions, corrections };
}

const columnOf = (location: string) => Number(/c(\d+)$/.exec(location)?.[1]);

function decisionOf(
  conclusion: Conclusion,
  decidedAtMs: number,
  hasCellPerColumn: boolean,
): ShelfDecision | undefined {
  const { occurredAtMs } = conclusion;
  if (conclusion.type === "moved") {
    const isTaken = conclusion.step === "customer_pick";
    const column = hasCellPerColumn ? columnOf(conclusion.readPoint ?? "") : undefined;
    const quantity = isTaken ? -conclusion.quantity : conclusion.quantity;
    return { column, gtin: conclusion.item.gtin, quantity, occurredAtMs, decidedAtMs };
  }
  if (conclusion.type !== "noticed" || !/^shelf_(ambiguous|unexplained)$/.test(conclusion.code))
    return undefined;
  const column = hasCellPerColumn ? columnOf(String(conclusion.detail["location"])) : undefined;
  return { column, gtin: undefined, quantity: 0, occurredAtMs, decidedAtMs };
}

/** What is used today: a change of the mean over a second by more than a threshold is so many units of the nearest product. */
export function runThreshold(
  day: ShelfDay,
  readings: Iterable<WeightReading>,
  hasCellPerColumn: boolean,
): ShelfSaid {
  const thresholdGrams = 20;
  const decisions: ShelfDecision[] = [];
  const windows = new Map<number, number[]>();
  const rests = new Map<number, number>();
  for (const { cell, weightGrams, receivedAtMs } of readings) {
    const window = windows.get(cell) ?? [];
    windows.set(cell, window);
    window.push(weightGrams);
    if (window.length < 10) continue;
    const mean = window.splice(0).reduce((sum, each) => sum + each, 0) / 10;
    const rest = rests.get(cell);
    rests.set(cell, mean);
    const changeGrams = mean - (rest ?? mean);
    if (Math.abs(changeGrams) < thresholdGrams) continue;
    const location = hasCellPerColumn ? columnLocation(cell) : shelfLocation;
    const fits = day.plan.facings
      .filter((facing) => facing.location === location)
      .map(({ gtin }) => day.plan.products.find((product) => product.gtin === gtin)!)
      .map(({ gtin, unitWeightGrams = 1 }) => {
        const quantity = Math.max(1, Math.round(Math.abs(changeGrams) / unitWeightGrams));
        return {
          gtin,
          quantity,
          missGrams: Math.abs(Math.abs(changeGrams) - quantity * unitWeightGrams),
        };
      })
      .sort((one, other) => one.missGrams - other.missGrams);
    const [best] = fits;
    if (best === undefined) continue;
    decisions.push({
      column: hasCellPerColumn ? cell : undefined,
      gtin: best.gtin,
      quantity: Math.sign(changeGrams) * best.quantity,
      occurredAtMs: receivedAtMs,
      decidedAtMs: receivedAtMs,
    });
  }
  return { decisions, corrections: new Map() };
}
