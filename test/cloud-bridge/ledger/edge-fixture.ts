// Ledgers for tests, in files or, where the suites run a second time, on PostgreSQL; and the edges that post to them.

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject, onTestFinished } from "vitest";
import type { SqlConnection, SqlValue } from "../../../cloud-bridge/ledger/database.ts";
import { PostgresConnection } from "../../../cloud-bridge/ledger/postgres.ts";
import { PostgresLedger } from "../../../cloud-bridge/ledger/postgres-ledger.ts";
import type { SqlLedger } from "../../../cloud-bridge/ledger/sql-ledger.ts";
import { SqliteConnection } from "../../../cloud-bridge/ledger/sqlite.ts";
import type { SqliteLedgerOptions } from "../../../cloud-bridge/ledger/sqlite-database.ts";
import { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import type { Committed, Incoming } from "../../../cloud-bridge/ledger/types.ts";
import { type Plan, planSchema } from "../../../contract/plan.ts";
import { queryPostgres } from "../../support/postgres-server.ts";
import { coffee, shirt, startAtMs, tea } from "./fake-edge.ts";

/** A file for a ledger, removed after the test. */
export function ledgerPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "gondola-ledger-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "ledger.db");
}

/** Where the suites run a second time, on PostgreSQL: the server's URL. */
const serverUrl = inject("postgresUrl");
/** Whether the ledgers of this run are in PostgreSQL. */
export const isOnPostgres = serverUrl !== undefined;
/** Runs of a property: fewer where each statement crosses a socket. */
export const runCountOf = (count: number) => (isOnPostgres ? Math.ceil(count / 20) : count);

/** The database that stands for a path, created where it is missing. */
export async function databaseUrl(path: string): Promise<string> {
  const name = `l${createHash("sha256").update(path).digest("hex").slice(0, 16)}`;
  const sql = `CREATE DATABASE ${name}`;
  await queryPostgres(`${serverUrl}/postgres`, sql).catch((error: { code?: string }) => {
    if (error.code !== "42P04") throw error;
  });
  return `${serverUrl}/${name}`;
}

/** Opens a ledger; the caller closes it. */
export async function openLedgerAt(
  path: string,
  options: Partial<SqliteLedgerOptions> = {},
): Promise<SqlLedger> {
  const { nowMs = startAtMs, onRefused } = options;
  if (isOnPostgres) {
    return await PostgresLedger.open({ url: await databaseUrl(path), nowMs, onRefused });
  }
  return await SqliteLedger.open({ nowMs, synchronous: "OFF", ...options, path });
}

/** A ledger in a file (or database) of its own, closed after the test. */
export async function openLedger(options: Partial<SqliteLedgerOptions> = {}): Promise<SqlLedger> {
  const ledger = await openLedgerAt(options.path ?? ledgerPath(), options);
  onTestFinished(() => ledger.close());
  return ledger;
}

async function connectBeside(
  path: string,
): Promise<SqlConnection & { readonly close: () => Promise<void> }> {
  return isOnPostgres
    ? await PostgresConnection.open({ url: await databaseUrl(path) }, "reader")
    : await SqliteConnection.open({ path });
}

/** A connection beside the ledger's own, closed after the test. */
export async function openBeside(path: string): Promise<SqlConnection> {
  const connection = await connectBeside(path);
  onTestFinished(() => connection.close());
  return connection;
}

/** Runs a statement beside the ledger, as somebody with other tools would. */
export async function onDatabase<Row>(
  path: string,
  sql: string,
  ...values: SqlValue[]
): Promise<Row[]> {
  const connection = await connectBeside(path);
  const rows = await connection.all<Row>(sql, ...values);
  await connection.close();
  return rows;
}

/** Takes from a ledger's tables of lots what version 4 gave them. */
export const lotsOfVersion3 = [
  "DROP INDEX lots_left",
  "ALTER TABLE lots DROP COLUMN quantity",
  "DROP TABLE lot_units",
];

/** A ledger in which a table refuses the rows for which a condition of SQL holds, until that is allowed. */
export async function openRefusing(
  table: string,
  condition: string,
  options: Partial<SqliteLedgerOptions> = {},
): Promise<{ ledger: SqlLedger; allow: () => Promise<unknown> }> {
  const path = ledgerPath();
  const ledger = await openLedger({ path, ...options });
  return { ledger, allow: await refuseRows(path, table, condition) };
}

/** The same for a ledger that is open already; what is given allows the rows again. */
export async function refuseRows(
  path: string,
  table: string,
  condition: string,
): Promise<() => Promise<unknown>> {
  const trigger = `CREATE TRIGGER refusing BEFORE INSERT ON ${table}`;
  if (!isOnPostgres) {
    const body = `WHEN ${condition} BEGIN SELECT RAISE(ABORT, 'not this row'); END`;
    await onDatabase(path, `${trigger} ${body}`);
    return () => onDatabase(path, "DROP TRIGGER refusing");
  }
  const body = "$$ BEGIN RAISE EXCEPTION 'not this row'; END $$";
  await onDatabase(path, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS ${body}`);
  await onDatabase(path, `${trigger} FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION refuse()`);
  return () => onDatabase(path, `DROP TRIGGER refusing ON ${table}`);
}

/** Posts one batch. */
export async function postOne(ledger: SqliteLedger, incoming: Incoming): Promise<Committed> {
  const [committed] = await ledger.post([incoming], startAtMs + 60_000);
  return committed!;
}

/** Balances of a product as `location state` -> quantity. */
export async function balancesOf(ledger: SqliteLedger, gtin: string, storeId = "s0042") {
  const [level] = await ledger.stockLevels({ storeId, gtin, countMax: 1, nowMs: startAtMs });
  const balances = level?.balances ?? [];
  return Object.fromEntries(
    balances.map(({ location, state, quantity }) => [
      `${location.slice(storeId.length + 1)} ${state}`,
      quantity,
    ]),
  );
}

/** Coffee on a weight shelf that senses picks, shirts on the floor, and a stockroom. */
export const plan: Plan = planSchema.parse({
  ...{ schemaVersion: 1, storeId: "s0042", version: 1 },
  products: [coffee, tea, shirt].map((gtin) => ({ gtin, name: gtin })),
  locations: [
    { location: "s0042/stockroom", role: "stockroom" },
    { location: "s0042/floor/apparel", role: "floor" },
    { location: "s0042/floor/gondola-1/c1", role: "shelf", picksSensed: true },
  ],
  facings: [
    { location: "s0042/floor/apparel", gtin: shirt },
    { location: "s0042/floor/gondola-1/c1", gtin: coffee },
  ],
});
