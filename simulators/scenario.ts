// A scenario: a small store, what stands in it when it opens, and how busy it is. One YAML file, one
// schema with ranges; unknown keys are refused, and a message names the file, the path and the range.

import { dirname, resolve } from "node:path";
import { z } from "zod";
import { GatewayError } from "../contract/errors.ts";
import { type Plan, planSchema } from "../contract/plan.ts";
import { durationMsSchema, gtinSchema, idSchema, locationSchema } from "../contract/units.ts";
import { loadYamlFile } from "./yaml-file.ts";

const antennaSchema = z.int().min(1).max(4);
const shareSchema = z.number().min(0).max(1);
const unitsMaxSchema = z.int().min(1).max(10);
/** Mean time between two of them; they come by chance. */
const intervalMsSchema = durationMsSchema.min(500).max(3_600_000);

const portalSideSchema = z.strictObject({
  location: locationSchema,
  antennas: z.array(antennaSchema).min(1).max(2),
});

/** A scenario file. */
export const scenarioSchema = z.strictObject({
  name: idSchema,
  /** The store's plan; a relative path counts from the scenario file. */
  plan: z.string().min(1),
  /** How long shoppers keep coming and staff keep working. */
  openMs: durationMsSchema.min(1000).max(86_400_000),
  /** RFID portal between stockroom (side A) and floor (side B). */
  portal: z.strictObject({ deviceId: idSchema, sideA: portalSideSchema, sideB: portalSideSchema }),
  /** Weight shelf: one product a cell. */
  gondola: z.strictObject({
    deviceId: idSchema,
    cells: z
      .array(
        z.strictObject({
          cell: z.int().min(1).max(16),
          location: locationSchema,
          gtin: gtinSchema,
        }),
      )
      .min(1)
      .max(16),
  }),
  till: z.strictObject({ deviceId: idSchema }),
  backDoor: z.strictObject({ deviceId: idSchema, location: locationSchema }),
  handScanner: z.strictObject({ deviceId: idSchema }),
  opening: z
    .array(
      z.strictObject({
        location: locationSchema,
        gtin: gtinSchema,
        quantity: z.int().min(1).max(1000),
        /** Each unit has a serial, an RFID tag and a DataMatrix label; otherwise it has an EAN-13. */
        tagged: z.boolean().default(false),
      }),
    )
    .min(1)
    .max(500),
  shoppers: z.strictObject({
    intervalMs: intervalMsSchema,
    /** Most shoppers in the store at once. */
    countMax: z.int().min(1).max(50),
    /** Most cells one shopper takes from. */
    cellsMax: z.int().min(1).max(6),
    /** Most units of one product. */
    unitsMax: unitsMaxSchema,
    putBackShare: shareSchema,
    /** Share of shoppers who also take a piece of apparel. */
    apparelShare: shareSchema,
  }),
  /** Staff who carry apparel between stockroom and floor. */
  carriers: z.strictObject({
    intervalMs: intervalMsSchema,
    unitsMax: unitsMaxSchema,
    turnBackShare: shareSchema,
    bringBackShare: shareSchema,
  }),
  /** Tagged apparel that comes in at the back door. */
  deliveries: z.strictObject({ intervalMs: intervalMsSchema, unitsMax: unitsMaxSchema }),
});

export type Scenario = z.infer<typeof scenarioSchema>;

/** A scenario, its plan, and where the plan lies. */
export interface LoadedScenario {
  readonly scenario: Scenario;
  readonly plan: Plan;
  readonly planFile: string;
}

/** Reads a scenario and its plan; GatewayError CONFIG_UNREADABLE or CONFIG_INVALID. */
export async function loadScenario(file: string): Promise<LoadedScenario> {
  const scenario = await loadYamlFile(scenarioSchema, file);
  const planFile = resolve(dirname(file), scenario.plan);
  const plan = await loadYamlFile(planSchema, planFile);
  const problem = firstMismatch(scenario, plan);
  if (problem !== undefined) throw new GatewayError("CONFIG_INVALID", `${file}: ${problem}`);
  return { scenario, plan, planFile };
}

/** What in the scenario is not in the plan. */
function firstMismatch(scenario: Scenario, plan: Plan): string | undefined {
  const locations = new Set(plan.locations.map((place) => place.location));
  const products = new Map(plan.products.map((product) => [product.gtin, product]));
  const used = [
    scenario.portal.sideA.location,
    scenario.portal.sideB.location,
    scenario.backDoor.location,
    ...scenario.opening.map((line) => line.location),
    ...scenario.gondola.cells.map((cell) => cell.location),
  ];
  const strange = used.find((location) => !locations.has(location));
  if (strange !== undefined) return `location ${strange} is not in the plan ${scenario.plan}`;
  for (const { gtin } of [...scenario.opening, ...scenario.gondola.cells]) {
    if (!products.has(gtin)) return `product ${gtin} is not in the plan ${scenario.plan}`;
  }
  for (const { cell, gtin } of scenario.gondola.cells) {
    if (products.get(gtin)?.unitWeightGrams === undefined) {
      return `cell ${cell} sells ${gtin}, but the plan gives it no unitWeightGrams`;
    }
  }
  return undefined;
}
