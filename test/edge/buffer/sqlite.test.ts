import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Gate, SqliteFile } from "../../../edge/buffer/sqlite.ts";
import { temporaryFolder } from "./outbox-kit.ts";

async function openTable(gate?: Gate): Promise<SqliteFile> {
  const file = join(await temporaryFolder(), "test.db");
  const sqlite = await SqliteFile.open({ file, mode: "create", ...(gate ? { gate } : {}) });
  await sqlite.read((sql) => sql.exec("CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT"));
  return sqlite;
}

const insert = "INSERT INTO t (n) VALUES (?)";
const count = (sqlite: SqliteFile) =>
  sqlite.read(async (sql) => (await sql.get<{ n: number }>("SELECT count(*) AS n FROM t"))?.n);

test("a transaction is whole or nothing, and the next one goes on", async () => {
  const sqlite = await openTable();
  await sqlite.write(async (sql) => {
    await sql.run(insert, 1);
    await sql.run(insert, 2);
  });
  const broken = sqlite.write(async (sql) => {
    await sql.run(insert, 3);
    throw new Error("thought better of it");
  });
  await expect(broken).rejects.toThrow("thought better of it");
  await expect(sqlite.write((sql) => sql.run(insert, 1))).rejects.toThrow("UNIQUE");
  expect(await count(sqlite)).toBe(2);
  await sqlite.close();
});

test("jobs run one at a time, and memory follows a commit before the next job", async () => {
  const sqlite = await openTable();
  let committed = 0;
  const seen: number[] = [];
  const jobs = [1, 2, 3, 4].map((n) =>
    sqlite.write(
      async (sql) => {
        seen.push(committed);
        await sql.run(insert, n);
        return n;
      },
      (result) => {
        committed = result;
      },
    ),
  );
  const read = sqlite.read(async () => committed);
  await Promise.all(jobs);
  expect(seen).toEqual([0, 1, 2, 3]);
  expect(await read).toBe(4);
  await sqlite.close();
});

test("an abandoned file rolls its open transaction back and answers nobody any more", async () => {
  const sqlite = await openTable();
  let begun: () => void = () => undefined;
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const open = sqlite.write(async (sql) => {
    await sql.run(insert, 1);
    begun();
    await new Promise((resolve) => setTimeout(resolve, 10));
    await sql.run(insert, 2);
  });
  const waiting = count(sqlite);
  const refused = Promise.all([
    expect(open).rejects.toMatchObject({ code: "OUTBOX_FAILED" }),
    expect(waiting).rejects.toMatchObject({ code: "OUTBOX_FAILED" }),
  ]);
  await hasBegun;
  await sqlite.abandon();
  await refused;
  await expect(count(sqlite)).rejects.toThrow("is closed");
  const again = await SqliteFile.open({ file: sqlite.file, mode: "write" });
  expect(await count(again)).toBe(0);
  await again.close();
});

test("a gate sees every job of several files, whole", async () => {
  let running = 0;
  let runningMax = 0;
  let jobCount = 0;
  let tail: Promise<unknown> = Promise.resolve();
  const gate: Gate = (operation) => {
    const result = tail.then(async () => {
      jobCount += 1;
      running += 1;
      runningMax = Math.max(runningMax, running);
      return await operation().finally(() => {
        running -= 1;
      });
    });
    tail = result.catch(() => undefined);
    return result;
  };
  const files = await Promise.all([openTable(gate), openTable(gate)]);
  jobCount = 0;
  await Promise.all(
    files.flatMap((file) => [file.write((sql) => sql.run(insert, 1)), count(file)]),
  );
  expect([jobCount, runningMax]).toEqual([4, 1]);
  await Promise.all(files.map((file) => file.close()));
});

test("each kind of trouble has its code", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "garbage.db");
  await writeFile(file, "no database ".repeat(1000));
  await expect(
    (async () =>
      (await SqliteFile.open({ file, mode: "write" })).read((sql) =>
        sql.all("PRAGMA page_count"),
      ))(),
  ).rejects.toMatchObject({ code: "OUTBOX_CORRUPT" });
  const missing = join(folder, "missing", "x.db");
  await expect(SqliteFile.open({ file: missing, mode: "create" })).rejects.toMatchObject({
    code: "OUTBOX_FAILED",
    message: expect.stringContaining(missing),
  });
  await expect(
    SqliteFile.open({ file: join(folder, "none.db"), mode: "write" }),
  ).rejects.toMatchObject({ code: "OUTBOX_FAILED" });

  const small = await SqliteFile.open({
    file: join(folder, "small.db"),
    mode: "create",
    sizeBytesMax: 20 * 4096,
  });
  await small.read((sql) => sql.exec("CREATE TABLE t (text TEXT)"));
  const fill = () => small.write((sql) => sql.run("INSERT INTO t VALUES (?)", "x".repeat(10_000)));
  await expect(
    (async () => {
      for (let row = 0; row < 50; row += 1) await fill();
    })(),
  ).rejects.toMatchObject({ code: "OUTBOX_FULL" });
  expect(await small.read((sql) => sql.all("SELECT 1 FROM t"))).not.toEqual([]);
  await small.close();
});
