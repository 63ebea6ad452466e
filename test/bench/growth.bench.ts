// What an event costs a ledger in SQLite that has grown: the same day goes on, group by group in turn, in a ledger of
// 100,000 entries and in one of a million (GONDOLA_BENCH_ENTRIES=10000000 for ten; 1.2 kB of disk for each).

import { copyFile, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteConnection } from "../../cloud-bridge/ledger/sqlite.ts";
import { SqliteLedger } from "../../cloud-bridge/ledger/sqlite-ledger.ts";
import { batchEventCountMax } from "../../contract/delivery.ts";
import {
  arrive,
  cycleEventCount,
  makeGroups,
  newStreams,
  type Stream,
  startAtMs,
} from "./busy-day.ts";

const storeCount = 4;
/** Events of each store that the ledger itself posts; the rest of its past is made of them. */
const postedCount = 5 * cycleEventCount;
const postedGroupCount = postedCount / batchEventCountMax;
const smallEntryCount = 4 * storeCount * postedCount;
const largeEntryCount = Number(process.env["GONDOLA_BENCH_ENTRIES"] ?? 1_000_000);
const warmUpGroupCount = 4;
const groupCount = 25;

/** A ledger, the edges that go on with it, and what their events have cost. */
interface Grown {
  readonly path: string;
  readonly ledger: SqliteLedger;
  readonly streams: Stream[];
  readonly entryCount: number;
  wallMs: number;
  cpuMs: number;
}

/** Wall and processor time of an event in the small and in the large ledger, and their ratios. */
export async function benchGrowth(): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), "gondola-bench-"));
  const path = join(folder, "posted.db");
  const opened: Grown[] = [];
  try {
    const streams = newStreams(storeCount);
    await postDay(path, streams);
    const small = await grow(path, join(folder, "small.db"), streams, smallEntryCount);
    opened.push(small);
    const grownFromMs = performance.now();
    const large = await grow(path, join(folder, "large.db"), streams, largeEntryCount);
    opened.push(large);
    const growMs = Math.round(performance.now() - grownFromMs);
    for (let number = 0; number < warmUpGroupCount + groupCount; number += 1) {
      for (const grown of opened) await postNext(grown, number >= warmUpGroupCount);
    }
    const eventCount = groupCount * storeCount * batchEventCountMax;
    const costUs = (ms: number) => Number(((1000 * ms) / eventCount).toFixed(1));
    return {
      eventCount,
      smallEntryCount: small.entryCount,
      largeEntryCount: large.entryCount,
      largeSizeBytes: (await stat(large.path)).size,
      growMs,
      smallEventUs: costUs(small.wallMs),
      largeEventUs: costUs(large.wallMs),
      ratio: Number((large.wallMs / small.wallMs).toFixed(2)),
      smallEventCpuUs: costUs(small.cpuMs),
      largeEventCpuUs: costUs(large.cpuMs),
      cpuRatio: Number((large.cpuMs / small.cpuMs).toFixed(2)),
      aimRatioMax: 1.3,
    };
  } finally {
    for (const { ledger } of opened) await ledger.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The first events, by the ledger itself; the file is whole when it is closed. */
async function postDay(path: string, streams: Stream[]): Promise<void> {
  const ledger = await SqliteLedger.open({ path, nowMs: startAtMs, synchronous: "OFF" });
  for (const group of makeGroups(streams, postedGroupCount)) {
    await ledger.post(await arrive(group), startAtMs);
  }
  await ledger.close();
}

/** A copy that has a past of so many entries. */
async function grow(
  from: string,
  path: string,
  streams: readonly Stream[],
  entryCount: number,
): Promise<Grown> {
  await copyFile(from, path);
  // Opened while it is small: a start looks at every page of the file.
  const ledger = await SqliteLedger.open({ path, nowMs: startAtMs });
  const connection = await SqliteConnection.open({ path, synchronous: "OFF" });
  await connection.script("PRAGMA cache_size=-524288; PRAGMA wal_autocheckpoint=50000");
  for (const table of ["event_log", "entries", "serials"]) {
    await connection.run(`CREATE TEMP TABLE posted_${table} AS SELECT * FROM ${table}`);
  }
  const copyCount = Math.ceil(entryCount / (storeCount * postedCount)) - 1;
  for (let copy = 1; copy <= copyCount; copy += 1) {
    await connection.run("BEGIN IMMEDIATE");
    for (const sql of copies) await connection.run(sql, copy * postedCount);
    await connection.run("COMMIT");
  }
  const shift = copyCount * postedCount;
  await connection.run("UPDATE positions SET through_sequence = through_sequence + ?", shift);
  for (const table of ["chain_heads", "balances"]) {
    await connection.run(`UPDATE ${table} SET entry_number = entry_number + ?`, shift);
  }
  await connection.all("PRAGMA wal_checkpoint(TRUNCATE)");
  await connection.close();
  return {
    path,
    ledger,
    streams: streams.map((stream) => ({ ...stream, sequence: stream.sequence + shift })),
    entryCount: (copyCount + 1) * storeCount * postedCount,
    ...{ wallMs: 0, cpuMs: 0 },
  };
}

const digest = "lower(hex(randomblob(32)))";
/** A number at the end of a text, so much later. */
const later = (text: string) => `CAST(CAST(${text} AS INTEGER) + ?1 AS TEXT)`;
const keyLength = "01/09521320000009/21/".length;

// What the first events wrote, so much later: as the ledger would write it, but for the chains of digests and hashes,
// and the texts of events, which posting does not read. A serial is the sequence of its event.
const copies = [
  `INSERT INTO event_log (store_id, edge_id, outbox_id, sequence, first_sequence, type, digest, body, evidence, recorded_at_ms)
   SELECT store_id, edge_id, outbox_id, sequence + ?1, first_sequence + ?1, type, ${digest}, body, evidence, recorded_at_ms + ?1
   FROM posted_event_log`,
  `INSERT INTO entries (store_id, entry_number, item, serial, lot, quantity, from_location, from_state, to_location, to_state,
     reason, occurred_at_ms, placed_at_ms, recorded_at_ms, edge_id, outbox_id, sequence, device_id, unsynced_boot_id, hash)
   SELECT store_id, entry_number + ?1, item, ${later("serial")}, lot, quantity, from_location, from_state, to_location, to_state,
     reason, occurred_at_ms + ?1, placed_at_ms + ?1, recorded_at_ms + ?1, edge_id, outbox_id, sequence + ?1, device_id, unsynced_boot_id, ${digest}
   FROM posted_entries`,
  `INSERT INTO serials (store_id, serial_key, location, state, at_ms)
   SELECT store_id, substr(serial_key, 1, ${keyLength}) || ${later(`substr(serial_key, ${keyLength + 1})`)}, location, state, at_ms + ?1
   FROM posted_serials`,
];

/** One more group, as ingest hands it on. */
async function postNext(grown: Grown, isMeasured: boolean): Promise<void> {
  const [made] = makeGroups(grown.streams, 1);
  const group = await arrive(made!);
  const cpu = process.cpuUsage();
  const begunAtMs = performance.now();
  const results = await grown.ledger.post(group, startAtMs);
  const wallMs = performance.now() - begunAtMs;
  const { user, system } = process.cpuUsage(cpu);
  const isPosted = results.every(({ postedEventCount }) => postedEventCount === batchEventCountMax);
  if (!isPosted) throw new Error(`not posted: ${JSON.stringify(results[0]?.answer)}`);
  if (!isMeasured) return;
  grown.wallMs += wallMs;
  grown.cpuMs += (user + system) / 1000;
}
