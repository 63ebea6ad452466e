// How fast the ledger posts, beside the bare `INSERT … SELECT … FROM json_each` of the same rows (event
// log, entries, balances) into the same tables, in groups of the same size, in the same run.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { additions, tables } from "../../cloud-bridge/ledger/sql-tables.ts";
import { SqliteConnection } from "../../cloud-bridge/ledger/sqlite.ts";
import { SqliteLedger } from "../../cloud-bridge/ledger/sqlite-ledger.ts";
import type { Incoming } from "../../cloud-bridge/ledger/types.ts";
import { batchEventCountMax } from "../../contract/delivery.ts";
import { arrive, columns, makeGroups, newStreams, startAtMs, timed } from "./busy-day.ts";

const storeCount = 4;
const groupCount = 20;
const eventCount = storeCount * groupCount * batchEventCountMax;

type RowGroup = { events: string; entries: string; balances: string };

/** Posts 40,000 events of 4 stores in groups of 2,000; after each group the same rows go in bare. */
export async function benchLedger(): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), "gondola-bench-"));
  const path = join(folder, "ledger.db");
  const ledger = await SqliteLedger.open({ path, nowMs: startAtMs });
  const reader = await SqliteConnection.open({ path });
  const bare = await SqliteConnection.open({ path: join(folder, "bare.db") });
  // With their indexes: the same tables as the ledger's.
  await bare.script(tables);
  await bare.script(additions);
  try {
    let ledgerMs = 0;
    let bareMs = 0;
    // As text, so that the groups that wait do not burden the garbage collector.
    const texts = makeGroups(newStreams(storeCount), groupCount).map((group) =>
      JSON.stringify(group),
    );
    let group = await arrive(JSON.parse(texts[0]!));
    for (let index = 0; index < groupCount; index += 1) {
      const decoded = JSON.parse(texts[index + 1] ?? "[]") as Incoming[];
      const [tookMs, next] = await timed(() =>
        Promise.all([arrive(decoded), ledger.post(group, startAtMs)]),
      );
      const rows = await readRows(reader, index * batchEventCountMax);
      const [bareTookMs] = await timed(() => insertBare(bare, rows));
      ledgerMs += tookMs;
      bareMs += bareTookMs;
      group = next[0];
    }
    return {
      eventCount,
      groupEventCount: storeCount * batchEventCountMax,
      ledgerEventsPerS: Math.round((1000 * eventCount) / ledgerMs),
      bareEventsPerS: Math.round((1000 * eventCount) / bareMs),
      ratio: Number((bareMs / ledgerMs).toFixed(2)),
    };
  } finally {
    for (const open of [ledger, reader, bare]) await open.close();
    await rm(folder, { recursive: true, force: true });
  }
}

// Every event of this bench is one entry, so sequences and entry numbers of a store agree.
async function readRows(connection: SqliteConnection, after: number): Promise<RowGroup> {
  const range = `WHERE sequence > ?1 AND sequence <= ?1 + ${batchEventCountMax}`;
  const read = async (table: string, names: string, where: string) => {
    const [row] = await connection.all<{ rows: string }>(
      `SELECT json_group_array(json_array(${names})) AS rows FROM ${table} ${where}`,
      after,
    );
    return row!.rows;
  };
  return {
    events: await read("event_log", columns.events, range),
    entries: await read("entries", columns.entries, range),
    balances: await read("balances", columns.balances, "WHERE entry_number > ?1"),
  };
}

async function insertBare(connection: SqliteConnection, rows: RowGroup): Promise<void> {
  await connection.run("BEGIN IMMEDIATE");
  await connection.run(insert("event_log", columns.events), rows.events);
  await connection.run(insert("entries", columns.entries), rows.entries);
  await connection.run(insert("balances", columns.balances, upsert), rows.balances);
  await connection.run("COMMIT");
}

const upsert = `ON CONFLICT DO UPDATE SET
  quantity = excluded.quantity, entry_number = excluded.entry_number`;

function insert(table: string, names: string, conflict = ""): string {
  const values = names.split(",").map((_, index) => `value->>${index}`);
  return `INSERT INTO ${table} (${names}) SELECT ${values} FROM json_each(?) WHERE true ${conflict}`;
}
