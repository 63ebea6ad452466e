// A ledger over its database, whichever that is: quarantine, a database that refuses or fails, times of an edge without a
// clock, questions.

import { describe, expect, test } from "vitest";
import { stockLevelSchema } from "../../../contract/stock.ts";
import {
  balancesOf,
  isOnPostgres,
  ledgerPath,
  lotsOfVersion3,
  onDatabase,
  openLedger,
  openLedgerAt,
  openRefusing,
  postOne,
} from "./edge-fixture.ts";
import { coffee, counted, FakeEdge, moved, noticed, place, startAtMs, tea } from "./fake-edge.ts";

const shelf = place("s0042/floor/a");
const receive = (fields = {}) => moved("receiving", coffee, { to: shelf, ...fields });
const poison = () => receive({ item: { gtin: coffee, serial: "POISON" } });

/** A ledger whose database refuses every entry with the serial POISON, until that is ended. */
const openPoisoned = () => openRefusing("entries", "NEW.serial = 'POISON'");

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
    expect(results[0]?.answer.rejected[0]?.message).toContain("not this row");
    expect(results[0]?.entries.map(({ sequence }) => sequence)).toEqual([1, 3]);
    expect([results[0]?.postedEventCount, results[0]?.changedItems.length]).toEqual([3, 1]);
    expect((await ledger.verify()).problems).toEqual([]);
  });

  test("repost goes through the same rules, later, once", async () => {
    const { ledger, allow } = await openPoisoned();
    const edge = new FakeEdge().append(poison(), receive({ quantity: 0 }), receive());
    await postOne(ledger, edge.batch(1));
    const id = `s0042/edge-1/${edge.outboxId}/1`;
    expect(await ledger.repost(id, { by: "m", nowMs: startAtMs })).toMatchObject({
      ok: false,
      code: "LEDGER_RULE",
    });
    await allow();
    const result = await ledger.repost(id, { by: "m", nowMs: startAtMs });
    expect(result).toMatchObject({ ok: true, changedItems: [{ gtin: coffee }] });
    expect(result.ok && result.entries).toMatchObject([{ sequence: 1, entryNumber: 2, by: "m" }]);
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

test("an abandoned ledger rejects every call", async () => {
  const ledger = await openLedger();
  await ledger.abandon();
  const failed = { code: "LEDGER_FAILED" };
  await expect(ledger.post([new FakeEdge().hello(1)], startAtMs)).rejects.toMatchObject(failed);
  await expect(ledger.positions()).rejects.toMatchObject(failed);
});

test("a ledger of an earlier version opens, verifies, knows its units, and names who posts from then on", async () => {
  const path = ledgerPath();
  const before = await openLedgerAt(path);
  const item = { gtin: coffee, serial: "A" };
  const edge = new FakeEdge().append(receive({ item }), receive());
  await postOne(before, edge.batch(1, 1));
  await before.close();
  const toFirst = isOnPostgres ? postgresToFirst : sqliteToFirst;
  for (const sql of ["ALTER TABLE entries DROP COLUMN actor", ...lotsOfVersion3, ...toFirst]) {
    await onDatabase(path, sql);
  }
  const ledger = await openLedger({ path });
  expect(await ledger.verify()).toMatchObject({ problems: [], entryCount: 1 });
  const units = "SELECT serial_key AS key, store_id AS store FROM serials";
  const held = [{ key: `01/${coffee}/21/A`, store: "s0042" }];
  expect(await onDatabase(path, units)).toEqual(held);
  await postOne(ledger, { ...edge.batch(2), by: "ada" });
  const entries = await ledger.entries({ storeId: "s0042", afterEntryNumber: 0, countMax: 9 });
  expect(entries.map(({ by }) => by)).toEqual([undefined, "ada"]);
  expect((await ledger.verify()).problems).toEqual([]);
  expect(await onDatabase(path, units)).toEqual(held);
});

const postgresToFirst = [
  "ALTER TABLE serials DROP CONSTRAINT serials_pkey, ADD PRIMARY KEY (store_id, serial_key)",
  "UPDATE ledger_version SET version = 1",
];
const sqliteToFirst = [
  `CREATE TABLE serials_1 (store_id TEXT NOT NULL, serial_key TEXT NOT NULL, location TEXT NOT NULL,
     state TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (store_id, serial_key)) WITHOUT ROWID`,
  "INSERT INTO serials_1 SELECT store_id, serial_key, location, state, at_ms FROM serials",
  "DROP TABLE serials",
  "ALTER TABLE serials_1 RENAME TO serials",
  "PRAGMA user_version = 1",
];

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

test("revisions of levels do not fall when the ledger goes back", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path, nowMs: 1000 });
  const edge = new FakeEdge().append(receive(), receive(), receive());
  const revision = async () => {
    const query = { storeId: "s0042", gtin: coffee, countMax: 1, nowMs: startAtMs };
    return (await ledger.stockLevels(query))[0]?.revision;
  };
  await postOne(ledger, edge.batch(1));
  expect(await revision()).toBe(3);
  // The time since is more than any store can have posted.
  for (const nowMs of [5000, 6000]) {
    await ledger.restoreMark(nowMs);
    expect(await revision()).toBe(3 + nowMs - 1000);
  }
});

test("ends all writing when it fails while running", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  await onDatabase(path, "DROP TABLE chain_heads");
  const edge = new FakeEdge().append(receive());
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await expect(ledger.post([edge.batch(1)], 1)).rejects.toMatchObject({
      code: "LEDGER_FAILED",
    });
  }
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
      const sql = "SELECT placed_at_ms AS placedAtMs, occurred_at_ms AS at FROM entries ORDER BY 2";
      const rows = await onDatabase<{ placedAtMs: number }>(path, sql);
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
    const [latest] = await ledger.notices(query);
    const { recordedAtMs, sequence, edgeId, outboxId } = latest!;
    const before = [recordedAtMs, sequence, edgeId, outboxId] as const;
    const older = await ledger.notices({ ...query, before });
    expect(older.map(({ code }) => code)).toEqual(["sensing_gap"]);
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
      const [row] = await onDatabase<{ location: string }>(path, "SELECT location FROM serials");
      return row?.location;
    };
    expect(await holder()).toBe("s0042/x");
    await postOne(ledger, edge.append(count).batch(4));
    expect(await holder()).toBe("s0042/y");
  });
});
