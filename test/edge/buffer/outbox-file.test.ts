import { copyFile, open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { moved, movedRange } from "./draft-kit.ts";
import {
  change,
  closedOutbox,
  openOutbox,
  readAll,
  serialOf,
  temporaryFolder,
} from "./outbox-kit.ts";

/** Opens a damaged outbox: a new one begins, the old file lies beside it, unchanged. */
async function expectSetAside(folder: string, previous: object, aside: RegExp | undefined) {
  const { outbox } = await openOutbox(folder);
  expect(outbox.started).toMatchObject({ reason: "corrupt" });
  const [first] = await readAll(outbox);
  expect(first).toMatchObject({
    code: "outbox_started",
    severity: "alarm",
    detail: { reason: "corrupt", ...previous },
  });
  expect(outbox.storedState().size).toBe(0);
  const names = (await readdir(folder)).filter((name) => name.includes(".damaged-"));
  if (aside === undefined) expect(names).toEqual([]);
  else expect(names[0]).toMatch(aside);
  // From here on it is an outbox like any other.
  await outbox.append([moved(1)], []);
  await outbox.close();
  const again = await openOutbox(folder);
  expect(again.outbox.started).toBeUndefined();
  expect((await readAll(again.outbox)).map(serialOf)).toEqual([undefined, "S1"]);
  return outbox;
}

test("a damaged page: what the file still tells goes into the first event", async () => {
  const { folder, file, outboxId } = await closedOutbox();
  const handle = await open(file, "r+");
  const { size } = await handle.stat();
  for (let offset = 40 * 1024; offset < size; offset += 8 * 4096) {
    await handle.write(Buffer.alloc(64, 0xff), 0, 64, offset);
  }
  await handle.close();
  const damaged = await readFile(file);
  const previous = { previousOutboxId: outboxId, lastKnownSequence: 401 };
  const outbox = await expectSetAside(folder, previous, /^outbox\.db\.damaged-\d{8}T\d{9}Z$/);
  expect(outbox.lastAliveAtMs).toBe(1_763_888_000_123);
  expect(await readFile(outbox.started?.setAsideFile ?? "")).toEqual(damaged);
});

test("a file that was cut short", async () => {
  const { folder, file, outboxId } = await closedOutbox();
  await truncate(file, Math.floor((await stat(file)).size / 2));
  await expectSetAside(folder, { previousOutboxId: outboxId }, /damaged/);
});

test("a file that was cut to nothing", async () => {
  const { folder, file, outboxId } = await closedOutbox();
  await truncate(file, 0);
  await expectSetAside(folder, { previousOutboxId: outboxId }, /damaged/);
});

test("a file of garbage", async () => {
  const { folder, file, outboxId } = await closedOutbox();
  await writeFile(file, Buffer.alloc(50_000, "garbage "));
  await expectSetAside(folder, { previousOutboxId: outboxId }, /damaged/);
});

test("a file that is gone", async () => {
  const { folder, file, outboxId } = await closedOutbox();
  await rm(file);
  await expectSetAside(folder, { previousOutboxId: outboxId }, undefined);
});

test("a garbage file that never was an outbox has no predecessor to name", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "outbox.db"), "this is no database, not even a small one");
  await expectSetAside(folder, { reason: "corrupt" }, /damaged/);
});

test("events that do not fit the counter are damage, whichever is missing", async () => {
  for (const damage of [
    "DELETE FROM event WHERE sequence = 200",
    "DELETE FROM event WHERE sequence > 390",
    "UPDATE outbox SET record = json_set(record, '$.lastSequence', 500)",
    "UPDATE outbox SET record = '{}'",
    "DELETE FROM outbox",
    "DROP TABLE outbox",
  ]) {
    const { folder, file } = await closedOutbox();
    await change(file, damage);
    await expectSetAside(folder, { reason: "corrupt" }, /damaged/);
  }
});

test("a deleted -wal sets the outbox back; it goes on with its own history up to there", async () => {
  const { folder, file } = await closedOutbox();
  const { outbox } = await openOutbox(folder);
  const before = outbox.position();
  await outbox.append(movedRange(500, 510), []);
  // As a crash leaves the files; then the -wal is lost.
  for (const name of ["outbox.db", "outbox.db.identity.json"]) {
    await copyFile(join(folder, name), join(await ensured(folder, "copy"), name));
  }
  expect((await stat(`${file}-wal`)).size).toBeGreaterThan(0);
  const { outbox: set } = await openOutbox(join(folder, "copy"));
  expect(set.started).toBeUndefined();
  expect(set.position()).toEqual(before);
  await set.append([moved(999)], []);
  // The same sequence, another digest: the ledger finds it out.
  expect(await set.digestAt(402)).not.toBe(await outbox.digestAt(402));
});

test("a flipped bit within an event: it is declared as a gap, the others go on", async () => {
  const { folder, file } = await closedOutbox();
  await change(file, "UPDATE event SET body = replace(body, 'S7\"', 'S8\"') WHERE sequence = 8");
  const { outbox } = await openOutbox(folder);
  const events = await readAll(outbox);
  expect(events).toHaveLength(401);
  expect(events[7]).toMatchObject({ type: "gap", firstSequence: 8, reason: "unreadable" });
  expect(serialOf(events[8] as never)).toBe("S8");
  expect((await outbox.stats()).setAsideCount).toBe(1);
});

test("damage while it runs ends the outbox for good, and the next start sets the file aside", async () => {
  const folder = await temporaryFolder();
  const { outbox, file, failures } = await openOutbox(folder);
  for (let serial = 0; serial < 5000; serial += 500) {
    await outbox.append(movedRange(serial, serial + 499, 700), []);
  }
  await truncate(file, 5 * 4096);
  await expect(readAll(outbox, 1, { countMax: 500, sizeBytesMax: 1e9 })).rejects.toMatchObject({
    code: "OUTBOX_CORRUPT",
  });
  await expect(outbox.append([moved(1)], [])).rejects.toMatchObject({ code: "OUTBOX_CORRUPT" });
  expect(failures.map((failure) => failure.code)).toEqual(["OUTBOX_CORRUPT"]);
  await outbox.close();
  expect((await openOutbox(folder)).outbox.started).toMatchObject({ reason: "corrupt" });
});

test("another program's database is left alone", async () => {
  const folder = await temporaryFolder();
  await change(join(folder, "outbox.db"), "CREATE TABLE other (a)");
  await expect(openOutbox(folder)).rejects.toMatchObject({
    code: "OUTBOX_FAILED",
    message: expect.stringContaining("choose another data directory"),
  });
});

test("a file of a newer version is left alone", async () => {
  const { folder, file } = await closedOutbox();
  const newer = "UPDATE outbox SET record = json_set(record, '$.tablesVersion', 99)";
  await change(file, `${newer}; PRAGMA user_version = 99`);
  await expect(openOutbox(folder)).rejects.toThrow("written by a newer version");
  expect((await readdir(folder)).filter((name) => name.includes("damaged"))).toEqual([]);
});

test("a missing folder is a clear error", async () => {
  const folder = join(await temporaryFolder(), "missing");
  await expect(openOutbox(folder)).rejects.toMatchObject({
    code: "OUTBOX_FAILED",
    message: expect.stringContaining(folder),
  });
});

test("the rest of a file that a crash left before the first commit is a new outbox", async () => {
  const folder = await temporaryFolder();
  await change(join(folder, "outbox.db"), "PRAGMA user_version = 0");
  const { outbox } = await openOutbox(folder);
  expect(outbox.started).toEqual({ reason: "new" });
});

test("a lost identity file is written again", async () => {
  const { folder, file, outboxId } = await closedOutbox();
  await rm(`${file}.identity.json`);
  const { outbox } = await openOutbox(folder);
  await outbox.close();
  expect(JSON.parse(await readFile(`${file}.identity.json`, "utf8"))).toMatchObject({ outboxId });
});

test("two processes on one file: the second write finds it out", async () => {
  const folder = await temporaryFolder();
  const one = await openOutbox(folder);
  const other = await openOutbox(folder);
  await one.outbox.append([moved(1)], []);
  await expect(other.outbox.append([moved(2)], [])).rejects.toMatchObject({
    code: "OUTBOX_FAILED",
    message: expect.stringContaining("another process"),
  });
  expect(other.failures).toHaveLength(1);
  await one.outbox.append([moved(3)], []);
  expect((await readAll(one.outbox, 2)).map(serialOf)).toEqual(["S1", "S3"]);
});

test("free pages are given back to the disk at a start after a long outage", async () => {
  const folder = await temporaryFolder();
  const { outbox, file } = await openOutbox(folder);
  for (let serial = 0; serial < 12; serial += 1) {
    await outbox.append(movedRange(serial * 1000, serial * 1000 + 999, 1200), []);
  }
  await outbox.renew("diverged", outbox.position().lastSequence);
  await outbox.close();
  const sizeBytes = (await stat(file)).size;
  expect(sizeBytes).toBeGreaterThan(18e6);
  await (await openOutbox(folder)).outbox.close();
  expect((await stat(file)).size).toBeLessThan(sizeBytes - 16e6);
});

async function ensured(folder: string, name: string): Promise<string> {
  const { mkdir } = await import("node:fs/promises");
  await mkdir(join(folder, name), { recursive: true });
  return join(folder, name);
}
