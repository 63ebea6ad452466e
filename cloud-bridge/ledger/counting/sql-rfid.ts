// Counts of tags in the ledger's database: compared with what is held before the count itself is posted.

import type { CountedEvent, Place } from "../../../contract/event.ts";
import type { Alert } from "../../../contract/stock.ts";
import type { LoggedEvent } from "../changes.ts";
import { claimEdgeId } from "../claims.ts";
import type { SqlConnection } from "../database.ts";
import { insertRows } from "../sql-save.ts";
import { isCountSure } from "./count-policy.ts";
import { compareSet, type HeldSerial, quantitiesOf, type SetComparison } from "./rfid-count.ts";
import { readPolicy } from "./sql-policy.ts";
import { type StepOutcome, takeStep } from "./sql-stocktake-steps.ts";
import { readStocktake } from "./sql-stocktakes.ts";
import { refusal } from "./stocktake.ts";
import type { Actor, CountedLine } from "./stocktake-steps.ts";

/** Comparisons are kept for so long, and so many of a store. */
export const rfidKeepMs = 90 * 86_400_000;
export const rfidReportCountMax = 5000;
/** Serials that one count tells an alert of. */
const toldFoundCountMax = 20;

/** A comparison and the count that it is of. */
export interface RfidReport extends SetComparison, Place {
  readonly storeId: string;
  readonly edgeId: string;
  readonly outboxId: string;
  readonly sequence: number;
  readonly atMs: number;
}

/** Compares the tags that new events counted with what is held, before they are saved; gives what to tell. */
export async function compareEvents(
  connection: SqlConnection,
  events: readonly LoggedEvent[],
  recordedAtMs: number,
): Promise<Alert[]> {
  const alerts: Alert[] = [];
  for (const { storeId, edgeId, outboxId, item, type } of events) {
    const { content } = item;
    if (type !== "counted" || content.kind !== "event") continue;
    const event = content.event as CountedEvent;
    if (event.serials === undefined || event.serials.length === 0) continue;
    const keys = new Set(event.serials.map(({ key }) => key));
    const { location, state, occurredAtMs: atMs, sequence, confidence } = event;
    const place = { storeId, location, state };
    const compared = await compare(connection, place, [keys], atMs);
    const report = {
      ...{ ...compared, ...place, edgeId, outboxId, sequence, atMs },
      completenessShare: confidence ?? compared.completenessShare,
    };
    await saveReport(connection, report);
    const policy = await readPolicy(connection, storeId);
    if (isCountSure(event, policy)) alerts.push(...foundAlerts(report, recordedAtMs));
  }
  return alerts;
}

/** One pass over the tags of a place. */
export interface TagPass {
  readonly observedAtMs: number;
  readonly keys: readonly string[];
}

/** Notes what tags somebody saw as lines of a stocktake, as sure as the passes are complete. */
export async function recordTags(
  connection: SqlConnection,
  about: { storeId: string; countId: string },
  actor: Actor & { location: string | undefined; passes: readonly TagPass[] },
  nowMs: number,
): Promise<StepOutcome & { report?: RfidReport }> {
  const { storeId, countId } = about;
  const stocktake = await readStocktake(connection, storeId, countId);
  if (stocktake === undefined) {
    return refusal("STOCKTAKE_UNKNOWN", "countId", `store ${storeId} has no count ${countId}`);
  }
  const location = actor.location ?? stocktake.location;
  const place = { storeId, location, state: stocktake.state };
  const passes = actor.passes.map(({ keys }) => new Set(keys));
  const atMs = Math.max(...actor.passes.map(({ observedAtMs }) => observedAtMs));
  const compared = await compare(connection, place, passes, atMs);
  const quantities = quantitiesOf(new Set(passes.flatMap((pass) => [...pass])));
  const lines = new Map<string, CountedLine>();
  const isOpen = new Set(["open", "counted", "recount"]);
  const sheet = stocktake.lines.filter((line) => line.location === location);
  const own = sheet.filter(({ status }) => isOpen.has(status)).map(({ gtin }) => gtin);
  const known = new Set(sheet.map(({ gtin }) => gtin));
  const added = stocktake.kind === "full" ? [...quantities.keys()] : [];
  for (const gtin of [...own, ...added.filter((each) => !known.has(each))]) {
    const quantity = quantities.get(gtin) ?? 0;
    const confidence = compared.completenessShare;
    lines.set(gtin, { gtin, location, quantity, observedAtMs: atMs, confidence });
  }
  const step = { ...actor, step: "record" as const, lines: [...lines.values()] };
  const outcome = await takeStep(connection, about, step, nowMs);
  if (!outcome.ok) return outcome;
  const report = await keepTags(
    connection,
    { ...compared, ...place, outboxId: countId, atMs },
    passes,
  );
  return { ...outcome, report };
}

async function keepTags(
  connection: SqlConnection,
  report: Omit<RfidReport, "edgeId" | "sequence">,
  passes: readonly ReadonlySet<string>[],
): Promise<RfidReport> {
  const { storeId, location, state, atMs, outboxId } = report;
  const [last] = await connection.all<{ sequence: number }>(
    `SELECT coalesce(max(sequence), 0) AS sequence FROM rfid_counts
     WHERE store_id = ? AND edge_id = '${claimEdgeId}' AND outbox_id = ?`,
    ...[storeId, outboxId],
  );
  const whole = { ...report, edgeId: claimEdgeId, sequence: last!.sequence + 1 };
  await saveReport(connection, whole);
  // A tag that was seen is here, whatever becomes of the count.
  const keys = [...new Set(passes.flatMap((pass) => [...pass]))];
  await insertRows<string>(
    connection,
    "serials",
    {
      store_id: () => storeId,
      serial_key: (key) => key,
      location: () => location,
      state: () => state,
      at_ms: () => atMs,
    },
    keys,
    `ON CONFLICT (store_id, serial_key) DO UPDATE SET location = excluded.location,
       state = excluded.state, at_ms = excluded.at_ms WHERE excluded.at_ms >= serials.at_ms`,
  );
  return whole;
}

async function compare(
  connection: SqlConnection,
  place: Place & { storeId: string },
  passes: readonly ReadonlySet<string>[],
  atMs: number,
): Promise<SetComparison> {
  const { storeId, location, state } = place;
  const seen = [...new Set(passes.flatMap((pass) => [...pass]))];
  // What came after the count says nothing against it.
  const held = await connection.all<HeldSerial>(
    `SELECT serial_key AS key, location, state FROM serials
     WHERE store_id = ? AND (location = ? OR (location > ? AND location < ?)) AND at_ms <= ?
     UNION SELECT s.serial_key, s.location, s.state FROM json_each(?) k
     JOIN serials s ON s.store_id = ? AND s.serial_key = k.value`,
    ...[storeId, location, `${location}/`, `${location}0`, atMs, JSON.stringify(seen), storeId],
  );
  const [before] = await connection.all<{ body: string }>(
    `SELECT body FROM rfid_counts WHERE store_id = ? AND location = ? AND state = ? AND at_ms < ?
     ORDER BY at_ms DESC LIMIT 1`,
    ...[storeId, location, state, atMs],
  );
  const missed = before === undefined ? [] : (JSON.parse(before.body) as SetComparison).missing;
  return compareSet(place, passes, held, new Set(missed));
}

async function saveReport(connection: SqlConnection, report: RfidReport): Promise<void> {
  const { storeId, edgeId, outboxId, sequence, location, state, atMs, ...compared } = report;
  await connection.run(
    `INSERT INTO rfid_counts (store_id, edge_id, outbox_id, sequence, location, state, at_ms,
       completeness_ppm, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (store_id, edge_id, outbox_id, sequence) DO NOTHING`,
    ...[storeId, edgeId, outboxId, sequence, location, state, atMs],
    ...[Math.round(compared.completenessShare * 1e6), JSON.stringify(compared)],
  );
}

/** Forgets comparisons that are old, or too many. */
export async function forgetReports(
  connection: SqlConnection,
  storeId: string,
  nowMs: number,
): Promise<void> {
  await connection.run(
    `DELETE FROM rfid_counts WHERE store_id = ? AND (at_ms < ? OR at_ms < (
       SELECT at_ms FROM rfid_counts WHERE store_id = ? ORDER BY at_ms DESC LIMIT 1 OFFSET ?))`,
    ...[storeId, nowMs - rfidKeepMs, storeId, rfidReportCountMax],
  );
}

/** Where a page of reports ended. */
export type ReportMark = readonly [
  atMs: number,
  edgeId: string,
  outboxId: string,
  sequence: number,
];

/** Counts of tags, the newest first. */
export async function readReports(
  connection: SqlConnection,
  query: { storeId: string; before?: ReportMark | undefined; countMax: number },
): Promise<RfidReport[]> {
  const { storeId, before = [Number.MAX_SAFE_INTEGER, "", "", 0], countMax } = query;
  const rows = await connection.all<Omit<RfidReport, keyof SetComparison> & { body: string }>(
    `SELECT store_id AS storeId, edge_id AS edgeId, outbox_id AS outboxId, sequence, location, state,
            at_ms AS atMs, body
     FROM rfid_counts WHERE store_id = ? AND at_ms <= ?
      AND (at_ms < ? OR (edge_id, outbox_id, sequence) > (?, ?, ?))
     ORDER BY at_ms DESC, edge_id, outbox_id, sequence LIMIT ?`,
    ...[storeId, before[0], ...before, countMax],
  );
  return rows.map(({ body, ...row }) => ({ ...(JSON.parse(body) as SetComparison), ...row }));
}

function foundAlerts(report: RfidReport, nowMs: number): Alert[] {
  const { storeId, edgeId, outboxId, sequence, location, found } = report;
  return found.slice(0, toldFoundCountMax).map(({ key, from }) => ({
    ...{ storeId, edgeId, code: "item_found", severity: "info", atMs: nowMs },
    message: `${key} is at ${location} again; it was ${from === location ? "missed" : `in ${from}`}`,
    detail: { key, location, from, outboxId, sequence },
  }));
}
