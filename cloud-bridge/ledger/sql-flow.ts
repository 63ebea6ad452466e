// Reads the items that are due for settlement, posts what it asks for, and says when they are due again: one
// transaction, a handful of statements.

import type { Place } from "../../contract/event.ts";
import type { Entry } from "../../contract/stock.ts";
import { Book } from "./book.ts";
import { changedItemsOf } from "./changed-items.ts";
import { productKey } from "./changes.ts";
import { type SqlConnection, savepoint } from "./database.ts";
import { flowKindOf } from "./flow.ts";
import { type FlowEntry, flowLookBackMs, postFlow, type Unsettled } from "./flow-posting.ts";
import { endNegatives, endPaidExits } from "./sql-alert-ends.ts";
import { saveAlerts } from "./sql-alerts.ts";
import { loadItemsView } from "./sql-load.ts";
import { saveBook } from "./sql-save.ts";
import { type Settled, settledItemCountMax } from "./types.ts";
import { wholeOrEach } from "./whole-or-each.ts";

/** An edge that is silent for longer holds up no time-out; what it tells later undoes it. */
const silenceMsMax = 24 * 3_600_000;

/** Rows of history that one run holds in memory; one item may have more, and then comes alone. */
const historyRowCountMax = 10_000;

const dueSelect = `WITH edges AS (
  SELECT store_id, edge_id, max(complete_through_at_ms) AS through_ms
  FROM positions
  -- A source over HTTP that never told of customers holds up nobody.
  WHERE complete_through_at_ms > 0 OR substr(edge_id, 1, 5) <> 'feed-'
  GROUP BY store_id, edge_id),
 marks AS (
  SELECT store_id, max(min(through_ms), max(through_ms) - ${silenceMsMax}) AS mark_ms
  FROM edges GROUP BY store_id)
SELECT u.store_id AS storeId, u.item, u.since_ms AS sinceMs, m.mark_ms AS watermarkMs
FROM unsettled u JOIN marks m ON m.store_id = u.store_id
WHERE u.due_at_ms <= m.mark_ms ORDER BY u.due_at_ms, u.store_id, u.item LIMIT ${settledItemCountMax}`;

interface EntryRow extends Omit<FlowEntry, "from" | "to" | "serial"> {
  readonly storeId: string;
  readonly item: string;
  readonly serial: string | null;
  readonly fromLocation: string;
  readonly fromState: Place["state"];
  readonly toLocation: string;
  readonly toState: Place["state"];
}

/** Settles what is due; call it in a transaction. */
export async function settleDue(connection: SqlConnection, recordedAtMs: number): Promise<Settled> {
  const due = await withinMemory(connection, await connection.all<Unsettled>(dueSelect));
  const nothing = { entries: [], changedItems: [], alerts: [], refusedItemCount: 0 };
  if (due.length === 0) return { ...nothing, itemCount: 0 };
  const results = await wholeOrEach(due, (items) =>
    savepoint(connection, () => settleItems(connection, items, recordedAtMs)),
  );
  const refused = due.filter((_, index) => results[index]?.status === "rejected");
  await putOff(connection, refused);
  const settled = results.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const entries = settled.flatMap((each) => each.entries);
  const alerts = settled.flatMap((each) => each.alerts);
  const counts = { itemCount: due.length, refusedItemCount: refused.length };
  return { entries, alerts, changedItems: changedItemsOf(entries), ...counts };
}

/** Until something new is posted about these items, which makes them due at once. */
async function putOff(connection: SqlConnection, items: readonly Unsettled[]): Promise<void> {
  if (items.length === 0) return;
  await connection.run(
    `UPDATE unsettled SET due_at_ms = ${Number.MAX_SAFE_INTEGER}
     WHERE (store_id, item) IN (SELECT value->>0, value->>1 FROM json_each(?))`,
    JSON.stringify(items.map(({ storeId, item }) => [storeId, item])),
  );
}

async function settleItems(
  connection: SqlConnection,
  due: readonly Unsettled[],
  recordedAtMs: number,
) {
  const asked = due.map((each) => ({ ...each, sinceMs: each.sinceMs - flowLookBackMs }));
  const rows = await readFlow(connection, asked);
  const ofUnits = await readLeftUnits(connection, rows);
  const book = new Book(await loadItemsView(connection, asked));
  const settled = due.map((each) => {
    const key = productKey(each.storeId, each.item);
    const history = { rows: rows.get(key) ?? [], ofUnits: ofUnits.get(key) ?? [] };
    return { ...each, ...postFlow(book, each, history, recordedAtMs) };
  });
  await saveBook(connection, book, recordedAtMs);
  await connection.run(
    `DELETE FROM unsettled WHERE (store_id, item) IN (SELECT value->>0, value->>1 FROM json_each(?))`,
    JSON.stringify(due.map(({ storeId, item }) => [storeId, item])),
  );
  await connection.run(
    `INSERT INTO unsettled (store_id, item, since_ms, due_at_ms)
     SELECT value->>0, value->>1, CAST(value->>2 AS INTEGER), CAST(value->>3 AS INTEGER)
     FROM json_each(?)`,
    JSON.stringify(
      settled.flatMap(({ storeId, item, open }) =>
        open === undefined ? [] : [[storeId, item, open.sinceMs, open.dueAtMs]],
      ),
    ),
  );
  const ofExits = settled.flatMap((each) => each.entries.filter(isOfExit));
  const { again } = await endPaidExits(connection, ofExits, recordedAtMs);
  const told = settled.map(({ storeId, item, entries, alerts }) => {
    const ofItem = again.filter((each) => each.storeId === storeId && each.detail["gtin"] === item);
    return { entries, alerts: [...alerts, ...ofItem] };
  });
  const raised = told.flatMap((each) => each.alerts);
  const loud = await saveAlerts(connection, raised, recordedAtMs);
  await endNegatives(connection, book.changes().taskClosings, recordedAtMs);
  return told.map(({ entries, alerts }) => ({
    entries,
    alerts: alerts.filter((alert) => loud.has(alert)),
  }));
}

/** Whether it says something of an exit's passage: that it is paid, or not any more. */
function isOfExit({ reason }: Entry): boolean {
  return reason === "exit_paid" || reason === "exit_repeated";
}

/** The first of the due items whose history fits into memory together: the rest is due at the next run. */
async function withinMemory(
  connection: SqlConnection,
  due: readonly Unsettled[],
): Promise<readonly Unsettled[]> {
  const keys = due.map(({ storeId, item, sinceMs }) => [storeId, item, sinceMs - flowLookBackMs]);
  const rows = await connection.all<{ storeId: string; item: string; rowCount: number }>(
    `SELECT k.value->>0 AS storeId, k.value->>1 AS item, count(*) AS rowCount
     FROM json_each(?) k JOIN entries e ON e.store_id = k.value->>0 AND e.item = k.value->>1
      AND e.placed_at_ms >= CAST(k.value->>2 AS INTEGER)
     GROUP BY k.value->>0, k.value->>1`,
    JSON.stringify(keys),
  );
  const countOf = new Map(rows.map((row) => [productKey(row.storeId, row.item), row.rowCount]));
  let rowCount = 0;
  const end = due.findIndex(({ storeId, item }, index) => {
    rowCount += countOf.get(productKey(storeId, item)) ?? 0;
    return index > 0 && rowCount > historyRowCountMax;
  });
  return end < 0 ? due : due.slice(0, end);
}

const entrySelect = `SELECT e.store_id AS storeId, e.item, e.serial, e.quantity, e.reason, e.placed_at_ms AS atMs,
   e.from_location AS fromLocation, e.from_state AS fromState,
   e.to_location AS toLocation, e.to_state AS toState, e.edge_id AS edgeId,
   e.outbox_id AS outboxId, e.sequence, e.device_id AS deviceId
  FROM json_each(?) k JOIN entries e ON e.store_id = k.value->>0 AND e.item = k.value->>1`;

type Flows = Map<string, (FlowEntry & Pick<EntryRow, "storeId" | "item">)[]>;

async function readFlow(connection: SqlConnection, asked: readonly Unsettled[]): Promise<Flows> {
  return byItem(
    await connection.all<EntryRow>(
      `${entrySelect} AND e.placed_at_ms >= CAST(k.value->>2 AS INTEGER)
       ORDER BY e.store_id, e.entry_number`,
      JSON.stringify(asked.map(({ storeId, item, sinceMs }) => [storeId, item, sinceMs])),
    ),
  );
}

/** All entries of the units with serials that passed an exit: they may have left long before. */
async function readLeftUnits(connection: SqlConnection, flows: Flows): Promise<Flows> {
  const exits = [...flows.values()].flat().filter((row) => flowKindOf(row) === "exit");
  const units = exits.flatMap(({ storeId, item, serial }) =>
    serial === undefined ? [] : [JSON.stringify([storeId, item, serial])],
  );
  if (units.length === 0) return new Map();
  return byItem(
    await connection.all<EntryRow>(
      `${entrySelect} AND e.serial = k.value->>2 ORDER BY e.store_id, e.entry_number`,
      `[${[...new Set(units)].join(",")}]`,
    ),
  );
}

function byItem(rows: readonly EntryRow[]): Flows {
  const flows: Flows = new Map();
  for (const { serial, fromLocation, fromState, toLocation, toState, ...row } of rows) {
    const key = productKey(row.storeId, row.item);
    const list = flows.get(key) ?? [];
    list.push({
      ...row,
      ...(serial === null ? {} : { serial }),
      from: { location: fromLocation, state: fromState },
      to: { location: toLocation, state: toState },
    });
    flows.set(key, list);
  }
  return flows;
}
