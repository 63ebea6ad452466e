// The steps of stocktakes as transactions: what a step is about is read, decided in memory, and written; what
// it posts goes through the rules of anchors like every other count.

import type { Count } from "../anchors.ts";
import { Book } from "../book.ts";
import type { SqlConnection } from "../database.ts";
import { endNegatives } from "../sql-alert-ends.ts";
import { saveAlerts } from "../sql-alerts.ts";
import { loadCountView } from "../sql-load.ts";
import { saveBook } from "../sql-save.ts";
import type { Posted } from "../types.ts";
import type { CountPolicy } from "./count-policy.ts";
import { differenceAlerts, postCounts } from "./post-stocktake.ts";
import { itemOf, readItems, readPolicy } from "./sql-policy.ts";
import {
  type AskedLine,
  loadStocktakeView,
  readCandidates,
  readEventCounts,
  readOpenCount,
  readStocktake,
  saveStocktake,
} from "./sql-stocktakes.ts";
import {
  type AdjustmentReason,
  type LineKey,
  type OpenRequest,
  openStocktake,
  refusal,
  type Stocktake,
  type StocktakeOutcome,
  type StocktakeView,
} from "./stocktake.ts";
import {
  type Actor,
  absorb,
  approve,
  askRecount,
  type CountedLine,
  cancel,
  post,
  recordLines,
  submit,
} from "./stocktake-steps.ts";

/** What is asked of a stocktake. */
export type StocktakeStep = Actor &
  (
    | { readonly step: "record"; readonly lines: readonly CountedLine[] }
    | { readonly step: "submit" | "post" | "cancel" }
    | { readonly step: "recount"; readonly lines: readonly LineKey[] }
    | {
        readonly step: "approve";
        readonly lines: readonly LineKey[];
        readonly reason: AdjustmentReason;
        readonly cause?: string;
      }
  );

/** What a step gave: the stocktake as it is now, and what was posted. */
export type StepOutcome = StocktakeOutcome & { readonly posted?: Posted };

/** What opens a stocktake; `classes` leaves out lines of other classes. */
export type OpenStocktake = OpenRequest & { readonly classes: readonly string[] };

/** Opens a stocktake, once for its id; call it in a transaction. */
export async function openOnce(
  connection: SqlConnection,
  { classes, ...request }: OpenStocktake,
  nowMs: number,
): Promise<StocktakeOutcome> {
  const { storeId, countId, digest } = request;
  const known = await readStocktake(connection, storeId, countId);
  if (known !== undefined) {
    if (known.digest === digest) return { ok: true, stocktake: known };
    const message = "the key came with another body; a new request needs a new key";
    return refusal("KEY_REUSED", "Idempotency-Key", message);
  }
  const openCount = await readOpenCount(connection, storeId);
  let candidates: LineKey[] = [];
  if (request.lines.length === 0) {
    candidates = await readCandidates(connection, request);
    if (classes.length > 0) {
      const gtins = candidates.map(({ gtin }) => gtin);
      const items = await readItems(connection, storeId, gtins);
      candidates = candidates.filter(({ gtin }) => classes.includes(itemOf(items, gtin).className));
    }
  }
  const random = seededRandom(countId);
  const outcome = openStocktake(request, candidates, { nowMs, random, openCount });
  if (outcome.ok) await saveStocktake(connection, outcome.stocktake);
  return outcome;
}

/** Takes a stocktake a step on; call it in a transaction. */
export async function takeStep(
  connection: SqlConnection,
  { storeId, countId }: { storeId: string; countId: string },
  step: StocktakeStep,
  nowMs: number,
): Promise<StepOutcome> {
  const before = await readStocktake(connection, storeId, countId);
  if (before === undefined) {
    return refusal("STOCKTAKE_UNKNOWN", "countId", `store ${storeId} has no count ${countId}`);
  }
  const policy = await readPolicy(connection, storeId);
  const counted = step.step === "submit" ? await edgeCounts(connection, before) : [];
  const asked = askedBy(before, step, nowMs);
  const observed = step.step === "post" ? before.lines : [];
  const about = { storeId, state: before.state, policy, nowMs };
  const view = await loadStocktakeView(connection, about, asked, observed);
  const current = absorb(before, counted, view);
  const isEnding = step.step === "submit" && before.kind === "full";
  const arrived = isEnding ? await readCandidates(connection, before) : [];
  const { outcome, counts } = taken(current, step, view, arrived);
  if (!outcome.ok) return outcome;
  const { stocktake } = outcome;
  await saveStocktake(connection, stocktake, before);
  if (counts.length === 0) return outcome;
  return { ...outcome, posted: await save(connection, stocktake, counts, { policy, nowMs }) };
}

function edgeCounts(connection: SqlConnection, { lines, ...stocktake }: Stocktake) {
  const open = lines.filter(({ status }) => status === "open");
  return readEventCounts(connection, stocktake, open, stocktake.openedAtMs);
}

/** Of which lines and times a step has to know the book. */
function askedBy({ lines }: Stocktake, step: StocktakeStep, nowMs: number): AskedLine[] {
  if (step.step === "record") {
    return step.lines.map(({ observedAtMs, ...key }) => ({ ...key, atMs: observedAtMs }));
  }
  if (step.step === "submit") return lines.map((line) => ({ ...line, atMs: nowMs }));
  // Their products' prices are what is looked at.
  if (step.step === "approve") return step.lines.map((line) => ({ ...line, atMs: nowMs }));
  if (step.step !== "post") return [];
  return lines.flatMap((line) => {
    const last = line.status === "accepted" ? line.observations.at(-1) : undefined;
    return last === undefined ? [] : [{ ...line, atMs: last.observedAtMs }];
  });
}

function taken(
  stocktake: Stocktake,
  step: StocktakeStep,
  view: StocktakeView,
  arrived: readonly LineKey[],
): { outcome: StocktakeOutcome; counts: Count[] } {
  const counts: Count[] = [];
  switch (step.step) {
    case "record":
      return { outcome: recordLines(stocktake, step, step.lines, view), counts };
    case "submit":
      return { outcome: submit(stocktake, step, view, arrived), counts };
    case "recount":
      return { outcome: askRecount(stocktake, step, step.lines, view), counts };
    case "approve": {
      const { lines: keys, reason, cause } = step;
      const why = cause === undefined ? { reason } : { reason, cause };
      return { outcome: approve(stocktake, step, { keys, ...why }, view), counts };
    }
    case "cancel":
      return { outcome: cancel(stocktake, step, view), counts };
    case "post":
      return post(stocktake, step, view);
  }
}

async function save(
  connection: SqlConnection,
  stocktake: Stocktake,
  counts: readonly Count[],
  { policy, nowMs }: { policy: CountPolicy; nowMs: number },
): Promise<Posted> {
  const book = new Book(await loadCountView(connection, counts));
  const posted = postCounts(book, counts, { by: stocktake.changedBy, nowMs });
  await saveBook(connection, book, nowMs);
  const gtins = stocktake.lines.map(({ gtin }) => gtin);
  const items = await readItems(connection, stocktake.storeId, gtins);
  const raised = differenceAlerts(stocktake, counts, {
    ...{ policy, nowMs },
    itemOf: (gtin) => itemOf(items, gtin),
  });
  const loud = await saveAlerts(connection, raised, nowMs);
  await endNegatives(connection, book.changes().taskClosings, nowMs);
  return { ...posted, alerts: raised.filter((alert) => loud.has(alert)) };
}

/** Numbers 0..1 that depend on a name alone, so that a draw can be done again (mulberry32). */
function seededRandom(hex: string): () => number {
  let state = Number.parseInt(hex.slice(0, 8), 16);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
