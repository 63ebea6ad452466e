// What of a buffer's files has no chain: the record, sensing's state, the file's header, and how far the -wal went.

import { randomUUID } from "node:crypto";
import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { progressText } from "../../../contract/commit-progress.ts";
import { canonicalJson, nextDigest } from "../../../contract/digest.ts";
import { type Sql, SqliteFile } from "../../../edge/buffer/sqlite.ts";
import { readRecord } from "../../../edge/buffer/stored.ts";
import { movedRange } from "./draft-kit.ts";
import { change, closedOutbox, openOutbox, readAll, temporaryFolder } from "./outbox-kit.ts";

/** Reads one row of a closed file. */
async function rowOf<T>(file: string, select: string): Promise<T> {
  const sqlite = await SqliteFile.open({ file, mode: "read" });
  const row = await sqlite.read((sql) => sql.get<T>(select));
  await sqlite.close();
  return row!;
}

const header = (file: string) =>
  rowOf(
    file,
    "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version",
  );

test("a deleted -wal is told where the progress file knows of more", async () => {
  const { folder } = await closedOutbox();
  const { outbox } = await openOutbox(folder);
  await outbox.append(movedRange(500, 510), []);
  const copy = await temporaryFolder();
  for (const name of ["outbox.db", "outbox.db.identity.json", "outbox.db.progress"]) {
    await copyFile(join(folder, name), join(copy, name));
  }
  const { outbox: set } = await openOutbox(copy);
  expect(set.setBack).toEqual({ cause: "cut", commitCount: 1 });
  expect((await readAll(set)).at(-1)).toMatchObject({ code: "buffer_set_back" });
  await set.close();
  expect((await openOutbox(copy)).outbox.setBack).toBeUndefined();
});

test("a damaged -wal is told once, and not again after the next crash", async () => {
  const folder = await temporaryFolder();
  const { outbox, file } = await openOutbox(folder);
  for (let first = 1; first <= 100; first += 10)
    await outbox.append(movedRange(first, first + 9), []);
  const crashed = async (from: string) => {
    const copy = await temporaryFolder();
    for (const name of ["outbox.db", "outbox.db-wal", "outbox.db.identity.json"])
      await copyFile(join(from, name), join(copy, name));
    return copy;
  };
  const damaged = await crashed(folder);
  const bytes = await readFile(`${file}-wal`);
  bytes[Math.floor(bytes.length / 2)]! ^= 0x10;
  await writeFile(join(damaged, "outbox.db-wal"), bytes);
  const { outbox: set } = await openOutbox(damaged);
  expect(set.setBack).toMatchObject({ cause: "damaged" });
  await set.append(movedRange(500, 510), []);
  const { outbox: again } = await openOutbox(await crashed(damaged));
  expect(again.setBack).toBeUndefined();
});

test("a progress file that is behind, of another outbox or unreadable changes nothing", async () => {
  const { folder, file, outboxId } = await closedOutbox();
  const behind = progressText({ outboxId, commitSequence: 1, lastSequence: 3 });
  const ahead = { commitSequence: 99, lastSequence: 999 };
  const others = progressText({ outboxId: randomUUID(), ...ahead });
  const flipped = progressText({ outboxId, ...ahead }).replace("999", "998");
  for (const text of [behind, others, flipped, "", "\0".repeat(512)]) {
    await writeFile(`${file}.progress`, text);
    const { outbox } = await openOutbox(folder);
    expect([text, outbox.started, outbox.setBack]).toEqual([text, undefined, undefined]);
    await outbox.close();
  }
});

test("any flipped bit within the record is damage", async () => {
  const { folder, file } = await closedOutbox();
  const { record } = await rowOf<{ record: string }>(file, "SELECT record FROM outbox");
  const bytes = Buffer.from(record);
  for (let at = 0; at < bytes.length; at += 1) {
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 1 << (at % 7);
    const sql = {
      get: () => Promise.resolve({ record: flipped.toString() }),
    } as unknown as Sql;
    await expect(readRecord(sql), flipped.toString()).rejects.toMatchObject({
      code: "OUTBOX_CORRUPT",
    });
  }
  await change(file, "UPDATE outbox SET record = replace(record, 'trimmedCount', 'trimmedCounu')");
  const { started } = (await openOutbox(folder)).outbox;
  expect(started).toMatchObject({ reason: "corrupt" });
});

test("a record of a version that knew less is read, and its check holds", async () => {
  const { folder, file } = await closedOutbox();
  const { record } = await rowOf<{ record: string }>(file, "SELECT record FROM outbox");
  const { check: _, commitSequence: __, ...less } = JSON.parse(record);
  const text = JSON.stringify({ ...less, check: nextDigest("record", canonicalJson(less)) });
  await change(file, `UPDATE outbox SET record = '${text}'`);
  await rm(`${file}.progress`);
  const { outbox } = await openOutbox(folder);
  expect([outbox.started, outbox.position().lastSequence]).toEqual([undefined, 401]);
});

test("a flipped bit within sensing's state: the value is forgotten, once and with a word", async () => {
  const { folder, file } = await closedOutbox();
  const state = ["a", "b", "c"].map((key) => ({ key, value: `{"grams":${key.length}}` }));
  const { outbox } = await openOutbox(folder);
  await outbox.append([], state);
  await outbox.close();
  await change(file, "UPDATE state SET value = replace(value, 'grams', 'grams_') WHERE key = 'b'");
  await change(file, "UPDATE state SET key = 'd' WHERE key = 'c'");
  const { outbox: next } = await openOutbox(folder);
  expect(next.setBack).toEqual({ cause: "state", stateCount: 2 });
  expect([...next.storedState().keys()]).toEqual(["a"]);
  expect((await readAll(next)).at(-1)).toMatchObject({
    ...{ code: "buffer_set_back", detail: { cause: "state", lostStateCount: 2 } },
  });
  await next.close();
  const { outbox: last } = await openOutbox(folder);
  expect([last.setBack, [...last.storedState().keys()]]).toEqual([undefined, ["a"]]);
});

test("a header in which bits have flipped is written anew; tables of version 1 are moved on", async () => {
  const { folder, file } = await closedOutbox();
  for (const damage of ["application_id = 7", "user_version = 66"]) {
    await change(file, `PRAGMA ${damage}`);
    const { outbox } = await openOutbox(folder);
    expect([outbox.started, outbox.setBack]).toEqual([undefined, undefined]);
    await outbox.append([], [{ key: "a", value: "12" }]);
    await outbox.close();
    expect(await header(file)).toEqual({ application_id: 0x476f6e64, user_version: 2 });
  }
  const older = "json_remove(record, '$.tablesVersion', '$.commitSequence', '$.check')";
  await change(file, `UPDATE outbox SET record = ${older}`);
  await change(file, "UPDATE state SET value = substr(value, 17)");
  await change(file, "PRAGMA user_version = 1");
  await rm(`${file}.progress`);
  const { outbox } = await openOutbox(folder);
  expect([...outbox.storedState()]).toEqual([["a", "12"]]);
  expect([outbox.setBack, outbox.position().lastSequence]).toEqual([undefined, 401]);
  await outbox.close();
  expect(await header(file)).toEqual({ application_id: 0x476f6e64, user_version: 2 });
});
