// What the demo shows, as lines of text: pure, so that terminal and plain output say the same.

import type { Plan } from "../../contract/plan.ts";
import { accountKey, type Balances } from "../world/truth.ts";
import type { Latency } from "./latency.ts";

/** A moment of the demo. */
export interface Moment {
  readonly truth: Balances;
  readonly ledger: Balances;
  readonly eventsPerSecond: number;
  /** Events that wait in the edge's buffer. */
  readonly waitingCount: number;
  readonly latency: Latency | undefined;
  /** What is going on: `open`, `broker cut`, `edge killed`. */
  readonly happening: string;
  readonly elapsedMs: number;
}

/** One account with the product's name. */
interface Row {
  readonly place: string;
  readonly product: string;
  readonly truth: number;
  readonly ledger: number;
}

/** Whether goods stand there, where a count finds them; not so in `@basket` and the like. */
export function isStanding(location: string): boolean {
  return !location.includes("@");
}

/** Stock by place and product, truth beside ledger; the `@` accounts only on request. */
export function stockLines(
  plan: Plan,
  truth: Balances,
  ledger: Balances,
  options: { withVirtual: boolean },
): string[] {
  const rows = rowsOf(plan, truth, ledger).filter(
    ({ place }) => options.withVirtual || isStanding(place),
  );
  const lines = rows.map(({ place, product, truth: really, ledger: said }) => {
    const mark = really === said ? "" : `  ${signed(said - really)}`;
    const numbers = `${String(really).padStart(6)} ${String(said).padStart(7)}`;
    return `${place.padEnd(24)} ${product.padEnd(12)}${numbers}${mark}`;
  });
  return [`${"place".padEnd(24)} ${"product".padEnd(12)} truth  ledger`, ...lines];
}

/** The status line of a moment. */
export function statusLine(moment: Moment): string {
  const { eventsPerSecond, waitingCount, latency } = moment;
  const milliseconds = (value: number | undefined) =>
    value === undefined
      ? "-"
      : value < 1000
        ? `${value.toFixed(0)} ms`
        : `${(value / 1000).toFixed(1)} s`;
  return [
    `events/s ${eventsPerSecond.toFixed(1)}`,
    `buffer ${waitingCount}`,
    `latency p50 ${milliseconds(latency?.p50Ms)} p99 ${milliseconds(latency?.p99Ms)}`,
  ].join("   ");
}

/** `m:ss` */
export function clockText(elapsedMs: number): string {
  const seconds = Math.floor(elapsedMs / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function rowsOf(plan: Plan, truth: Balances, ledger: Balances): Row[] {
  const names = new Map<string, string>(plan.products.map(({ gtin, name }) => [gtin, name]));
  const order = new Map(plan.locations.map(({ location }, index) => [location as string, index]));
  const rank = (key: string) => order.get(key.split(" ")[0] ?? "") ?? order.size;
  const facings = plan.facings.map(({ location, gtin }) =>
    accountKey({ location, state: "sellable" }, gtin),
  );
  const keys = [...new Set([...facings, ...truth.keys(), ...ledger.keys()])];
  keys.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  return keys.map((key) => {
    const [location = "", state, gtin = ""] = key.split(" ");
    const place = location.slice(plan.storeId.length + 1);
    return {
      place: state === "sellable" ? place : `${place} (${state})`,
      product: names.get(gtin) ?? gtin,
      truth: truth.get(key) ?? 0,
      ledger: ledger.get(key) ?? 0,
    };
  });
}

function signed(value: number): string {
  return value > 0 ? `+${value}` : String(value);
}
