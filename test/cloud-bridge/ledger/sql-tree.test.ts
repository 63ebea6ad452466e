// Proofs out of stored subtrees, on a real ledger: what a proof of the whole list says.

import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import type { HistoryCursor } from "../../../cloud-bridge/ledger/sql-tree.ts";
import {
  checkProof,
  makeProof,
  proofOfParts,
  signHead,
} from "../../../cloud-bridge/trace/proof.ts";
import type { Proof } from "../../../contract/proof.ts";
import type { Gtin } from "../../../contract/units.ts";
import { ledgerPath, onDatabase, openLedger } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "./fake-edge.ts";

const storeId = "s0042";
const { privateKey } = generateKeyPairSync("ed25519");
const publicKey = createPublicKey(privateKey);

test("a proof is that of the whole list, while the store grows", async () => {
  const ledger = await openLedger();
  const edge = new FakeEdge();
  let earlier: Proof | undefined;
  for (const count of [1, 63, 1, 127, 300, 64]) {
    const first = edge.lastSequence + 1;
    for (let number = 0; number < count; number += 1) edge.append(moved("receiving", coffee));
    await ledger.post([edge.batch(first)], startAtMs);
    const entries = await ledger.entries({ storeId, afterEntryNumber: 0, countMax: 1000 });
    const hashes = entries.map(({ hash }) => hash);
    const tree = (await ledger.tree.snapshot(storeId))!;
    const asked = [entries[0]!, entries[Math.floor(entries.length / 2)]!, entries.at(-1)!];
    const earlierSize = earlier?.head.treeSize;
    const parts = await ledger.tree.proofParts(tree, asked, earlierSize);
    const signed = signHead(tree, privateKey, startAtMs);
    const proofs = parts.map((each) => proofOfParts(each, signed));
    expect(proofs).toEqual(
      asked.map((entry) =>
        makeProof({ entry, hashes, privateKey, signedAtMs: startAtMs, earlierSize }),
      ),
    );
    for (const proof of proofs) expect(checkProof(proof, { publicKey, earlier }).ok).toBe(true);
    earlier = proofs[0];
  }
  expect((await ledger.verify()).problems).toEqual([]);
});

test("who changes a stored node is found", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  const edge = new FakeEdge();
  for (let number = 0; number < 200; number += 1) edge.append(moved("receiving", coffee));
  await ledger.post([edge.batch(1)], startAtMs);
  expect(await ledger.tree.grow()).toBe(192);
  expect(await ledger.tree.grow()).toBe(0);
  await onDatabase(path, "UPDATE merkle_nodes SET hash = ? WHERE level = 7", "0".repeat(64));
  expect((await ledger.verify()).problems).toEqual([
    { storeId, check: "tree", where: "tree node 7/0", message: expect.any(String) },
  ]);
});

test("a unit's history is paged to its end, of all stores or of some", async () => {
  const ledger = await openLedger();
  const item = { gtin: coffee as Gtin, serial: "7" };
  const stores = ["s0042", "s0043"].map(
    (id) => new FakeEdge(`0b0b0b0b-${id.slice(1)}`, "edge-1", id),
  );
  for (const [index, edge] of stores.entries()) {
    for (let number = 0; number < 5; number += 1) {
      const to = place(`${edge.storeId}/floor/p${number}`);
      edge.append(moved("receiving", coffee, { item, to }));
    }
    await ledger.post([edge.batch(1)], startAtMs + index);
  }
  const page = (storeIds?: string[], after?: HistoryCursor) =>
    ledger.tree.historyOf({ item: coffee, serial: "7" }, { storeIds, after, countMax: 3 });
  for (const storeIds of [undefined, ["s0043"], ["s0044"]]) {
    const seen: string[] = [];
    let next: HistoryCursor | undefined;
    do {
      const found = await page(storeIds, next);
      for (const { storeId: id, entries } of found.histories) {
        seen.push(...entries.map(({ entryNumber }) => `${id}/${entryNumber}`));
      }
      next = found.next;
    } while (next !== undefined);
    const whole = await ledger.tree.historyOf(
      { item: coffee, serial: "7" },
      { storeIds, countMax: 1000 },
    );
    const expected = whole.histories.map(({ entries }) => entries.length);
    expect(seen).toHaveLength(new Set(seen).size);
    expect(seen).toHaveLength(expected.reduce((sum, count) => sum + count, 0));
    expect(expected).toHaveLength(storeIds === undefined ? 2 : Number(storeIds[0] === "s0043"));
  }
});
