// The movements that name a consignment, found among the events of a group as they are stored.

import type { MovedEvent, Step } from "../../../contract/event.ts";
import type { OutboxKey } from "../changes.ts";
import type { SqlConnection } from "../database.ts";
import { itemKeyOf } from "../settle.ts";
import { insertRows } from "../sql-save.ts";
import type { ConsignmentMove } from "./consignment.ts";

const sides: Partial<Record<Step, ConsignmentMove["side"]>> = {
  receiving: "received",
  arriving: "received",
  shipping: "sent",
  departing: "sent",
};

/** An event of an outbox, as canonical text. */
export interface EventText extends OutboxKey {
  readonly text: string;
}

/** Whether an event may name a consignment: most do not, and cost no more than this. */
export function isOfConsignment(text: string): boolean {
  return text.includes('"reference":{');
}

/** Stores those of the events that are movements of a consignment. */
export async function saveConsignmentMoves(
  connection: SqlConnection,
  events: readonly EventText[],
): Promise<void> {
  const rows = events
    .filter(({ text }) => isOfConsignment(text))
    .flatMap(({ text, ...outbox }) => {
      const { reference, step, item, ...event } = JSON.parse(text) as MovedEvent;
      const side = sides[step];
      if (side === undefined || reference === undefined) return [];
      return [{ ...outbox, ...event, side, item: itemKeyOf(item), id: reference.id }];
    });
  await insertRows<(typeof rows)[number]>(
    connection,
    "consignment_moves",
    {
      store_id: (row) => row.storeId,
      consignment_id: (row) => row.id,
      edge_id: (row) => row.edgeId,
      outbox_id: (row) => row.outboxId,
      sequence: (row) => row.sequence,
      side: (row) => row.side,
      item: (row) => row.item,
      quantity: (row) => row.quantity,
      occurred_at_ms: (row) => row.occurredAtMs,
    },
    rows,
  );
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
    `SELECT side, item, sum(quantity) AS quantity FROM consignment_moves
     WHERE consignment_id = ?
      AND ((store_id = ? AND side = 'received') OR (store_id = ? AND side = 'sent'))
     GROUP BY side, item ORDER BY side, item`,
    ...[consignmentId, storeId, fromStoreId],
  );
}
