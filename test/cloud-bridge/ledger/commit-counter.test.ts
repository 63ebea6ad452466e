// A ledger that comes back at an earlier state than it was: found at the start, said once, and nothing said without cause.

import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { reportText } from "../../../cloud-bridge/cli-print.ts";
import type { SqlLedger } from "../../../cloud-bridge/ledger/sql-ledger.ts";
import { ledgerPath, openLedger, plan, postOne } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "./fake-edge.ts";

const suffixes = ["", "-wal", "-shm", ".progress"];
const laterAtMs = startAtMs + 3_600_000;
const edge = new FakeEdge();
for (let count = 1; count <= 20; count += 1) {
  edge.append(moved("receiving", coffee, { to: place("s0042/stockroom") }));
}

/** Copies the files as they are, as they would be after SIGKILL; some are left out. */
function crashed(path: string, without: readonly string[] = []): string {
  const copy = join(dirname(ledgerPath()), "ledger.db");
  for (const suffix of suffixes) {
    if (without.includes(suffix) || !existsSync(path + suffix)) continue;
    copyFileSync(path + suffix, copy + suffix);
  }
  return copy;
}

/** A ledger with a plan and ten events in its file, ten more in its -wal, one commit each; still open. */
async function twentyCommits(): Promise<string> {
  const path = ledgerPath();
  const before = await openLedger({ path });
  await before.setPlan(plan);
  for (let sequence = 1; sequence <= 10; sequence += 1) {
    await postOne(before, edge.batch(sequence, sequence));
  }
  await before.close();
  const ledger = await openLedger({ path });
  for (let sequence = 11; sequence <= 20; sequence += 1) {
    await postOne(ledger, edge.batch(sequence, sequence));
  }
  return path;
}

const alertsOf = (ledger: SqlLedger) =>
  ledger.alerts({ storeId: "s0042", isOpen: true, countMax: 10, nowMs: laterAtMs });

test("a -wal that is gone is told once: log, alert, verify, a new epoch, plans above what edges have", async () => {
  const path = crashed(await twentyCommits(), ["-wal", "-shm"]);
  const ledger = await openLedger({ path, nowMs: laterAtMs });
  const setBack = { ledgerEpoch: laterAtMs, atMs: laterAtMs, cause: "file_older" };
  const report = await ledger.verify();
  expect(report).toMatchObject({ ok: true, entryCount: 10 });
  expect(report.setBacks).toEqual([
    { ...setBack, lostCommitCount: 10, lastRecordedAtMs: startAtMs + 60_000 },
  ]);
  expect(reportText(report)).toMatch(
    /^the ledger is right: .*\n {2}went back at \S+ \(file_older\) to \S+Z, 10 commits lost$/,
  );
  expect(ledger.epoch).toBe(laterAtMs);
  const [alert] = await alertsOf(ledger);
  expect(alert).toMatchObject({ code: "ledger_set_back", severity: "alarm", cause: "file_older" });
  expect(alert?.detail).toMatchObject({ lostCommitCount: 10, lastEntryNumber: 10 });
  expect((await ledger.plan("s0042"))?.version).toBe(Math.floor(laterAtMs / 1000));
  // The edge is asked again, and sends what is gone.
  const { answer } = await postOne(ledger, edge.hello(21));
  expect(answer).toMatchObject({ throughSequence: 10, ledgerEpoch: laterAtMs });
  await postOne(ledger, edge.batch(11));
  const again = await openLedger({ path: crashed(path), nowMs: laterAtMs + 1 });
  expect(again.epoch).toBe(laterAtMs);
  expect(await again.verify()).toMatchObject({ ok: true, entryCount: 20 });
  expect(await again.setBacks()).toHaveLength(1);
});

test("what a crash or a stop leaves is no loss, and neither is a progress file that is behind, gone or unreadable", async () => {
  const path = await twentyCommits();
  for (const text of [undefined, "", "\0".repeat(512), "behind"]) {
    const copy = crashed(path, text === undefined ? [".progress"] : []);
    if (text !== undefined) writeFileSync(`${copy}.progress`, text);
    const ledger = await openLedger({ path: copy, nowMs: laterAtMs });
    expect([text, await ledger.setBacks(), ledger.epoch]).toEqual([text, [], startAtMs]);
    await ledger.close();
    const stopped = await openLedger({ path: copy, nowMs: laterAtMs });
    expect(await stopped.setBacks()).toEqual([]);
  }
});

test("a damaged -wal is told where no progress file tells, and not again after the next crash", async () => {
  const path = crashed(await twentyCommits(), [".progress", "-shm"]);
  const bytes = readFileSync(`${path}-wal`);
  bytes[Math.floor(bytes.length / 2)]! ^= 0x10;
  writeFileSync(`${path}-wal`, bytes);
  const ledger = await openLedger({ path, nowMs: laterAtMs });
  const [setBack] = await ledger.setBacks();
  expect(setBack).toMatchObject({ cause: "wal_damaged" });
  const { answer } = await postOne(ledger, edge.hello(21));
  await postOne(ledger, edge.batch(answer.throughSequence + 1));
  const again = await openLedger({ path: crashed(path), nowMs: laterAtMs + 1 });
  expect(await again.setBacks()).toHaveLength(1);
  expect(await again.verify()).toMatchObject({ ok: true, entryCount: 20 });
});

test("a backup in the place of the ledger is said, and so is a ledger that begins anew", async () => {
  const path = ledgerPath();
  const first = await openLedger({ path });
  await postOne(first, edge.batch(1, 5));
  await first.close();
  const backup = crashed(path, [".progress"]);
  const second = await openLedger({ path });
  await postOne(second, edge.batch(6));
  await second.close();
  copyFileSync(backup, path);
  const restored = await openLedger({ path, nowMs: laterAtMs });
  expect(await restored.setBacks()).toMatchObject([{ cause: "file_older", lostCommitCount: 1 }]);
  expect(await restored.restoreMark(laterAtMs + 5)).toBe(laterAtMs + 5);
  expect((await restored.setBacks()).map(({ cause }) => cause)).toEqual(["restored", "file_older"]);
  expect(await alertsOf(restored)).toMatchObject([{ cause: "file_older", count: 2 }]);
  await restored.close();
  rmSync(path);
  const anew = await openLedger({ path, nowMs: laterAtMs + 10 });
  const [told] = await anew.setBacks();
  expect(told).toMatchObject({ cause: "file_older" });
  expect(told?.lastRecordedAtMs).toBeUndefined();
});

test("a transaction that changes nothing is not counted, and not written", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  const progress = () => readFileSync(`${path}.progress`, "utf8");
  await postOne(ledger, edge.batch(1, 5));
  const [noted, wal] = [progress(), readFileSync(`${path}-wal`).length];
  for (let count = 0; count < 5; count += 1) await ledger.settle(startAtMs);
  expect([progress(), readFileSync(`${path}-wal`).length]).toEqual([noted, wal]);
  await postOne(ledger, edge.batch(6, 6));
  expect(progress()).not.toBe(noted);
});
