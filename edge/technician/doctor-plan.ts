// Whether the plan makes a weight shelf's work possible: products without a weight, and pairs that no scale can tell
// apart, so that one that is put back in the other's place is counted as the other.

import type { Plan } from "../../contract/plan.ts";
import type { EdgeConfig } from "../config.ts";
import { PlanStore } from "../plan-store.ts";
import { gtinsOf, productsAt } from "../sense/shelf-products.ts";
import type { WeighedProduct } from "../sense/weight-match.ts";
import { type Finding, ok, warn } from "./finding.ts";

/** Two weigh alike where this many standard deviations of their difference reach over it. */
const alikeSigmas = 2;
/** Pairs that are named. */
const pairCountMax = 5;

/** Looks at every weight shelf with the plan that the daemon would begin with; nothing where there are no shelves. */
export async function checkPlan(config: EdgeConfig): Promise<Finding[]> {
  if (config.shelves.length === 0) return [];
  const check = "plan";
  const problems: string[] = [];
  const keep = (message: string) => void problems.push(message);
  const { plan } = await PlanStore.open(config.dataDir, config.plan, keep);
  const damaged = problems.map((text) => warn(check, text, "the ledger sends it anew"));
  if (plan === undefined) {
    const remedy = "set plan, or put the plan into the bridge: without one no weight is explained";
    return [...damaged, warn(check, "there is none yet", remedy)];
  }
  const shelves = config.shelves.flatMap((shelf) => findingsOf(shelf, plan));
  return [...damaged, ...(shelves.length > 0 ? shelves : [ok(check, `version ${plan.version}`)])];
}

function findingsOf({ deviceId, cells, sensorSdGrams }: Shelf, plan: Plan): Finding[] {
  const check = `shelf ${deviceId}`;
  const places = cells.map(({ cell, location }) => ({
    cell,
    products: productsAt(plan, location),
  }));
  const empty = places.filter(({ products }) => products.length === 0).map(({ cell }) => cell);
  const found: Finding[] = [];
  if (empty.length > 0) {
    const text = `the plan has no product with a weight for cells ${empty.join(", ")}`;
    found.push(warn(check, text, "give facings and unitWeightGrams in the plan"));
  }
  const pairs = alikePairs(
    places.flatMap(({ products }) => products),
    sensorSdGrams,
  );
  if (pairs.length > 0) {
    const shown = pairs.slice(0, pairCountMax).map((pair) => pair.map(shownOf).join(" and "));
    const more = pairs.length > shown.length ? `, and ${pairs.length - shown.length} more` : "";
    const text = `what weighs alike cannot be told when it is put back wrongly: ${shown.join("; ")}${more}`;
    found.push(warn(check, text, "place such products on different shelves, or tag one of them"));
  }
  return found;
}

type Shelf = EdgeConfig["shelves"][number];

/** Pairs of different products whose units weigh too much alike to be told apart, the nearest first. */
export function alikePairs(
  products: readonly WeighedProduct[],
  sensorSdGrams: number,
): [WeighedProduct, WeighedProduct][] {
  const gtins = [...gtinsOf(products)].map((gtin) => products.find((one) => one.gtin === gtin)!);
  const sigmasOf = (one: WeighedProduct, other: WeighedProduct) =>
    Math.abs(one.unitWeightGrams - other.unitWeightGrams) /
    Math.hypot(one.unitWeightSdGrams, other.unitWeightSdGrams, Math.SQRT2 * sensorSdGrams);
  return gtins
    .flatMap((one, at) =>
      gtins
        .slice(at + 1)
        .map((other) => ({ pair: [one, other] as const, sigmas: sigmasOf(one, other) })),
    )
    .filter(({ sigmas }) => sigmas < alikeSigmas)
    .sort((one, other) => one.sigmas - other.sigmas)
    .map(({ pair: [one, other] }) => [one, other]);
}

function shownOf({ gtin, unitWeightGrams }: WeighedProduct): string {
  return `${gtin} (${unitWeightGrams} g)`;
}
