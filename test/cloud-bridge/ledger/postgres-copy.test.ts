// Rows by COPY and by arrays come out as they went in, and what is refused within a pipeline leaves the session sound.

import { expect, inject, onTestFinished, test } from "vitest";
import { type SqlValue, StatementError } from "../../../cloud-bridge/ledger/database.ts";
import { PostgresConnection } from "../../../cloud-bridge/ledger/postgres.ts";
import { hasPostgres } from "../../support/postgres-server.ts";

async function openTable(): Promise<PostgresConnection> {
  const url = `${inject("postgresUrl")}/postgres`;
  const connection = await PostgresConnection.open({ url }, "writer");
  onTestFinished(() => connection.close());
  await connection.native(
    "CREATE TEMPORARY TABLE cells (number bigint PRIMARY KEY, body text, amount bigint)",
  );
  return connection;
}

const bodies = [
  ...[
    "",
    "\\N",
    "\\.",
    "NULL",
    "null",
    'a "b" {c,d}',
    "tab\there",
    "two\nlines\r\n",
    "\\",
    "\\\\n",
  ],
  ...["{}", "'", "$1", "\u{1f600} ü", '{"a":"\\u0000"}', null],
];
const rowsFrom = (first: number, count: number): SqlValue[][] =>
  Array.from({ length: count }, (_, index) => {
    const amount = index % 3 === 0 ? null : -index;
    return [first + index, bodies[index % bodies.length]!, amount];
  });
const into = (connection: PostgresConnection, rows: SqlValue[][], conflict = "") =>
  connection.insert({
    ...{ table: "cells", names: ["number", "body", "amount"], rows, conflict },
    integerNames: new Set(["number", "amount"]),
  });

test.skipIf(!hasPostgres)("every cell comes out as it went in, whichever way it took", async () => {
  const connection = await openTable();
  const many = rowsFrom(1, 50);
  const few = rowsFrom(101, 16);
  const merged = rowsFrom(201, 50);
  await Promise.all([
    into(connection, many),
    into(connection, few),
    into(connection, merged, "ON CONFLICT (number) DO NOTHING"),
  ]);
  const stored = await connection.native<Record<string, SqlValue>>(
    "SELECT number, body, amount FROM cells ORDER BY number",
  );
  expect(stored.map((row) => Object.values(row))).toEqual([...many, ...few, ...merged]);
});

test.skipIf(!hasPostgres)(
  "a row that is refused is told; statements behind it find the session sound",
  async () => {
    const connection = await openTable();
    const twice = [...rowsFrom(1, 30), ...rowsFrom(7, 1)];
    const broken = rowsFrom(1, 30).map(([number, , amount]) => [number!, "a\0b", amount!]);
    const halved = rowsFrom(1, 30).map(([number, , amount]) => [number!, "\ud800", amount!]);
    for (const rows of [twice, broken, halved]) {
      const asked = [into(connection, rows), connection.native("SELECT 1 AS one")];
      const [refused, answered] = await Promise.allSettled(asked);
      expect(refused).toMatchObject({ status: "rejected", reason: expect.any(StatementError) });
      expect(answered).toMatchObject({ status: "fulfilled", value: [{ one: 1 }] });
    }
    await connection.native("BEGIN");
    await expect(connection.native("SELECT 1 / 0")).rejects.toThrow(/zero/);
    // A transaction that is lost passes over the rows too.
    await expect(into(connection, rowsFrom(1, 30))).rejects.toThrow(/aborted/);
    await connection.native("ROLLBACK");
    await into(connection, rowsFrom(1, 30));
    expect(await connection.native("SELECT count(*) AS count FROM cells")).toEqual([{ count: 30 }]);
  },
);
