// The connection: order, the two kinds of errors, the gate, the end.

import { expect, test } from "vitest";
import { StatementError } from "../../../cloud-bridge/ledger/database.ts";
import { SqliteConnection } from "../../../cloud-bridge/ledger/sqlite.ts";
import { ledgerPath } from "./edge-fixture.ts";

test("operations asked for together run in their order, each after the one before", async () => {
  const order: string[] = [];
  let running = 0;
  const gate = async <T>(operation: () => Promise<T>): Promise<T> => {
    running += 1;
    expect(running).toBe(1);
    // The gate delays some; what was asked for later still comes later.
    await new Promise((resolve) => setTimeout(resolve, order.length % 2));
    const value = await operation();
    running -= 1;
    return value;
  };
  const connection = await SqliteConnection.open({ path: ledgerPath(), gate });
  await Promise.all([
    connection.run("CREATE TABLE t (a INTEGER UNIQUE)").then(() => order.push("create")),
    connection
      .run("INSERT INTO t VALUES (?)", 7)
      .then((changes) => order.push(`insert ${changes}`)),
    connection.all("SELECT a FROM t").then((rows) => order.push(JSON.stringify(rows))),
  ]);
  expect(order).toEqual(["create", "insert 1", '[{"a":7}]']);
  await connection.close();
});

test("a refused statement leaves the transaction as it was; later ones still run", async () => {
  const connection = await SqliteConnection.open({ path: ledgerPath() });
  await connection.run("CREATE TABLE t (a INTEGER UNIQUE)");
  await connection.run("BEGIN");
  await connection.run("INSERT INTO t VALUES (1)");
  await expect(connection.run("INSERT INTO t VALUES (1)")).rejects.toBeInstanceOf(StatementError);
  await expect(connection.run("INSERT INTO nowhere VALUES (1)")).rejects.toThrow(/no such table/);
  await connection.run("COMMIT");
  expect(await connection.all("SELECT a FROM t")).toEqual([{ a: 1 }]);
  await connection.close();
});

test("after a write that failed nothing is written any more, though it was asked for at the same time", async () => {
  const path = ledgerPath();
  const connection = await SqliteConnection.open({ path });
  await connection.script("CREATE TABLE t (a TEXT); PRAGMA max_page_count = 3");
  await connection.run("BEGIN");
  // No room: SQLite rolls back by itself, and what follows would be committed statement by statement.
  const full = connection.run("INSERT INTO t VALUES (?)", "x".repeat(50_000));
  const others = ["INSERT INTO t VALUES ('alone')", "COMMIT"].map((sql) => connection.run(sql));
  for (const { status } of await Promise.allSettled([full, ...others])) {
    expect(status).toBe("rejected");
  }
  await expect(full).rejects.toMatchObject({ code: "LEDGER_FAILED" });
  expect(await connection.all("SELECT a FROM t").catch(() => "failed")).toBe("failed");
  await connection.close();
  const again = await SqliteConnection.open({ path });
  expect(await again.all("SELECT a FROM t")).toEqual([]);
  await again.close();
});

test("abandoning rolls back what is open, even with an operation under way", async () => {
  const path = ledgerPath();
  const connection = await SqliteConnection.open({ path });
  await connection.run("CREATE TABLE t (a INTEGER)");
  await connection.run("BEGIN");
  await connection.run("INSERT INTO t VALUES (1)");
  const count =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?) SELECT max(n) FROM c";
  // Prepared before, so that the second one is under way at once, however busy the machine is.
  await connection.all(count, 1);
  const slow = connection.all(count, 300_000);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await connection.abandon();
  await slow;
  const abandoned = { code: "LEDGER_FAILED", message: expect.stringContaining("abandoned") };
  await expect(connection.run("COMMIT")).rejects.toMatchObject(abandoned);
  const again = await SqliteConnection.open({ path });
  expect(await again.all("SELECT a FROM t")).toEqual([]);
  await again.close();
});
