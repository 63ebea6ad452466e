// Movements that name what they belong to - a delivery, a transfer, a till's receipt - found among the events of a group
// as they are stored.

import type { Step, StockEvent } from "../../contract/event.ts";
import type { OutboxKey } from "./changes.ts";
import type { SqlConnection } from "./database.ts";
import type { ConsignmentLot, ConsignmentMove, ConsignmentUnit } from "./receiving/consignment.ts";
import { itemKeyOf } from "./settle.ts";
import { type Columns, insertRows, outboxColumns } from "./sql-save.ts";

/** What a movement is to what it names. */
type Side = ConsignmentMove["side"] | "sold" | "returned";

const sides: Partial<Record<Step, Side>> = {
  receiving: "received",
  arriving: "received",
  shipping: "sent",
  departing: "sent",
  retail_selling: "sold",
  returning: "returned",
};

/** An event as it was posted. */
export interface PostedEvent extends OutboxKey {
  readonly event: StockEvent;
}

/** What a movement names, and what it is to that. */
export interface ReferencedMove {
  readonly storeId: string;
  readonly referenceId: string;
  readonly side: Side;
}

/** Stores those of the events that are movements which name something; gives them. */
export async function saveReferencedMoves(
  connection: SqlConnection,
  events: readonly PostedEvent[],
): Promise<readonly ReferencedMove[]> {
  const rows = events.flatMap(({ event, ...outbox }) => {
    if (event.type !== "moved" || event.reference === undefined) return [];
    const side = sides[event.step];
    if (side === undefined) return [];
    const referenceId = event.reference.id;
    const { serial, lot } = event.item;
    return [{ ...outbox, ...event, side, item: itemKeyOf(event.item), serial, lot, referenceId }];
  });
  type Row = (typeof rows)[number];
  const named: Columns<Row> = {
    ...outboxColumns,
    reference_id: (row) => row.referenceId,
    sequence: (row) => row.sequence,
    side: (row) => row.side,
    item: (row) => row.item,
  };
  const counted: Columns<Row> = {
    ...named,
    quantity: (row) => row.quantity,
    occurred_at_ms: (row) => row.occurredAtMs,
  };
  await insertRows(connection, "referenced_moves", counted, rows);
  const units = rows.filter(
    ({ side, serial }) => serial !== undefined && (side === "sent" || side === "received"),
  );
  const single: Columns<Row> = { ...named, serial: (row) => row.serial ?? null };
  await insertRows(connection, "referenced_units", single, units);
  const lots = rows.filter(({ side, lot }) => lot !== undefined && side === "received");
  const ofLot: Columns<Row> = {
    ...named,
    lot: (row) => row.lot ?? null,
    quantity: (row) => row.quantity,
  };
  await insertRows(connection, "referenced_lots", ofLot, lots);
  return rows;
}

/** By item: what left one store under this name, and what came to the other. */
export async function readConsignmentMoves(
  connection: SqlConnection,
  about: {
    readonly consignmentId: string;
    readonly storeId: string;
    readonly fromStoreId?: string;
  },
): Promise<ConsignmentMove[]> {
  const { consignmentId, storeId, fromStoreId = "" } = about;
  return await connection.all<ConsignmentMove>(
    `SELECT side, item, sum(quantity) AS quantity FROM referenced_moves
     WHERE reference_id = ?
      AND ((store_id = ? AND side = 'received') OR (store_id = ? AND side = 'sent'))
     GROUP BY side, item ORDER BY side, item`,
    ...[consignmentId, storeId, fromStoreId],
  );
}

/** By lot: what came under this name. */
export async function readConsignmentLots(
  connection: SqlConnection,
  { consignmentId, storeId }: { readonly consignmentId: string; readonly storeId: string },
): Promise<ConsignmentLot[]> {
  return await connection.all<ConsignmentLot>(
    `SELECT item, lot, CAST(sum(quantity) AS INTEGER) AS quantity FROM referenced_lots
     WHERE store_id = ? AND reference_id = ? AND side = 'received'
     GROUP BY item, lot ORDER BY item, lot`,
    ...[storeId, consignmentId],
  );
}

/**
 * Units that were named one by one: by movements that name the consignment, by its announcement and by a captured shipment. Of
 * the last two those that came without anybody naming the shipment (through a portal, say) too, each once, whatever came first.
 */
export async function readConsignmentUnits(
  connection: SqlConnection,
  about: {
    readonly consignmentId: string;
    readonly storeId: string;
    readonly fromStoreId?: string;
  },
): Promise<ConsignmentUnit[]> {
  const { consignmentId, storeId, fromStoreId = "" } = about;
  const announced = `FROM (SELECT store_id, item, serial, min(since_ms) AS since_ms FROM (
       SELECT store_id, item, serial, shipped_at_ms - ?3 AS since_ms FROM expected_receipts
       WHERE store_id = ?2 AND shipment = ?1 AND withdrawn_at_ms IS NULL AND serial IS NOT NULL
       UNION ALL SELECT store_id, item, serial, since_ms FROM consignment_units
       WHERE store_id = ?2 AND consignment_id = ?1) named
     GROUP BY store_id, item, serial) x`;
  return await connection.all<ConsignmentUnit>(
    `SELECT side, item, serial, count(*) AS quantity FROM referenced_units
     WHERE reference_id = ?1
      AND ((store_id = ?2 AND side = 'received') OR (store_id = ?4 AND side = 'sent'))
     GROUP BY side, item, serial
     UNION SELECT 'expected', x.item, x.serial, 1 ${announced}
     UNION SELECT 'arrived', x.item, x.serial, 1 ${announced}
     WHERE EXISTS (SELECT 1 FROM entries e
        WHERE e.store_id = x.store_id AND e.item = x.item AND e.serial = x.serial
         AND e.reason IN ('receiving', 'arriving') AND e.placed_at_ms >= x.since_ms)
      AND NOT EXISTS (SELECT 1 FROM entries e
        JOIN referenced_moves r ON r.store_id = e.store_id AND r.reference_id = ?1
         AND r.edge_id = e.edge_id AND r.outbox_id = e.outbox_id AND r.sequence = e.sequence
        WHERE e.store_id = x.store_id AND e.item = x.item AND e.serial = x.serial)
     ORDER BY 1, 2, 3`,
    ...[consignmentId, storeId, clockDifferenceMsMax, fromStoreId],
  );
}

/** By how much the clocks of who shipped and who received may differ. */
const clockDifferenceMsMax = 3_600_000;

/** What a receipt sold of one item, in whichever store, and what has been returned of it. */
export interface ReceiptSale {
  readonly storeId: string;
  readonly item: string;
  readonly sold: number;
  readonly returned: number;
  readonly soldAtMs: number;
}

/** Sales that a till's receipt names, or an order that was handed over: by the claim's id. */
export async function readReceiptSales(
  connection: SqlConnection,
  receiptId: string,
): Promise<ReceiptSale[]> {
  return await connection.all<ReceiptSale>(
    `SELECT s.store_id AS storeId, s.item, sum(s.sold) AS sold, min(s.sold_at_ms) AS soldAtMs,
       coalesce((SELECT sum(r.quantity) FROM referenced_moves r
         WHERE r.reference_id = ?1 AND r.item = s.item AND r.side = 'returned'), 0) AS returned
     FROM (SELECT store_id, item, quantity AS sold, occurred_at_ms AS sold_at_ms
           FROM referenced_moves WHERE reference_id = ?1 AND side = 'sold'
           UNION ALL
           SELECT c.store_id, l.gtin, l.quantity, c.changed_at_ms FROM claims c
           JOIN claim_lines l ON l.store_id = c.store_id AND l.claim_id = c.claim_id
           WHERE c.claim_id = ?1 AND c.state = 'handed_over') s
     GROUP BY s.store_id, s.item ORDER BY s.store_id, s.item`,
    receiptId,
  );
}
