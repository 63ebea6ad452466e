// How many events a second the outbox takes, beside the bare set-based insert of the very same rows
// (as it stored them) in the same run, alternating, on one disk.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { EventDraft } from "../../contract/event.ts";
import { systemClock } from "../../drivers/clock.ts";
import { Outbox } from "../../edge/buffer/outbox.ts";
import { outboxSettingsSchema } from "../../edge/buffer/settings.ts";
import { SqliteFile } from "../../edge/buffer/sqlite.ts";

const rowCount = 20_000;
const roundCount = 5;
const blockCount = 1000;
const draftsPerCall = 10;
const callsPerTurn = 5;
const openCallCountMax = 400;

type Cell = string | number | null;
type Row = Cell[];

/** Appends and bare inserts in turns; each figure is that of its best round, the least disturbed. */
export async function benchOutbox(): Promise<object> {
  const drafts = Array.from({ length: rowCount }, (_, index) => pick(index));
  const appendRates: number[] = [];
  const bareRates: number[] = [];
  for (let round = 0; round < roundCount; round += 1) {
    const folder = await mkdtemp(join(tmpdir(), "gondola-bench-"));
    try {
      const file = join(folder, "outbox.db");
      appendRates.push(await append(file, drafts));
      bareRates.push(await insertBare(join(folder, "bare.db"), await storedRows(file)));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  const appendRowsPerSecond = Math.max(...appendRates);
  const bareInsertRowsPerSecond = Math.max(...bareRates);
  return {
    rowCount,
    appendRowsPerSecond,
    bareInsertRowsPerSecond,
    ratio: Math.round((100 * appendRowsPerSecond) / bareInsertRowsPerSecond) / 100,
    ratioMin: 0.5,
  };
}

async function append(file: string, drafts: readonly EventDraft[]): Promise<number> {
  const outbox = await Outbox.open({
    file,
    edgeId: "edge-1",
    settings: outboxSettingsSchema.parse({ ballastSizeBytes: 0 }),
    clock: systemClock,
    randomId: randomUUID,
    stamp: () => ({ bootId: randomUUID(), uptimeMs: 0, clockSynced: true }),
    onCommit: () => undefined,
    onFailure: (failure) => {
      throw failure;
    },
  });
  const startedAtMs = systemClock.monotonicMs();
  let openCount = 0;
  let next = 0;
  while (next < drafts.length || openCount > 0) {
    // As readings do: a handful of events a call, some calls in each turn of the event loop.
    for (let call = 0; call < callsPerTurn && next < drafts.length; call += 1) {
      if (openCount >= openCallCountMax) break;
      openCount += 1;
      void outbox.append(drafts.slice(next, next + draftsPerCall), []).then(() => {
        openCount -= 1;
      });
      next += draftsPerCall;
    }
    await setImmediate();
  }
  const rate = rateSince(startedAtMs);
  await outbox.close();
  return rate;
}

/** The rows exactly as the outbox stored them. */
async function storedRows(file: string): Promise<Row[]> {
  const sqlite = await SqliteFile.open({ file, mode: "read" });
  const select = `SELECT event.*, evidence.body AS evidence FROM event
    LEFT JOIN evidence USING (sequence) WHERE sequence > 1 ORDER BY sequence`;
  try {
    return (await sqlite.read((sql) => sql.all<Record<string, Cell>>(select))).map(Object.values);
  } finally {
    await sqlite.close();
  }
}

async function insertBare(file: string, rows: readonly Row[]): Promise<number> {
  const sqlite = await SqliteFile.open({ file, mode: "create" });
  const create = `CREATE TABLE event (sequence INTEGER PRIMARY KEY, digest TEXT NOT NULL,
    occurred_at_ms INTEGER NOT NULL, body TEXT NOT NULL, evidence TEXT) STRICT`;
  await sqlite.read((sql) => sql.exec(create));
  const insert = `INSERT INTO event SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3,
    value ->> 4 FROM json_each(?)`;
  const startedAtMs = systemClock.monotonicMs();
  for (let first = 0; first < rows.length; first += blockCount) {
    const values = JSON.stringify(rows.slice(first, first + blockCount));
    await sqlite.write((sql) => sql.run(insert, values));
  }
  const rate = rateSince(startedAtMs);
  await sqlite.close();
  return rate;
}

function rateSince(startedAtMs: number): number {
  return Math.round((1000 * rowCount) / (systemClock.monotonicMs() - startedAtMs));
}

function pick(index: number): EventDraft {
  const occurredAtMs = 1_763_888_000_000 + index * 40;
  return {
    type: "moved",
    occurredAtMs,
    bootId: "0f8fad5b-d9cb-469f-a165-70867728950e",
    uptimeMs: 1_000_000 + index * 40,
    clockSynced: true,
    deviceId: "shelf-3",
    confidence: 0.97,
    step: "customer_pick",
    item: { gtin: "09506000134352" as never, serial: `S${index}` },
    quantity: 1,
    from: { location: "s0042/floor/gondola-3/b2", state: "sellable" },
    to: { location: "s0042/@basket", state: "sellable" },
    readPoint: "s0042/floor/gondola-3",
    evidence: {
      decidedAtMs: occurredAtMs + 900,
      reads: 17,
      peakRssiDbm: -51.5,
      cells: [
        { cell: 4, beforeGrams: 1204.6, afterGrams: 954.2 },
        { cell: 5, beforeGrams: 804.6, afterGrams: 804.1 },
      ],
    },
  };
}
