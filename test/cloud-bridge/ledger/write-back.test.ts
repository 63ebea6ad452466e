// Pages of the -wal go back into the file beside the posting: after enough rows, and a failure is told.

import { stat } from "node:fs/promises";
import { expect, test } from "vitest";
import { SqliteConnection } from "../../../cloud-bridge/ledger/sqlite.ts";
import { WriteBack } from "../../../cloud-bridge/ledger/write-back.ts";
import { ledgerPath } from "./edge-fixture.ts";

async function opened() {
  const path = ledgerPath();
  const writer = await SqliteConnection.open({ path });
  const keeper = await SqliteConnection.open({ path });
  const failures: unknown[] = [];
  const writeBack = new WriteBack(keeper, (error) => failures.push(error));
  await writer.run("CREATE TABLE numbers (number INTEGER)");
  const insert = (count: number) =>
    writer.run(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${count})
       INSERT INTO numbers SELECT i FROM n`,
    );
  const sizeBytes = async () => (await stat(path)).size;
  return { writer, keeper, failures, writeBack, insert, sizeBytes };
}

test("the file grows once enough rows were changed, and not before", async () => {
  const { writer, keeper, failures, writeBack, insert, sizeBytes } = await opened();
  const before = await sizeBytes();
  await insert(4000);
  writeBack.begin(writer.changedRowCount);
  await writeBack.end();
  expect(await sizeBytes()).toBe(before);
  await insert(4000);
  writeBack.begin(writer.changedRowCount);
  await writeBack.end();
  const grown = await sizeBytes();
  expect(grown).toBeGreaterThan(before + 8000);
  // Counted from there on.
  await insert(4000);
  writeBack.begin(writer.changedRowCount);
  await writeBack.end();
  expect(await sizeBytes()).toBe(grown);
  expect(failures).toEqual([]);
  for (const each of [keeper, writer]) await each.close();
});

test("a run that fails is told, and the next one is tried", async () => {
  const { writer, keeper, failures, writeBack, insert } = await opened();
  await insert(5000);
  await keeper.close();
  writeBack.begin(writer.changedRowCount);
  await writeBack.end();
  expect(failures).toMatchObject([{ code: "LEDGER_FAILED" }]);
  await insert(5000);
  writeBack.begin(writer.changedRowCount);
  await writeBack.end();
  expect(failures).toHaveLength(2);
  await writer.close();
});
