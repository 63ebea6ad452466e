// Whoever edits a row with other tools is found, and the report says where.

import { beforeEach, describe, expect, test } from "vitest";
import { reportText } from "../../../cloud-bridge/cli-print.ts";
import { entryHash, genesisHash } from "../../../cloud-bridge/ledger/entry-hash.ts";
import type { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { canonicalJson, nextDigest } from "../../../contract/digest.ts";
import { entrySchema } from "../../../contract/stock.ts";
import { ledgerPath, onDatabase, openLedger, postOne } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place } from "./fake-edge.ts";

const shelf = place("s0042/floor/a");
let ledger: SqliteLedger;
let path: string;
const edge = new FakeEdge().append(
  ...Array.from({ length: 5 }, (_, index) =>
    moved("receiving", coffee, {
      to: shelf,
      quantity: index + 1,
      item: { gtin: coffee, lot: "L1" },
    }),
  ),
);

beforeEach(async () => {
  path = ledgerPath();
  ledger = await openLedger({ path });
  await postOne(ledger, edge.batch(1, 3));
  await postOne(ledger, { ...edge.batch(4), by: "ada" });
});

async function tamper(...statements: string[]): Promise<void> {
  for (const statement of statements) await onDatabase(path, statement);
}

test("an untouched ledger verifies, and says how much it holds", async () => {
  expect(await ledger.verify()).toEqual({
    ...{
      ok: true,
      storeCount: 1,
      entryCount: 5,
      eventCount: 5,
      problems: [],
      problemCount: 0,
      setBacks: [],
      lostEventCount: 0,
      declaredLosses: [],
    },
  });
});

test("what edges declared as gone is no fault, and is told", async () => {
  const outbox = new FakeEdge("0a0a0a0a-2222", "edge-2").append(
    ...Array.from({ length: 4 }, () => moved("receiving", coffee, { to: shelf })),
  );
  await postOne(ledger, outbox.dropRange(2, 3).batch(1));
  const report = await ledger.verify();
  expect(report).toMatchObject({ ok: true, lostEventCount: 2, declaredLosses: [{}] });
  const [, ...told] = reportText(report).split("\n");
  expect(told).toEqual([
    "  2 events are gone, as their edges declared:",
    "    s0042/edge-2: 2 to 3 of 0a0a0a0a-2222 (overflow)",
  ]);
});

test("the hash of an entry is that of its canonical JSON", async () => {
  const entries = await ledger.entries({ storeId: "s0042", afterEntryNumber: 0, countMax: 9 });
  expect(entries.map(({ by }) => by)).toEqual([undefined, undefined, undefined, "ada", "ada"]);
  expect(entries[0]?.previousHash).toBe(genesisHash("s0042"));
  for (const entry of entries) {
    const { hash, previousHash, ...rest } = entrySchema.parse(entry);
    expect(hash).toBe(nextDigest(previousHash, canonicalJson(rest)));
  }
  const { hash, previousHash, ...rest } = entries[0]!;
  expect(entryHash(previousHash, { ...rest, serial: "x" })).not.toBe(hash);
});

const cases: [string, string[], string[]][] = [
  [
    "an entry with another quantity",
    ["UPDATE entries SET quantity = 9 WHERE entry_number = 3"],
    [
      "chain entry 3",
      `balances account s0042/@supplier sellable ${coffee}`,
      `balances account s0042/floor/a sellable ${coffee}`,
      `lots lot L1 of ${coffee}`,
    ],
  ],
  [
    "an entry with another time",
    ["UPDATE entries SET occurred_at_ms = 1 WHERE entry_number = 2"],
    ["chain entry 2"],
  ],
  [
    "an entry in another name",
    ["UPDATE entries SET actor = 'eve' WHERE entry_number = 4"],
    ["chain entry 4"],
  ],
  [
    "an entry whose name was taken away",
    ["UPDATE entries SET actor = NULL WHERE entry_number = 5"],
    ["chain entry 5"],
  ],
  [
    "an edge's entry in somebody's name",
    ["UPDATE entries SET actor = 'ada' WHERE entry_number = 2"],
    ["chain entry 2"],
  ],
  [
    "an entry with a hash of its own",
    ["UPDATE entries SET hash = 'abc' WHERE entry_number = 2"],
    ["chain entry 2", "chain entry 3"],
  ],
  [
    "a missing entry and what it moved",
    ["DELETE FROM entries WHERE entry_number = 2"],
    [
      "chain entry 3",
      `balances account s0042/@supplier sellable ${coffee}`,
      `balances account s0042/floor/a sellable ${coffee}`,
      `lots lot L1 of ${coffee}`,
    ],
  ],
  [
    "two entries that changed places",
    [
      "UPDATE entries SET entry_number = 99 WHERE entry_number = 2",
      "UPDATE entries SET entry_number = 2 WHERE entry_number = 3",
      "UPDATE entries SET entry_number = 3 WHERE entry_number = 99",
    ],
    ["chain entry 2", "chain entry 3", "posting_order entry 3", "chain entry 4"],
  ],
  [
    "two events that changed places",
    [
      "UPDATE event_log SET sequence = 99 WHERE sequence = 2",
      "UPDATE event_log SET sequence = 2, first_sequence = 2 WHERE sequence = 3",
      "UPDATE event_log SET sequence = 3, first_sequence = 3 WHERE sequence = 99",
    ],
    [2, 3, 4].map((sequence) => `digests event edge-1/${edge.outboxId}/${sequence}`),
  ],
  ["a forged head", [`UPDATE chain_heads SET hash = '${"0".repeat(64)}'`], ["chain chain head"]],
  [
    "a chain that was cut, even with its balances",
    [
      "DELETE FROM entries WHERE entry_number = 5",
      "UPDATE balances SET quantity = 10 WHERE location = 's0042/floor/a'",
      "UPDATE balances SET quantity = -10 WHERE location = 's0042/@supplier'",
    ],
    ["chain entry 4", `lots lot L1 of ${coffee}`],
  ],
  [
    "a changed balance",
    ["UPDATE balances SET quantity = 99 WHERE location = 's0042/floor/a'"],
    [`sum_zero item ${coffee}`, `balances account s0042/floor/a sellable ${coffee}`],
  ],
  [
    "a balance that vanished",
    ["DELETE FROM balances WHERE location = 's0042/floor/a'"],
    [`sum_zero item ${coffee}`, `balances account s0042/floor/a sellable ${coffee}`],
  ],
  [
    "a changed event",
    ["UPDATE event_log SET body = replace(body, '\"quantity\":3', '\"quantity\":30')"],
    [`digests event edge-1/${edge.outboxId}/3`],
  ],
  [
    "a missing event",
    ["DELETE FROM event_log WHERE sequence = 3"],
    [`sequences event edge-1/${edge.outboxId}/4`, `digests event edge-1/${edge.outboxId}/4`],
  ],
  [
    "a position that was moved back",
    ["UPDATE positions SET through_sequence = 4"],
    [`sequences outbox edge-1/${edge.outboxId}`],
  ],
  [
    "a position with another digest",
    [`UPDATE positions SET through_digest = '${"0".repeat(64)}'`],
    [`digests outbox edge-1/${edge.outboxId}`],
  ],
  [
    "an outbox without a position",
    ["DELETE FROM positions"],
    [`sequences outbox edge-1/${edge.outboxId}`],
  ],
  [
    "entries posted in another order than their events",
    ["UPDATE entries SET sequence = 9 WHERE entry_number = 1"],
    ["chain entry 1", ...[2, 3, 4, 5].map((entryNumber) => `posting_order entry ${entryNumber}`)],
  ],
];
describe("finds", () => {
  for (const [name, statements, found] of cases) {
    test(name, async () => {
      await tamper(...statements);
      const { ok, problems, problemCount } = await ledger.verify();
      expect(problems.map(({ check, where }) => `${check} ${where}`)).toEqual(found);
      expect([ok, problemCount]).toEqual([false, found.length]);
    });
  }
});
