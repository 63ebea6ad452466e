// What a ledger and its file on SQLite can do to each other: crashes, damage, indexes of another day.

import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { tables } from "../../../cloud-bridge/ledger/sql-tables.ts";
import { SqliteConnection } from "../../../cloud-bridge/ledger/sqlite.ts";
import { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { balancesOf, ledgerPath, openLedger, postOne } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "./fake-edge.ts";

const shelf = place("s0042/floor/a");
const receive = (fields = {}) => moved("receiving", coffee, { to: shelf, ...fields });
async function onFile(path: string, ...statements: string[]): Promise<void> {
  const connection = await SqliteConnection.open({ path });
  for (const statement of statements) await connection.run(statement);
  await connection.close();
}

describe("crash", () => {
  test("between operations: what was answered is there, what was not comes again", async () => {
    let isWhole = false;
    for (let operations = 1; !isWhole; operations += 1) {
      const path = ledgerPath();
      const edge = new FakeEdge().append(receive(), receive(), receive());
      let left = Number.POSITIVE_INFINITY;
      const gate = async <T>(operation: () => Promise<T>): Promise<T> => {
        left -= 1;
        // As in a process that ended: never done, never answered.
        return left >= 0 ? await operation() : await new Promise<T>(() => undefined);
      };
      const ledger = await SqliteLedger.open({ path, nowMs: startAtMs, synchronous: "OFF", gate });
      await ledger.post([edge.batch(1, 1)], startAtMs);
      left = operations;
      const posting = ledger.post([edge.batch(2)], startAtMs).then(() => true);
      const done = await Promise.race([posting, new Promise((resolve) => setTimeout(resolve, 60))]);
      await ledger.abandon();
      const restarted = await openLedger({ path });
      const [position] = await restarted.positions();
      if (done === true) expect(position?.throughSequence).toBe(3);
      isWhole = done === true;
      const { answer } = await postOne(restarted, edge.batch(2));
      expect(answer.throughSequence).toBe(3);
      expect(await balancesOf(restarted, coffee)).toMatchObject({ "floor/a sellable": 3 });
      expect((await restarted.verify()).problems).toEqual([]);
    }
  });

  test("after an operation that failed: what was answered is there", async () => {
    let isWhole = false;
    let failedCount = 0;
    for (let operations = 1; !isWhole; operations += 1) {
      const path = ledgerPath();
      const edge = new FakeEdge().append(receive());
      let left = Number.POSITIVE_INFINITY;
      const gate = async <T>(operation: () => Promise<T>): Promise<T> => {
        left -= 1;
        if (left === 0) throw new Error("the disk failed");
        return await operation();
      };
      const ledger = await SqliteLedger.open({ path, nowMs: startAtMs, synchronous: "OFF", gate });
      left = operations;
      const posting = ledger.post([edge.batch(1)], startAtMs);
      const through = await posting.then(
        ([first]) => first?.answer.throughSequence ?? 0,
        () => 0,
      );
      isWhole = left > 0;
      if (through === 0) failedCount += 1;
      await ledger.abandon();
      const restarted = await openLedger({ path });
      const [position] = await restarted.positions();
      expect(position?.throughSequence ?? 0, `operation ${operations}`).toBeGreaterThanOrEqual(
        through,
      );
      expect((await restarted.verify()).problems).toEqual([]);
    }
    expect(failedCount).toBeGreaterThan(2);
  });
});

describe("a file that cannot be trusted", () => {
  test("is not opened: no database, damaged, of a newer version, no folder", async () => {
    const text = ledgerPath();
    writeFileSync(text, "not a database at all, but long enough to look at".repeat(100));
    await expect(openLedger({ path: text })).rejects.toMatchObject({ code: "LEDGER_FAILED" });
    await expect(openLedger({ path: "/nowhere/l.db" })).rejects.toThrow(/\/nowhere\/l.db/);
    const newer = ledgerPath();
    await (await openLedger({ path: newer })).close();
    await onFile(newer, "PRAGMA user_version = 99");
    await expect(openLedger({ path: newer })).rejects.toThrow(/version 99/);
  });
});

test("a ledger of an earlier day gets the indexes of a new one at its start", async () => {
  const path = ledgerPath();
  const indexes = async () => {
    const connection = await SqliteConnection.open({ path });
    const sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' ORDER BY name";
    const rows = await connection.all(sql);
    await connection.close();
    return rows;
  };
  await (await openLedger({ path })).close();
  const ofNew = await indexes();
  await onFile(
    path,
    "DROP INDEX entries_named",
    "CREATE INDEX entries_serial ON entries (store_id, item, serial) WHERE serial IS NOT NULL",
    "CREATE INDEX entries_unit ON entries (store_id, item, serial, entry_number)",
  );
  await (await openLedger({ path })).close();
  expect(await indexes()).toEqual(ofNew);
  expect(ofNew).toContainEqual(expect.objectContaining({ name: "entries_named" }));
});

test("a large ledger is read whole by verify, at its start only where outboxes and chains stand", async () => {
  const path = ledgerPath();
  const large = { path, nowMs: 1000, checkedSizeBytesMax: 0 };
  const ledger = await openLedger({ path });
  await ledger.post([new FakeEdge().append(receive()).batch(1)], 1);
  await ledger.close();
  const whole = readFileSync(path);
  /** Puts garbage in the place of a table's first page. */
  const damage = async (table: string) => {
    writeFileSync(path, whole);
    const connection = await SqliteConnection.open({ path });
    const [row] = await connection.all<{ page: number; size: number }>(
      `SELECT rootpage AS page, (SELECT page_size FROM pragma_page_size) AS size
       FROM sqlite_schema WHERE name = ?`,
      table,
    );
    await connection.close();
    const bytes = readFileSync(path);
    bytes.fill(0x5a, (row!.page - 1) * row!.size, row!.page * row!.size);
    writeFileSync(path, bytes);
  };
  await damage("entries");
  await expect(openLedger({ path })).rejects.toMatchObject({ code: "LEDGER_CORRUPT" });
  const opened = await openLedger(large);
  expect(await opened.verify().catch(() => ({ ok: false }))).toMatchObject({ ok: false });
  await opened.close();
  await damage("positions");
  await expect(openLedger(large)).rejects.toThrow(/malformed|damaged/);
});

test("a ledger of the first tables gets those that came since, and keeps what it holds", async () => {
  const path = ledgerPath();
  const edge = new FakeEdge().append(receive(), receive());
  const before = await SqliteLedger.open({ path, nowMs: startAtMs });
  await postOne(before, edge.batch(1, 1));
  await before.close();
  const first = new Set([...tables.matchAll(/CREATE TABLE (\w+)/g)].map(([, name]) => name!));
  const connection = await SqliteConnection.open({ path });
  const all = await connection.all<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
  );
  const later = all.map(({ name }) => name).filter((name) => !first.has(name));
  for (const name of later) await connection.run(`DROP TABLE ${name}`);
  await connection.close();
  expect(later.length).toBeGreaterThan(20);

  const ledger = await openLedger({ path });
  const { answer } = await postOne(ledger, edge.batch(2));
  expect(answer.throughSequence).toBe(2);
  expect(await ledger.verify()).toMatchObject({ problems: [], entryCount: 2, eventCount: 2 });
});
