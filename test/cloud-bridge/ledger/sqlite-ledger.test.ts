// What a database can do to a ledger, and a ledger to its file: poison, quarantine, crashes, failures,
// times of an edge without a clock, questions.

import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { SqliteConnection } from "../../../cloud-bridge/ledger/sqlite.ts";
import { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { stockLevelSchema } from "../../../contract/stock.ts";
import { balancesOf, ledgerPath, openLedger, postOne } from "./edge-fixture.ts";
import { coffee, counted, FakeEdge, moved, noticed, place, startAtMs, tea } from "./fake-edge.ts";

const shelf = place("s0042/floor/a");
const receive = (fields = {}) => moved("receiving", coffee, { to: shelf, ...fields });
const poison = () => receive({ item: { gtin: coffee, serial: "POISON" } });

async function onFile(path: string, ...statements: string[]): Promise<void> {
  const connection = await SqliteConnection.open({ path });
  for (const statement of statements) await connection.run(statement);
  await connection.close();
}

/** A ledger whose database refuses every entry with the serial POISON. */
async function openPoisoned() {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  await onFile(
    path,
    `CREATE TRIGGER poison BEFORE INSERT ON entries WHEN NEW.serial = 'POISON'
     BEGIN SELECT RAISE(ABORT, 'poisoned row'); END`,
  );
  return { ledger, path };
}

describe("quarantine", () => {
  test("takes what does not fit or breaks a rule; the rest is posted, and repeats list it again", async () => {
    const ledger = await openLedger();
    const edge = new FakeEdge().append(
      receive(),
      receive({ quantity: 0 }),
      receive({ to: place("s0099/floor") }),
      noticed("clock_set", { detail: { offsetMs: "soon" } }),
      receive({ evidence: { dump: "x".repeat(17_000) } }),
      receive(),
    );
    const { answer, entries, alerts } = await postOne(ledger, edge.batch(1));
    expect(answer.throughSequence).toBe(6);
    expect(answer.rejected.map(({ sequence, code }) => [sequence, code])).toEqual([
      [2, "EVENT_INVALID"],
      [3, "LEDGER_RULE"],
      [4, "LEDGER_RULE"],
      [5, "EVENT_TOO_LARGE"],
    ]);
    expect(entries).toHaveLength(2);
    expect(alerts.map(({ code }) => code)).toEqual(Array(4).fill("event_quarantined"));
    const again = await postOne(ledger, edge.batch(1));
    expect(again.answer.rejected).toEqual(answer.rejected);
    expect((await postOne(ledger, edge.batch(3, 3))).answer.rejected).toHaveLength(1);
    const [first] = await ledger.quarantine();
    expect(first).toMatchObject({ id: `s0042/edge-1/${edge.outboxId}/2`, sequence: 2 });
    expect(JSON.parse(first!.text)).toEqual(edge.rows[1]!.raw);
    expect((await ledger.verify()).problems).toEqual([]);
  });

  test("a row that the database refuses is found within its group; the others are posted", async () => {
    const { ledger } = await openPoisoned();
    const bad = new FakeEdge().append(receive(), poison(), receive());
    const good = new FakeEdge("0b0b0b0b-2222", "edge-2", "s0043").append(
      moved("receiving", tea, { to: place("s0043/floor") }),
    );
    const results = await ledger.post([bad.batch(1), good.batch(1)], startAtMs);
    expect(results.map(({ answer }) => [answer.throughSequence, answer.rejected.length])).toEqual([
      [3, 1],
      [1, 0],
    ]);
    expect(results[0]?.answer.rejected[0]?.message).toContain("poisoned row");
    expect(results[0]?.entries.map(({ sequence }) => sequence)).toEqual([1, 3]);
    expect([results[0]?.postedEventCount, results[0]?.changedItems.length]).toEqual([3, 1]);
    expect((await ledger.verify()).problems).toEqual([]);
  });

  test("repost goes through the same rules, later, once", async () => {
    const { ledger, path } = await openPoisoned();
    const edge = new FakeEdge().append(poison(), receive({ quantity: 0 }), receive());
    await postOne(ledger, edge.batch(1));
    const id = `s0042/edge-1/${edge.outboxId}/1`;
    expect(await ledger.repost(id, { by: "m", nowMs: startAtMs })).toMatchObject({
      ok: false,
      code: "LEDGER_RULE",
    });
    await onFile(path, "DROP TRIGGER poison");
    const result = await ledger.repost(id, { by: "m", nowMs: startAtMs });
    expect(result).toMatchObject({ ok: true, changedItems: [{ gtin: coffee }] });
    expect(result.ok && result.entries).toMatchObject([{ sequence: 1, entryNumber: 2 }]);
    expect(await ledger.repost(id, { by: "m", nowMs: startAtMs })).toMatchObject({
      code: "QUARANTINE_UNKNOWN",
    });
    expect(await ledger.repost("s0042", { by: "m", nowMs: startAtMs })).toMatchObject({
      code: "QUARANTINE_UNKNOWN",
    });
    const invalid = `s0042/edge-1/${edge.outboxId}/2`;
    expect(await ledger.repost(invalid, { by: "m", nowMs: startAtMs })).toMatchObject({
      code: "EVENT_INVALID",
    });
    expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor/a sellable": 2 });
    expect((await ledger.quarantine()).map(({ sequence }) => sequence)).toEqual([2]);
    expect(await ledger.quarantineCounts()).toMatchObject([{ edgeId: "edge-1", count: 1 }]);
    expect((await ledger.verify()).problems).toEqual([]);
  });
});

describe("crash", () => {
  test("between operations: what was answered is there, what was not comes again", async () => {
    for (let operations = 1; operations < 22; operations += 1) {
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
      const { answer } = await postOne(restarted, edge.batch(2));
      expect(answer.throughSequence).toBe(3);
      expect(await balancesOf(restarted, coffee)).toMatchObject({ "floor/a sellable": 3 });
      expect((await restarted.verify()).problems).toEqual([]);
    }
  });

  test("an abandoned ledger rejects every call", async () => {
    const ledger = await openLedger();
    await ledger.abandon();
    const failed = { code: "LEDGER_FAILED" };
    await expect(ledger.post([new FakeEdge().hello(1)], startAtMs)).rejects.toMatchObject(failed);
    await expect(ledger.positions()).rejects.toMatchObject(failed);
  });

  test("the epoch stays over restarts, and only a restore changes it", async () => {
    const path = ledgerPath();
    const first = await openLedger({ path, nowMs: 1000 });
    await first.close();
    const second = await openLedger({ path, nowMs: 2000 });
    expect(second.epoch).toBe(1000);
    expect(await second.restoreMark(500)).toBe(1001);
    expect(await second.restoreMark(9000)).toBe(9000);
    const { answer } = await postOne(second, new FakeEdge().hello(1));
    expect(answer.ledgerEpoch).toBe(9000);
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

  test("ends all writing when it fails while running", async () => {
    const path = ledgerPath();
    const ledger = await openLedger({ path });
    await onFile(path, "DROP TABLE chain_heads");
    const edge = new FakeEdge().append(receive());
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(ledger.post([edge.batch(1)], 1)).rejects.toMatchObject({
        code: "LEDGER_FAILED",
      });
    }
    expect(await ledger.positions()).toEqual([]);
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

describe("time of an edge without a clock", () => {
  test("unsynced entries are placed by sequence until clock_set, then by its offset", async () => {
    const path = ledgerPath();
    const ledger = await openLedger({ path });
    const unsynced = { clockSynced: false, bootId: "b0070000-dead" };
    const edge = new FakeEdge().append(
      receive(),
      receive({ ...unsynced, occurredAtMs: 1000 }),
      receive({ ...unsynced, occurredAtMs: 9000 }),
    );
    await postOne(ledger, edge.batch(1));
    const placed = async () => {
      const connection = await SqliteConnection.open({ path });
      const sql = "SELECT placed_at_ms AS placedAtMs, occurred_at_ms AS at FROM entries ORDER BY 2";
      const rows = await connection.all<{ placedAtMs: number }>(sql);
      await connection.close();
      return rows.map(({ placedAtMs }) => placedAtMs);
    };
    expect(await placed()).toEqual([startAtMs, startAtMs, startAtMs]);
    const detail = { bootId: unsynced.bootId, offsetMs: startAtMs };
    edge.append(noticed("clock_set", { detail, bootId: unsynced.bootId }));
    await postOne(ledger, edge.batch(4));
    expect(await placed()).toEqual([startAtMs + 1000, startAtMs + 9000, startAtMs]);
    const entries = await ledger.entries({ storeId: "s0042", afterEntryNumber: 0, countMax: 9 });
    expect(entries.map(({ occurredAtMs }) => occurredAtMs)).toEqual([startAtMs, 1000, 9000]);
    expect((await ledger.verify()).ok).toBe(true);
  });
});

describe("questions", () => {
  test("levels and entries come in pages, and fit the contract", async () => {
    const ledger = await openLedger();
    const edge = new FakeEdge().append(
      receive({ item: { gtin: coffee, serial: "A1", lot: "L9" } }),
      moved("receiving", tea, { to: shelf, quantity: 2 }),
      moved("first_seen", "", { item: { epc: "30AB" }, to: shelf }),
      moved("retail_selling", coffee, { from: shelf }),
    );
    const { changedItems } = await postOne(ledger, edge.batch(1));
    expect(changedItems.map(({ gtin }) => gtin)).toEqual([coffee, tea]);
    const page = { storeId: "s0042", countMax: 1, nowMs: startAtMs };
    const [first] = await ledger.stockLevels(page);
    const [second] = await ledger.stockLevels({ ...page, afterGtin: first!.gtin });
    expect(await ledger.stockLevels({ ...page, afterGtin: second!.gtin })).toEqual([]);
    expect([first?.gtin, first?.sellable, first?.revision]).toEqual([coffee, 0, 4]);
    expect(stockLevelSchema.parse(second)).toMatchObject({ gtin: tea, sellable: 2, revision: 2 });
    const entries = await ledger.entries({ storeId: "s0042", afterEntryNumber: 0, countMax: 2 });
    const [third] = await ledger.entries({ storeId: "s0042", afterEntryNumber: 2, countMax: 1 });
    expect(entries[0]).toMatchObject({ serial: "A1", lot: "L9" });
    expect(third?.previousHash).toBe(entries[1]?.hash);
    expect(third?.item).toBe("epc/30AB");
  });

  test("notices are listed newest first; those that warn are alerts too", async () => {
    const ledger = await openLedger();
    const gap = noticed("sensing_gap", { detail: { fromAtMs: 1, toAtMs: 2, deviceIds: ["a"] } });
    const edge = new FakeEdge().append(gap, noticed("exit_unpaid", { severity: "alarm" }));
    const { alerts } = await postOne(ledger, edge.batch(1));
    expect(alerts).toMatchObject([{ code: "exit_unpaid", severity: "alarm", atMs: startAtMs }]);
    const query = { storeId: "s0042", countMax: 10 };
    const codes = (await ledger.notices(query)).map(({ code }) => code);
    expect(codes).toEqual(["exit_unpaid", "sensing_gap"]);
    const [found] = await ledger.notices({ ...query, code: "sensing_gap" });
    expect(found).toMatchObject({ sequence: 1, deviceId: "dev-1", detail: { deviceIds: ["a"] } });
  });

  test("serials are held where they were last seen, by the time of the fact", async () => {
    const path = ledgerPath();
    const ledger = await openLedger({ path });
    const item = { gtin: coffee, serial: "A1" };
    const at = (location: string, occurredAtMs: number) =>
      moved("relocating", coffee, {
        item,
        occurredAtMs,
        from: shelf,
        to: place(`s0042/${location}`),
      });
    const edge = new FakeEdge().append(at("x", 20), at("late", 10));
    await postOne(ledger, edge.batch(1));
    await postOne(ledger, edge.append(at("later", 15)).batch(3));
    const key = `01/${coffee}/21/A1`;
    const count = counted("s0042/y", {}, { serials: [{ key, observedAtMs: 30 }] });
    const holder = async () => {
      const connection = await SqliteConnection.open({ path });
      const [row] = await connection.all<{ location: string }>("SELECT location FROM serials");
      await connection.close();
      return row?.location;
    };
    expect(await holder()).toBe("s0042/x");
    await postOne(ledger, edge.append(count).batch(4));
    expect(await holder()).toBe("s0042/y");
  });
});
