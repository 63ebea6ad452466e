// How fast the ledger posts, beside the bare `INSERT … SELECT … FROM json_each` of the same rows (event
// log, entries, balances) into the same tables, in groups of the same size, in the same run.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { itemsOf } from "../../cloud-bridge/ledger/batch-items.ts";
import { additions, tables } from "../../cloud-bridge/ledger/sql-tables.ts";
import { SqliteConnection } from "../../cloud-bridge/ledger/sqlite.ts";
import { SqliteLedger } from "../../cloud-bridge/ledger/sqlite-ledger.ts";
import type { Incoming } from "../../cloud-bridge/ledger/types.ts";
import { batchEventCountMax } from "../../contract/delivery.ts";
import { canonicalEvent, canonicalJson, genesisDigest, nextDigest } from "../../contract/digest.ts";

const storeCount = 4;
const groupCount = 20;
const eventCount = storeCount * groupCount * batchEventCountMax;
const startAtMs = 1_763_888_000_000;

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
    const texts = makeGroups().map((group) => JSON.stringify(group));
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

/** What ingest does with the batches that arrive while the ledger posts the group before. */
async function arrive(decoded: readonly Incoming[]): Promise<Incoming[]> {
  const group: Incoming[] = [];
  for (const incoming of decoded) {
    await setTimeout(5);
    group.push({ ...incoming, items: itemsOf(incoming.batch) });
  }
  return group;
}

async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const begunAtMs = performance.now();
  const result = await work();
  return [performance.now() - begunAtMs, result];
}

const columns = {
  events:
    "store_id, edge_id, outbox_id, sequence, first_sequence, type, digest, body, evidence, recorded_at_ms",
  entries:
    "store_id, entry_number, item, serial, lot, quantity, from_location, from_state, to_location, to_state, reason, occurred_at_ms, placed_at_ms, recorded_at_ms, edge_id, outbox_id, sequence, device_id, unsynced_boot_id, hash",
  balances: "store_id, item, location, state, quantity, entry_number",
};

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

/** A busy day: units arrive, pass the portal, are picked and sold, one after the other. */
function makeGroups(): Incoming[][] {
  const stores = Array.from({ length: storeCount }, (_, index) => {
    const outboxId = `0a0a0a0a-0000-4000-8000-00000000000${index}`;
    return { storeId: `store-${index + 1}`, outboxId, digest: genesisDigest(outboxId) };
  });
  return Array.from({ length: groupCount }, (_, group) =>
    stores.map((store): Incoming => {
      const { storeId, outboxId, digest: previousDigest } = store;
      const firstSequence = group * batchEventCountMax + 1;
      // Canonical, as the rows of an outbox are and as they come out of a batch.
      const events = Array.from({ length: batchEventCountMax }, (_, index) =>
        JSON.parse(canonicalJson(makeEvent(storeId, firstSequence + index))),
      );
      for (const event of events) store.digest = nextDigest(store.digest, canonicalEvent(event));
      const header = { schemaVersion: 1, storeId, edgeId: "edge-1", outboxId } as const;
      const times = { completeThroughAtMs: startAtMs, sentAtMs: startAtMs + group };
      const chain = { firstSequence, previousDigest, nonce: "0000-00000001" };
      return { storeId, edgeId: "edge-1", batch: { ...header, ...chain, ...times, events } };
    }),
  );
}

function makeEvent(storeId: string, sequence: number): object {
  const product = Math.floor(sequence / 4) % 300;
  const place = (name: string) => ({ location: `${storeId}/${name}`, state: "sellable" });
  const shelf = place(`floor/gondola-${product % 40}/c${product % 6}`);
  const [step, from, to] = [
    ["receiving", place("@supplier"), place("stockroom")],
    ["relocating", place("stockroom"), shelf],
    ["customer_pick", shelf, place("@basket")],
    ["retail_selling", place("@basket"), place("@customer")],
  ][sequence % 4]!;
  const clock = { bootId: "b0071d00-0000-4000-8000-000000000001", clockSynced: true };
  const serial = step === "relocating" ? { serial: `${sequence}` } : {};
  return {
    ...{ type: "moved", step, sequence, quantity: 1, from, to, deviceId: "gondola-1", ...clock },
    ...{ occurredAtMs: startAtMs + sequence, uptimeMs: sequence * 100, confidence: 0.97 },
    item: { gtin: gtinOf(product), ...serial },
    evidence: { decidedAtMs: startAtMs + sequence, reads: 14, peakRssiDbm: -51, deltaGrams: 512.4 },
  };
}

function gtinOf(product: number): string {
  const digits = `0952132${String(product).padStart(6, "0")}`;
  const weigh = (sum: number, digit: string, at: number) =>
    sum + Number(digit) * (at % 2 === 0 ? 3 : 1);
  return `${digits}${(10 - ([...digits].reduce(weigh, 0) % 10)) % 10}`;
}
