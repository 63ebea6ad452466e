// Stocktakes of a real ledger, for tests.

import { createHash } from "node:crypto";
import type {
  OpenStocktake,
  StocktakeStep,
} from "../../../../cloud-bridge/ledger/counting/sql-stocktake-steps.ts";
import type { Stocktake } from "../../../../cloud-bridge/ledger/counting/stocktake.ts";
import type { SqliteLedger } from "../../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { startAtMs } from "../fake-edge.ts";

export const minuteMs = 60_000;
export const at = (minute: number) => startAtMs + minute * minuteMs;

/** A cycle count of the floor by ada, unless said otherwise. */
export function opening(fields: Partial<OpenStocktake> = {}): OpenStocktake {
  return {
    ...{ countId: idOf("one"), digest: "d", storeId: "s0042", kind: "cycle", by: "ada" },
    ...{ location: "s0042/floor", state: "sellable", sampleCount: 0, lines: [], classes: [] },
    ...fields,
  };
}

export function idOf(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 32);
}

/** Distributes over each member, so that a step keeps its own fields. */
type Part<Step> = Step extends unknown ? Omit<Step, "by" | "role"> : never;

/** Takes a step as somebody, and expects it to be taken. */
export async function step(
  ledger: SqliteLedger,
  { storeId, countId }: Pick<Stocktake, "storeId" | "countId">,
  by: string,
  what: Part<StocktakeStep> & { role?: StocktakeStep["role"] },
  nowMs = at(60),
): Promise<Stocktake> {
  const asked = { role: "associate", ...what, by } as StocktakeStep;
  const outcome = await ledger.counting.step({ storeId, countId }, asked, nowMs);
  if (!outcome.ok) throw new Error(`${outcome.code} ${outcome.field}: ${outcome.message}`);
  return outcome.stocktake;
}

/** Lines as `gtin location status`. */
export function statusOf({ lines }: Stocktake): Record<string, string> {
  return Object.fromEntries(lines.map(({ gtin, status }) => [gtin, status]));
}
