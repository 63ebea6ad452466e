// Random facts and counts that people carried out, in any order of arrival: the same balances, and nothing
// made or lost.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { SqliteLedger } from "../../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { balancesOf, openLedger } from "../edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "../fake-edge.ts";
import { at, idOf, opening, step } from "./stocktake-fixture.ts";

const places = ["floor/a", "floor/b", "stockroom"];
const fact = fc.record({
  kind: fc.constantFrom("receive", "sell", "move", "count", "count floor", "count full"),
  quantity: fc.integer({ min: 1, max: 12 }),
  minute: fc.integer({ min: 0, max: 9 }),
  here: fc.constantFrom(...places),
  there: fc.constantFrom(...places),
});
type Fact = typeof fact extends fc.Arbitrary<infer Value> ? Value : never;

async function arrive(ledger: SqliteLedger, storeId: string, each: Fact, name: string) {
  const { kind, quantity, minute } = each;
  if (kind.startsWith("count")) return await count(ledger, storeId, each, name);
  const [from, to] = [place(`${storeId}/${each.here}`), place(`${storeId}/${each.there}`)];
  const fields = { quantity, occurredAtMs: at(minute) };
  const event =
    kind === "receive"
      ? moved("receiving", coffee, { ...fields, to: from })
      : kind === "sell"
        ? moved("retail_selling", coffee, { ...fields, from })
        : moved("relocating", coffee, { ...fields, from, to });
  const edge = new FakeEdge(`0a0a0a0a-${name.padStart(4, "0")}`, `e${name}`, storeId);
  await ledger.post([edge.append(event).batch(1)], startAtMs);
}

/** Counts, counts anew as another person, and approves, until it may be posted. */
async function count(ledger: SqliteLedger, storeId: string, each: Fact, name: string) {
  const { kind, quantity, minute, here } = each;
  const location = `${storeId}/${kind === "count" ? here : "floor"}`;
  const key = { gtin: coffee, location };
  const isFull = kind === "count full";
  const about = { storeId, countId: idOf(name) };
  const lines = isFull ? [] : [key];
  const asked = opening({ ...about, location, kind: isFull ? "full" : "cycle", lines });
  const outcome = await ledger.counting.open(asked, at(0));
  if (!outcome.ok) throw new Error(outcome.message);
  if (outcome.stocktake.phase === "done") return;
  const counted = [{ ...key, quantity, observedAtMs: at(minute) }];
  await step(ledger, about, "ada", { step: "record", lines: counted });
  // The end of a full count is a time too: the same one in every order.
  let state = await step(ledger, about, "ada", { step: "submit" }, at(20));
  for (const by of ["bob", "cyd"]) {
    if (state.lines[0]!.status !== "recount") continue;
    state = await step(ledger, about, by, { step: "record", lines: counted });
  }
  if (state.lines[0]!.status === "approval") {
    const approval = { step: "approve", lines: [key], reason: "cycle_count" } as const;
    await step(ledger, about, "rex", { ...approval, role: "network_director" });
  }
  expect((await step(ledger, about, "rex", { step: "post" })).phase).toBe("done");
}

test("facts and counts in any order of arrival, and repeated, end alike", async () => {
  const ledger = await openLedger();
  const history = fc
    .array(fact, { minLength: 1, maxLength: 8 })
    .chain((facts) =>
      fc.tuple(
        fc.constant(facts),
        fc.shuffledSubarray([...facts.keys()], { minLength: facts.length }),
      ),
    );
  let run = 0;
  let countedRuns = 0;
  await fc.assert(
    fc.asyncProperty(history, async ([facts, order]) => {
      const [one, other] = [`a${run}`, `b${run}`];
      run += 1;
      if (facts.some(({ kind }) => kind.startsWith("count"))) countedRuns += 1;
      // Counts at one moment are told apart by their names: the same ones in both stores.
      for (const index of facts.keys()) await arrive(ledger, one, facts[index]!, `${index}`);
      for (const index of [...order, ...order]) {
        await arrive(ledger, other, facts[index]!, `${index}`);
      }
      const balances = await balancesOf(ledger, coffee, one);
      expect(await balancesOf(ledger, coffee, other)).toEqual(balances);
      expect(Object.values(balances).reduce((sum, each) => sum + each, 0)).toBe(0);
    }),
    { numRuns: Number(process.env["GONDOLA_LEDGER_RUNS"] ?? 100) },
  );
  expect(countedRuns).toBeGreaterThan(0);
  expect((await ledger.verify()).problems).toEqual([]);
}, 600_000);
