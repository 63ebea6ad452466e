// Keys of claims on a real ledger: each is of its store, and what an earlier version answered is answered again.

import { expect, test } from "vitest";
import { type ClaimOutcome, claimAnswerKeepMs } from "../../../cloud-bridge/ledger/claims.ts";
import { available, claimId, reserve, stock } from "./claims-fixture.ts";
import { ledgerPath, onDatabase, openLedger } from "./edge-fixture.ts";
import { coffee, startAtMs } from "./fake-edge.ts";

const key = "1001";
const ask = (storeId: string, digest = storeId) => reserve({ key, digest, storeId });
const reused = { ok: false, code: "KEY_REUSED" };
const inStore = (storeId: string) => ({ ok: true, claim: { storeId, state: "reserved" } });

async function openStores() {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  for (const storeId of ["s1", "s2"]) await stock(ledger, { [coffee]: 2 }, storeId);
  const decide = (request: ReturnType<typeof ask>, nowMs = startAtMs): Promise<ClaimOutcome> =>
    ledger.decideClaim({ ...request, claimId: claimId() }, nowMs);
  /** As a version wrote it whose keys were of all stores. */
  const makeOld = () => onDatabase(path, "UPDATE claim_requests SET request_key = ?", key);
  return { ledger, decide, makeOld };
}

test("two stores' orders have the same key, at the same time or one after the other", async () => {
  const { ledger, decide } = await openStores();
  const [first, second] = await Promise.all([decide(ask("s1")), decide(ask("s2"))]);
  expect(first).toMatchObject(inStore("s1"));
  expect(second).toMatchObject(inStore("s2"));
  expect(await decide(ask("s1"))).toEqual(first);
  expect(await decide(ask("s2"))).toEqual(second);
  expect(await decide(ask("s2", "other"))).toMatchObject(reused);
  // A name of a store in a key does not make it that store's.
  const odd = reserve({ key: "1001", storeId: "s1", digest: "s1" });
  expect(await decide({ ...odd, key: "s2/1001" })).toMatchObject(inStore("s1"));
  for (const storeId of ["s1", "s2"]) {
    const reserved = storeId === "s1" ? 2 : 1;
    expect(await available(ledger, startAtMs, storeId)).toMatchObject({ reserved });
  }
});

test("the first answer of an earlier version is given again to its store, and hinders no other", async () => {
  const { ledger, decide, makeOld } = await openStores();
  const first = await decide(ask("s1"));
  await makeOld();
  expect(await decide(ask("s2"))).toMatchObject(inStore("s2"));
  expect(await decide(ask("s1"))).toEqual(first);
  expect(await decide(ask("s1", "other"))).toMatchObject(reused);
  expect(await available(ledger, startAtMs, "s1")).toMatchObject({ reserved: 1 });
  // As long as answers are kept: then the key is as good as new.
  const laterMs = startAtMs + claimAnswerKeepMs + 1;
  const expiresAtMs = laterMs + 60_000;
  const other = reserve({ storeId: "s2", expiresAtMs });
  expect(await decide(other, laterMs)).toMatchObject({ ok: true });
  expect(await decide({ ...ask("s1"), expiresAtMs }, laterMs)).not.toEqual(first);
});

test("so is a refusal, to the same request alone", async () => {
  const { ledger, decide, makeOld } = await openStores();
  const both = (storeId: string) => ({ ...ask(storeId), lines: [{ gtin: coffee, quantity: 2 }] });
  const withhold = async (quantity: number) => {
    const limit = { storeId: "s1", gtin: coffee, channel: "web", quantity };
    await ledger.setWithheld(limit, { by: "ada", nowMs: startAtMs });
  };
  await withhold(1);
  const refused = await decide(both("s1"));
  expect(refused).toMatchObject({ ok: false, code: "STOCK_SHORT" });
  await makeOld();
  await withhold(0);
  expect(await decide(both("s1"))).toEqual(refused);
  expect(await decide(both("s2"))).toMatchObject(inStore("s2"));
});
