// Returns in the ledger's database: which sale is undone, never more than were sold, and what became of each unit.

import { serialKey } from "../../../contract/gs1/digital-link.ts";
import type { Gtin } from "../../../contract/units.ts";
import type { LedgerDatabase, SqlConnection } from "../database.ts";
import { saveAudit } from "../sql-audit.ts";
import { type ReceiptSale, readReceiptSales } from "../sql-references.ts";
import type { ReturnCase, ReturnOutcome, SaleFound } from "./return-case.ts";

/** Returns that the figures of a store look at: the latest. */
const figureCountMax = 10_000;

/** How a store's returns go. */
export interface ReturnFigures {
  readonly openCount: number;
  readonly byDisposition: Readonly<Record<string, number>>;
  /** From receipt to resellable, the median; absent where nothing was. */
  readonly resellableAfterMsP50?: number;
}

/** The returns of a ledger. */
export class SqlReturns {
  readonly #database: LedgerDatabase;

  constructor(database: LedgerDatabase) {
    this.#database = database;
  }

  /** What a receipt or an order sold, in whichever store, and what came back of it. */
  sales(receiptId: string): Promise<ReceiptSale[]> {
    return readReceiptSales(this.#database.reader, receiptId);
  }

  /** Takes a unit back; the same request again is answered as the first. `digest` is of the request. */
  open(asked: Omit<ReturnCase, "sale" | "state">, digest: string): Promise<ReturnOutcome> {
    const { storeId, returnId } = asked;
    return this.#database.write(async (connection) => {
      const known = await readCase(connection, storeId, returnId);
      if (known?.digest === digest) return { ok: true, returnCase: known.returnCase };
      if (known !== undefined) {
        const message = "the idempotency key came with another body; a new return needs a new key";
        return { ok: false, code: "KEY_REUSED", message };
      }
      const found = await saleOf(connection, asked);
      if ("code" in found) return { ok: false, ...found };
      const { sale } = found;
      const returnCase: ReturnCase = {
        ...asked,
        ...(sale === undefined ? {} : { sale }),
        state: "received",
      };
      await saveCase(connection, returnCase, digest);
      return { ok: true, returnCase };
    });
  }

  async returnCase(storeId: string, returnId: string): Promise<ReturnCase | undefined> {
    return (await readCase(this.#database.reader, storeId, returnId))?.returnCase;
  }

  /** Returns of a store, the newest first. */
  async returnCases(query: {
    readonly storeId: string;
    readonly isOpen: boolean;
    /** Time and id of the last one of the page before. */
    readonly before?: readonly [receivedAtMs: number, returnId: string] | undefined;
    readonly countMax: number;
  }): Promise<ReturnCase[]> {
    const { storeId, isOpen, before = [Number.MAX_SAFE_INTEGER, ""], countMax } = query;
    const [beforeMs, beforeId] = before;
    const rows = await this.#database.reader.all<{ body: string }>(
      `SELECT body FROM return_cases
       WHERE store_id = ? AND received_at_ms <= ? AND (received_at_ms < ? OR return_id > ?)
        AND (? = 0 OR state <> 'disposed')
       ORDER BY received_at_ms DESC, return_id LIMIT ?`,
      ...[storeId, beforeMs, beforeMs, beforeId, Number(isOpen), countMax],
    );
    return rows.map(({ body }) => JSON.parse(body) as ReturnCase);
  }

  /** Takes the next step of a return: what `decide` makes of it. */
  step(
    storeId: string,
    returnId: string,
    decide: (returnCase: ReturnCase) => ReturnOutcome,
  ): Promise<ReturnOutcome> {
    return this.#database.write(
      async (connection) => {
        const known = await readCase(connection, storeId, returnId);
        if (known === undefined) {
          const message = `store ${storeId} has no return ${returnId}`;
          return { ok: false, code: "RETURN_UNKNOWN", message };
        }
        const outcome = decide(known.returnCase);
        if (!outcome.ok) return outcome;
        await saveCase(connection, outcome.returnCase, known.digest);
        await saveInspection(connection, known.returnCase, outcome.returnCase);
        return outcome;
      },
      [storeId],
    );
  }

  /** How a store's returns go. */
  async figures(storeId: string): Promise<ReturnFigures> {
    const rows = await this.#database.reader.all<{
      disposition: string | null;
      receivedAtMs: number;
      disposedAtMs: number | null;
    }>(
      `SELECT disposition, received_at_ms AS receivedAtMs, disposed_at_ms AS disposedAtMs
       FROM return_cases WHERE store_id = ? ORDER BY received_at_ms DESC LIMIT ${figureCountMax}`,
      storeId,
    );
    const byDisposition: Record<string, number> = {};
    for (const { disposition } of rows) {
      if (disposition !== null) byDisposition[disposition] = (byDisposition[disposition] ?? 0) + 1;
    }
    const waits = rows
      .filter(({ disposition }) => disposition === "resell")
      .map(({ receivedAtMs, disposedAtMs }) => disposedAtMs! - receivedAtMs)
      .sort((a, b) => a - b);
    const median = waits[Math.floor(waits.length / 2)];
    return {
      openCount: rows.filter(({ disposition }) => disposition === null).length,
      byDisposition,
      ...(median === undefined ? {} : { resellableAfterMsP50: median }),
    };
  }
}

/** The sale that a return undoes, where one is known; or why it cannot be taken. */
async function saleOf(
  connection: SqlConnection,
  { gtin, serial, receiptId }: Pick<ReturnCase, "gtin" | "serial" | "receiptId">,
): Promise<
  | { readonly sale: SaleFound | undefined }
  | { readonly code: "RETURN_REPEATED" | "RETURN_NOT_SOLD"; readonly message: string }
> {
  const held = serial === undefined ? undefined : await heldAt(connection, gtin, serial);
  if (held !== undefined && !held.location.endsWith("/@customer")) {
    const message = `${gtin} ${serial} stands at ${held.location} by the book: it was not sold, or came back`;
    return { code: "RETURN_NOT_SOLD", message };
  }
  const ofSerial = held && { storeId: held.storeId, soldAtMs: held.soldAtMs };
  if (receiptId === undefined) return { sale: ofSerial };
  const sales = await readReceiptSales(connection, receiptId);
  const own = sales.filter(({ item }) => item === gtin);
  const [first] = own;
  if (first === undefined) {
    if (sales.length === 0) return { sale: ofSerial };
    return { code: "RETURN_NOT_SOLD", message: `receipt ${receiptId} did not sell ${gtin}` };
  }
  const [cases] = await connection.all<{ count: number }>(
    "SELECT count(*) AS count FROM return_cases WHERE receipt_id = ? AND gtin = ?",
    ...[receiptId, gtin],
  );
  const soldCount = own.reduce((sum, { sold }) => sum + sold, 0);
  if (soldCount <= Math.max(first.returned, cases!.count)) {
    const message = `receipt ${receiptId} sold ${soldCount} of ${gtin}, and as many came back`;
    return { code: "RETURN_REPEATED", message };
  }
  return { sale: { storeId: first.storeId, soldAtMs: first.soldAtMs } };
}

/** Where a unit stands by the latest word of all stores, and when it was sold: without its serial at the latest as it left. */
async function heldAt(connection: SqlConnection, gtin: string, serial: string) {
  const [row] = await connection.all<{ storeId: string; location: string; soldAtMs: number }>(
    `SELECT s.store_id AS storeId, s.location, coalesce((
       SELECT CASE e.reason WHEN 'retail_selling' THEN e.placed_at_ms END FROM entries e
       WHERE e.store_id = s.store_id AND e.item = ? AND e.serial = ?
        AND e.reason IN ('retail_selling', 'returning')
       ORDER BY e.placed_at_ms DESC, e.entry_number DESC LIMIT 1), s.at_ms) AS soldAtMs
     FROM serials s WHERE s.serial_key = ? ORDER BY s.at_ms DESC, s.store_id LIMIT 1`,
    ...[gtin, serial, serialKey(gtin as Gtin, serial)],
  );
  return row;
}

/** The case has the last inspection alone: who looked when is in the audit. */
async function saveInspection(connection: SqlConnection, before: ReturnCase, after: ReturnCase) {
  const { storeId, returnId: subject, inspectedBy: by, inspectedAtMs: atMs } = after;
  if (by === undefined || atMs === undefined || atMs === before.inspectedAtMs) return;
  await saveAudit(connection, [{ storeId, atMs, by, act: "return_inspected", subject }]);
}

async function readCase(connection: SqlConnection, storeId: string, returnId: string) {
  const [row] = await connection.all<{ digest: string; body: string }>(
    "SELECT digest, body FROM return_cases WHERE store_id = ? AND return_id = ?",
    ...[storeId, returnId],
  );
  return row && { digest: row.digest, returnCase: JSON.parse(row.body) as ReturnCase };
}

async function saveCase(
  connection: SqlConnection,
  returnCase: ReturnCase,
  digest: string,
): Promise<void> {
  const { storeId, returnId, gtin, serial, receiptId, state, disposition } = returnCase;
  await connection.run(
    `INSERT INTO return_cases (store_id, return_id, digest, gtin, serial, receipt_id, state, disposition,
       received_at_ms, disposed_at_ms, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (store_id, return_id) DO UPDATE SET state = excluded.state,
       disposition = excluded.disposition, disposed_at_ms = excluded.disposed_at_ms, body = excluded.body`,
    ...[storeId, returnId, digest, gtin, serial ?? null, receiptId ?? null, state],
    ...[disposition ?? null, returnCase.receivedAtMs, returnCase.disposedAtMs ?? null],
    JSON.stringify(returnCase),
  );
}
