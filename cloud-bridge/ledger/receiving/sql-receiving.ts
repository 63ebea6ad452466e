// Consignments in the ledger's database: announced over HTTP or by a supplier's shipment (EPCIS), closed by a person.

import { z } from "zod";
import type { Alert, Entry } from "../../../contract/stock.ts";
import type { LedgerDatabase, SqlConnection } from "../database.ts";
import { saveAlerts } from "../sql-alerts.ts";
import type { PostedEvent } from "../sql-references.ts";
import { type Consignment, discrepancyAlert, overdueAlert, overdueMs } from "./consignment.ts";
import {
  type ConsignmentReport,
  consignmentKey,
  readConsignment,
  readSent,
  reported,
  saveConsignment,
  saveConsignmentUnits,
} from "./sql-consignments.ts";
import {
  defaultShipmentLimits,
  isShipmentDue,
  type ShipmentLimits,
  watchShipments,
} from "./sql-shipment-watch.ts";
import { readConsignmentOrShipment, readShipments } from "./sql-shipments.ts";
import { writeOffMissing } from "./sql-write-offs.ts";

export type ConsignmentOutcome =
  | {
      readonly ok: true;
      readonly consignment: ConsignmentReport;
      readonly alerts: readonly Alert[];
      /** Of what was written off. */
      readonly entries: readonly Entry[];
    }
  | {
      readonly ok: false;
      readonly code: "CONSIGNMENT_EXISTS" | "CONSIGNMENT_UNKNOWN" | "CONSIGNMENT_STATE";
      readonly message: string;
    };

/** Who ends a consignment, and how. */
export interface ConsignmentEnd {
  /** What the one who ends it takes it for. */
  readonly kind: Consignment["kind"];
  readonly state: "closed" | "cancelled";
  readonly by: string;
  readonly reason?: string | undefined;
  /** Of a transfer that is closed: what was sent and never came is lost. Without, it stays on its way. */
  readonly writeOff?: boolean;
}

/** Which consignments are listed. */
export interface ConsignmentQuery {
  readonly storeId: string;
  readonly side: "to" | "from";
  readonly kind: Consignment["kind"];
  readonly isOpen: boolean;
  /** Time and key of the last one of the page before. */
  readonly before?: readonly [openedAtMs: number, key: string] | undefined;
  readonly countMax: number;
}

/** Overdue consignments that are told at one time. */
const overdueCountMax = 500;

/** The consignments of a ledger. */
export class SqlReceiving {
  readonly #database: LedgerDatabase;

  constructor(database: LedgerDatabase) {
    this.#database = database;
  }

  /** Announces one; the same again is answered as the first, another under its name is refused. */
  open(consignment: Consignment): Promise<ConsignmentOutcome> {
    const { storeId, consignmentId, kind, from } = consignment;
    const exists = (message: string) =>
      ({ ok: false, code: "CONSIGNMENT_EXISTS", message }) as const;
    return this.#database.write(
      async (connection) => {
        const known = await readConsignment(connection, storeId, consignmentId);
        if (known === undefined) {
          const sent = kind === "transfer" ? await readSent(connection, from, consignmentId) : [];
          const other = sent.find(({ state }) => state !== "cancelled");
          if (other !== undefined) {
            const why = "what it sends names the transfer alone, so another store needs another id";
            return exists(`${from} sends ${consignmentId} to ${other.storeId}: ${why}`);
          }
          await saveConsignment(connection, consignment);
          await saveConsignmentUnits(connection, consignment);
        } else if (contentOf(known) !== contentOf(consignment)) {
          return exists(`${consignmentId} was announced to ${storeId} with other contents`);
        }
        return await outcome(connection, known ?? consignment);
      },
      kind === "transfer" ? [storeId, from] : [storeId],
    );
  }

  /**
   * One consignment of a kind to a store; or a transfer that it sends, to the store `to` where that is said. Of a shipment
   * that was captured and never announced otherwise too.
   */
  async consignment(
    storeId: string,
    consignmentId: string,
    { kind, to }: { kind?: Consignment["kind"]; to?: string | undefined } = {},
  ): Promise<ConsignmentReport | undefined> {
    const { reader } = this.#database;
    const own = await readConsignmentOrShipment(reader, storeId, consignmentId);
    const isOwn = own !== undefined && (kind ?? own.kind) === own.kind;
    if (isOwn && (to ?? storeId) === storeId) return await reported(reader, own);
    if (kind === "delivery") return undefined;
    const sent = await readSent(reader, storeId, consignmentId);
    const found = sent.find((each) => (to ?? each.storeId) === each.storeId);
    if (found === undefined) return undefined;
    const others = sent.filter((each) => each !== found && each.state !== "cancelled");
    const alsoTo = others.map((each) => each.storeId);
    return { ...(await reported(reader, found)), ...(alsoTo.length === 0 ? {} : { alsoTo }) };
  }

  /** Consignments to a store, or those that it sends; the newest first. Shipments that were captured are among them. */
  async consignments(query: ConsignmentQuery): Promise<Consignment[]> {
    const { storeId, side, kind, isOpen, countMax } = query;
    const [beforeMs, beforeKey] = query.before ?? [Number.MAX_SAFE_INTEGER, ""];
    const rows = await this.#database.reader.all<{ body: string }>(
      `SELECT body FROM consignments
       WHERE ${side === "to" ? "store_id" : "from_name"} = ? AND kind = ? AND opened_at_ms <= ?
        AND (opened_at_ms < ? OR store_id || '/' || consignment_id > ?) AND (? = 0 OR state = 'open')
       ORDER BY opened_at_ms DESC, store_id || '/' || consignment_id LIMIT ?`,
      ...[storeId, kind, beforeMs, beforeMs, beforeKey, Number(isOpen), countMax],
    );
    const told = rows.map(({ body }) => {
      const { finalReport: _, ...consignment } = JSON.parse(body) as Consignment;
      return consignment;
    });
    if (side === "from" || kind === "transfer") return told;
    const captured = await readShipments(this.#database.reader, query);
    return [...told, ...captured].sort(newestFirst).slice(0, countMax);
  }

  /** Closes or cancels one; what is missing and too much becomes an alert. */
  end(
    storeId: string,
    consignmentId: string,
    { kind, state, by, reason, writeOff = false }: ConsignmentEnd,
    nowMs: number,
  ): Promise<ConsignmentOutcome> {
    const isLoss = writeOff && kind === "transfer" && state === "closed";
    return this.#database.write(
      async (connection) => {
        const found = await readConsignmentOrShipment(connection, storeId, consignmentId);
        if (found?.kind !== kind) {
          const message = `store ${storeId} expects no ${kind} ${consignmentId}`;
          return { ok: false, code: "CONSIGNMENT_UNKNOWN", message };
        }
        if (found.state === state) {
          const isAsked = isLoss && found.writtenOff === undefined;
          return isAsked
            ? await writeOffClosed(connection, found, { by, nowMs })
            : await outcome(connection, found);
        }
        if (found.state !== "open") {
          const message = `${consignmentId} was ${found.state} by ${found.closedBy}`;
          return { ok: false, code: "CONSIGNMENT_STATE", message };
        }
        const result = await end(connection, found, { state, by, reason, writeOff: isLoss }, nowMs);
        const loud = await saveAlerts(connection, result.alerts, nowMs);
        return { ...result, alerts: result.alerts.filter((one) => loud.has(one)) };
      },
      // The sender, whose loss it is, is known only then.
      isLoss ? undefined : [storeId],
    );
  }

  /** Tells once of each that should have come long ago, and ends captured shipments in time; gives the alerts to publish. */
  async raiseOverdue(
    nowMs: number,
    limits: ShipmentLimits = defaultShipmentLimits,
  ): Promise<Alert[]> {
    const { reader } = this.#database;
    const isOverdue = (await readOverdue(reader, nowMs)).length > 0;
    // Mostly there is none, and nothing to be locked for.
    if (!isOverdue && !(await isShipmentDue(reader, limits, nowMs))) return [];
    return await this.#database.write(async (connection) => {
      const overdue = await readOverdue(connection, nowMs);
      await connection.run(
        `UPDATE consignments SET overdue_told = 1 WHERE (store_id, consignment_id) IN
          (SELECT value->>0, value->>1 FROM json_each(?))`,
        JSON.stringify(overdue.map((one) => [one.storeId, one.consignmentId])),
      );
      const alerts = overdue.map((one) => overdueAlert(one, nowMs));
      alerts.push(...(await watchShipments(connection, limits, nowMs)));
      const loud = await saveAlerts(connection, alerts, nowMs);
      return alerts.filter((alert) => loud.has(alert));
    });
  }
}

/**
 * Closes what a person ended at a scanner, where it was announced or captured and is open; gives the alerts to raise. Only
 * the command says that all has come: a scanner that was left alone says nothing.
 */
export async function endScanned(
  connection: SqlConnection,
  events: readonly PostedEvent[],
  nowMs: number,
): Promise<Alert[]> {
  const alerts: Alert[] = [];
  for (const { storeId, edgeId, event } of events) {
    if (event.type !== "noticed") continue;
    const closed = scannedEndSchema.safeParse(event.detail).data;
    if (event.code !== receiptClosed || closed === undefined) continue;
    const found = await readConsignmentOrShipment(connection, storeId, closed.referenceId);
    if (found?.state !== "open") continue;
    const by = `${edgeId}/${event.deviceId}`;
    alerts.push(...(await end(connection, found, { state: "closed", by }, nowMs)).alerts);
  }
  return alerts;
}

/** What a scanner notices at the end of a delivery (`edge/sense/receipt.ts`). */
const receiptClosed = "receipt_closed";
const scannedEndSchema = z.looseObject({
  referenceId: z.string().max(64),
  reason: z.literal("ended"),
});

/** Ends one that is open; the alerts are what is to be raised. */
async function end(
  connection: SqlConnection,
  open: Consignment,
  { state, by, reason, writeOff = false }: Omit<ConsignmentEnd, "kind">,
  nowMs: number,
) {
  const why = reason === undefined ? {} : { reason };
  const ended = { ...open, state, closedAtMs: nowMs, closedBy: by, ...why };
  await saveConsignment(connection, ended);
  const consignment = await reported(connection, ended);
  const alert = state === "closed" ? discrepancyAlert(ended, consignment.report, nowMs) : undefined;
  const alerts = alert === undefined ? [] : [alert];
  if (!writeOff) return { ok: true as const, consignment, alerts, entries: [] };
  const lost = await writeOffClosed(connection, ended, { by, nowMs });
  return { ...lost, alerts: [...alerts, ...lost.alerts] };
}

/** Writes off what of a closed transfer never came. */
async function writeOffClosed(
  connection: SqlConnection,
  closed: Consignment,
  author: { readonly by?: string | undefined; readonly nowMs: number },
) {
  const { report } = await reported(connection, closed);
  const { consignment, ...posted } = await writeOffMissing(connection, closed, report, author);
  await saveConsignment(connection, consignment);
  return { ok: true as const, consignment: { ...consignment, report }, ...posted };
}

async function readOverdue(connection: SqlConnection, nowMs: number): Promise<Consignment[]> {
  const rows = await connection.all<{ body: string }>(
    `SELECT body FROM consignments WHERE state = 'open' AND overdue_told = 0 AND expected_at_ms < ?
     ORDER BY expected_at_ms LIMIT ${overdueCountMax}`,
    nowMs - overdueMs,
  );
  return rows.map(({ body }) => JSON.parse(body) as Consignment);
}

async function outcome(
  connection: SqlConnection,
  consignment: Consignment,
): Promise<ConsignmentOutcome> {
  const told = await reported(connection, consignment);
  return { ok: true, consignment: told, alerts: [], entries: [] };
}

/** As both databases order them. */
function newestFirst(one: Consignment, other: Consignment): number {
  const keys = Buffer.compare(Buffer.from(consignmentKey(one)), Buffer.from(consignmentKey(other)));
  return other.openedAtMs - one.openedAtMs || keys;
}

function contentOf({ kind, from, expectedAtMs, lines }: Consignment): string {
  return JSON.stringify([kind, from, expectedAtMs, lines]);
}
