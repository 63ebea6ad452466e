// Claims on a real ledger: the last unit is promised once, at every step, and what is over is free again.

import fc from "fast-check";
import { expect, test } from "vitest";
import { anyWord } from "../../../cloud-bridge/ledger/availability.ts";
import {
  type Claim,
  type ClaimOutcome,
  claimExpiryMsMax,
  claimStates,
  openClaimStates,
  type StepRequest,
} from "../../../cloud-bridge/ledger/claims.ts";
import type { SqliteLedger } from "../../../cloud-bridge/ledger/sqlite-ledger.ts";
import { available, claimId, reserve, stock } from "./claims-fixture.ts";
import {
  balancesOf,
  ledgerPath,
  onDatabase,
  openLedger,
  plan,
  runCountOf,
} from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs, tea } from "./fake-edge.ts";

const buyerCount = 20;
const storeId = "s0042";
const byAda = { by: "ada", nowMs: startAtMs };

const won = (outcomes: readonly ClaimOutcome[]) => outcomes.filter(({ ok }) => ok).length;
const idOf = (outcome: ClaimOutcome) => (outcome.ok ? outcome.claim.claimId : outcome.code);
const code = (value: string) => ({ ok: false, code: value });

async function clean(ledger: SqliteLedger): Promise<void> {
  expect(await ledger.verify()).toMatchObject({ ok: true, problems: [] });
}

test("of many buyers of the last unit one reserves it; picked and handed over, it is gone", async () => {
  const ledger = await openLedger();
  await stock(ledger, { [coffee]: 1 });
  const buy = () => ledger.decideClaim(reserve(), startAtMs);
  const race = () => Promise.all(Array.from({ length: buyerCount }, buy));
  const first = await race();
  expect(won(first)).toBe(1);
  expect(first.find(({ ok }) => !ok)).toMatchObject({
    ...code("STOCK_SHORT"),
    field: "lines.0.quantity",
    message: `1 of ${coffee} are asked for in s0042, 0 can be promised`,
  });
  const id = idOf(first.find(({ ok }) => ok)!);
  for (const step of ["pick", "hand_over"] as const) {
    const all = Array.from({ length: buyerCount }, () =>
      ledger.decideClaim({ step, claimId: id, by: "bob" }, startAtMs),
    );
    const [steps, buyers] = await Promise.all([Promise.all(all), race()]);
    const entries = steps.flatMap((outcome) => (outcome.ok ? (outcome.posted?.entries ?? []) : []));
    expect(entries).toMatchObject([{ reason: `claim_${step}`, outboxId: id, quantity: 1 }]);
    expect(won(buyers)).toBe(0);
  }
  expect(await balancesOf(ledger, coffee)).toEqual({
    "@customer sellable": 1,
    "@variance sellable": -1,
  });
  await clean(ledger);
});

test("a place that many claims move to takes as many as it has units for", async () => {
  const ledger = await openLedger();
  await stock(ledger, { [coffee]: buyerCount });
  await stock(ledger, { [coffee]: 1 }, "s2");
  const ids = await Promise.all(
    Array.from({ length: buyerCount }, async () =>
      idOf(await ledger.decideClaim(reserve(), startAtMs)),
    ),
  );
  const moves = ids.map((id) =>
    ledger.decideClaim({ step: "move", claimId: id, storeId: "s2", by: "bob" }, startAtMs),
  );
  expect(won(await Promise.all(moves))).toBe(1);
  expect(await available(ledger)).toMatchObject({ reserved: buyerCount - 1, available: 1 });
  expect(await available(ledger, startAtMs, "s2")).toMatchObject({ reserved: 1, available: 0 });
});

test("a claim released or over frees its units for one other; steps need the right state", async () => {
  const ledger = await openLedger();
  await stock(ledger, { [coffee]: 1 });
  const step = (name: "pick" | "hand_over" | "release", id: string, nowMs = startAtMs) =>
    ledger.decideClaim({ step: name, claimId: id, by: "bob" }, nowMs);
  const held = idOf(await ledger.decideClaim(reserve(), startAtMs));
  expect(await step("hand_over", held)).toMatchObject(code("CLAIM_STATE"));
  expect(await step("pick", claimId())).toMatchObject(code("CLAIM_UNKNOWN"));
  expect(await step("pick", held)).toMatchObject({ ok: true, claim: { state: "picked" } });
  expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor set_aside": 1 });
  expect(await step("release", held)).toMatchObject({ ok: true, claim: { state: "released" } });
  expect(await balancesOf(ledger, coffee)).toMatchObject({ "floor sellable": 1 });
  const short = reserve({ expiresAtMs: startAtMs + 1000 });
  const over = idOf(await ledger.decideClaim(short, startAtMs));
  expect(await available(ledger, startAtMs + 999)).toMatchObject({ available: 0 });
  const laterMs = startAtMs + 1000;
  expect(await available(ledger, laterMs)).toMatchObject({ reserved: 0, available: 1 });
  expect(await ledger.claim(over, laterMs)).toMatchObject({ state: "expired" });
  const race = Array.from({ length: buyerCount }, () => ledger.decideClaim(reserve(), laterMs));
  expect(won(await Promise.all([step("pick", over, laterMs), ...race]))).toBe(1);
  await clean(ledger);
});

test("a whole order or nothing; what is withheld from all, from a channel, of all GTINs", async () => {
  const ledger = await openLedger();
  await stock(ledger, { [coffee]: 5, [tea]: 1 });
  const order = (coffeeCount: number, teaCount: number) =>
    reserve({
      lines: [
        { gtin: coffee, quantity: coffeeCount },
        { gtin: tea, quantity: teaCount },
      ],
    });
  expect(await ledger.decideClaim(order(1, 2), startAtMs)).toMatchObject({
    field: "lines.1.quantity",
  });
  const twice = order(1, 1);
  const doubled = { ...twice, lines: [...twice.lines, { gtin: tea, quantity: 1 }] };
  expect(await ledger.decideClaim(doubled, startAtMs)).toMatchObject({ field: "lines.2.gtin" });
  expect(await available(ledger)).toMatchObject({ reserved: 0, available: 5 });
  await ledger.setWithheld({ storeId, gtin: anyWord, channel: anyWord, quantity: 2 }, byAda);
  await ledger.setWithheld({ storeId, gtin: coffee, channel: "web", quantity: 1 }, byAda);
  const parts = { onHand: 5, safetyStock: 2, channelLimit: 1, available: 2 };
  expect(await available(ledger)).toMatchObject(parts);
  await ledger.setWithheld({ storeId, gtin: coffee, channel: anyWord, quantity: 0 }, byAda);
  expect(await available(ledger)).toMatchObject({ safetyStock: 0, available: 4 });
  expect(await ledger.decideClaim(order(4, 1), startAtMs)).toMatchObject(code("STOCK_SHORT"));
  const all = { gtin: coffee, channel: "shop", nowMs: startAtMs };
  expect(await ledger.availability(all)).toMatchObject([{ storeId, available: 5 }]);
});

test("what a till sold cannot be promised, though its shelf has not told yet", async () => {
  const ledger = await openLedger();
  await ledger.setPlan(plan);
  const edge = new FakeEdge();
  const shelf = place("s0042/floor/gondola-1/c1");
  edge.append(moved("receiving", coffee, { to: shelf, quantity: 2 }));
  edge.append(moved("retail_selling", coffee));
  await ledger.post([edge.batch(1)], startAtMs);
  expect(await balancesOf(ledger, coffee)).toMatchObject({ "@basket sellable": -1 });
  const rest = { onHand: 2, soldUnseen: 1, available: 1 };
  expect(await available(ledger)).toMatchObject(rest);
  const levels = await ledger.stockLevels({ storeId, countMax: 9, nowMs: startAtMs });
  expect(levels).toMatchObject([{ available: 1 }]);
  expect(await ledger.decideClaim(reserve(), startAtMs)).toMatchObject({ ok: true });
  expect(await ledger.decideClaim(reserve(), startAtMs)).toMatchObject(code("STOCK_SHORT"));
  // The shelf tells: the book is right, and so is what can be promised.
  edge.append(moved("customer_pick", coffee, { from: shelf }));
  await ledger.post([edge.batch(3)], startAtMs);
  expect(await available(ledger)).toMatchObject({ onHand: 1, soldUnseen: 0, available: 0 });
  await clean(ledger);
});

test("claims are listed by state and page; what is withheld, with who said so", async () => {
  const ledger = await openLedger();
  await stock(ledger, { [coffee]: 9 });
  const ids: string[] = [];
  for (const [index, by] of ["bob", "bob", "eve"].entries()) {
    const expiresAtMs = startAtMs + 60_000 * (index + 1);
    ids.push(idOf(await ledger.decideClaim(reserve({ by, expiresAtMs }), startAtMs + index)));
  }
  await ledger.decideClaim({ step: "pick", claimId: ids[0]!, by: "max" }, startAtMs + 9);
  const asked = { storeId, nowMs: startAtMs + 120_000, countMax: 9 };
  const idsOf = (claims: Claim[]) => claims.map((claim) => claim.claimId);
  const open = await ledger.claims({ ...asked, states: openClaimStates });
  expect(idsOf(open)).toEqual([ids[2], ids[0]]);
  expect(open).toMatchObject([{ changedBy: "eve" }, { changedBy: "max" }]);
  const expired = await ledger.claims({ ...asked, states: ["expired"] });
  expect(expired).toMatchObject([{ claimId: ids[1], state: "expired" }]);
  const before = [startAtMs + 2, ids[2]!] as const;
  const page = await ledger.claims({ ...asked, states: claimStates, before, countMax: 1 });
  expect(idsOf(page)).toEqual([ids[1]]);
  const about = { storeId, gtin: coffee, channel: "web" };
  await ledger.setWithheld({ ...about, quantity: 1 }, byAda);
  await ledger.setWithheld({ ...about, quantity: 2 }, { by: "max", nowMs: startAtMs + 1 });
  expect(await ledger.withheld({ storeId, countMax: 9 })).toEqual([
    { ...about, quantity: 2, changedAtMs: startAtMs + 1, changedBy: "max" },
  ]);
  expect(await ledger.withheld({ storeId, after: [coffee, "web"], countMax: 9 })).toEqual([]);
});

test("a key gives its first answer, after a start too; another body is a conflict", async () => {
  const path = ledgerPath();
  const before = await openLedger({ path });
  await stock(before, { [coffee]: 1 });
  const request = reserve();
  const again = { ...request, claimId: claimId() };
  const [first, same] = await Promise.all([
    before.decideClaim(request, startAtMs),
    before.decideClaim(again, startAtMs),
  ]);
  expect(same).toEqual(first);
  const refused = await before.decideClaim(reserve({ key: "none-left" }), startAtMs);
  await before.close();
  const ledger = await openLedger({ path });
  expect(await ledger.decideClaim(again, startAtMs + 5)).toEqual(first);
  await ledger.decideClaim({ step: "release", claimId: idOf(first), by: "bob" }, startAtMs);
  expect(await ledger.decideClaim(reserve({ key: "none-left" }), startAtMs)).toEqual(refused);
  const other = reserve({ key: request.key, digest: "b" });
  expect(await ledger.decideClaim(other, startAtMs)).toMatchObject(code("KEY_REUSED"));
  for (const expiresAtMs of [startAtMs, startAtMs + claimExpiryMsMax + 1]) {
    const outcome = await ledger.decideClaim(reserve({ expiresAtMs }), startAtMs);
    expect(outcome).toMatchObject({ ...code("CLAIM_EXPIRY"), field: "expiresAtMs" });
  }
});

test("units that left the floor meanwhile cannot be picked, and the claim stays as it is", async () => {
  const ledger = await openLedger();
  await stock(ledger, { [coffee]: 2 });
  const id = idOf(
    await ledger.decideClaim(reserve({ lines: [{ gtin: coffee, quantity: 2 }] }), startAtMs),
  );
  const thief = reserve();
  expect(await ledger.decideClaim(thief, startAtMs)).toMatchObject(code("STOCK_SHORT"));
  const sale = moved("retail_selling", coffee, { from: place("s0042/floor") });
  await ledger.post([new FakeEdge("0b0b0b0b-1").append(sale).batch(1)], startAtMs);
  expect(await ledger.decideClaim({ step: "pick", claimId: id, by: "b" }, startAtMs)).toMatchObject(
    {
      ...code("STOCK_SHORT"),
      message: expect.stringContaining(`1 of ${coffee} are not on sale`),
    },
  );
  expect(await ledger.claim(id, startAtMs)).toMatchObject({ state: "reserved" });
});

test("after a crash what was answered is there, and what was not can be asked again", async () => {
  const path = ledgerPath();
  const before = await openLedger({ path });
  await stock(before, { [coffee]: 100 });
  const requests = Array.from({ length: 100 }, () => reserve());
  const answered = new Map<string, ClaimOutcome>();
  const asked = requests.map(async (request, index) => {
    for (let turn = 0; turn < index % 7; turn += 1) await available(before);
    const outcome = await before.decideClaim(request, startAtMs);
    answered.set(request.key, outcome);
    if (answered.size === 30) await before.abandon();
  });
  await Promise.allSettled(asked);
  expect(answered.size).toBeGreaterThanOrEqual(30);
  const ledger = await openLedger({ path });
  for (const [key, outcome] of answered) {
    const request = requests.find((each) => each.key === key)!;
    expect(await ledger.decideClaim({ ...request, claimId: claimId() }, startAtMs)).toEqual(
      outcome,
    );
  }
  const again = requests.map((each) => ledger.decideClaim(each, startAtMs));
  expect(won(await Promise.all(again))).toBe(100);
  expect(await available(ledger)).toMatchObject({ reserved: 100, available: 0 });
  await clean(ledger);
});

test("a claim that another tool changed does not verify", async () => {
  const path = ledgerPath();
  const ledger = await openLedger({ path });
  await stock(ledger, { [coffee]: 2 });
  const id = idOf(await ledger.decideClaim(reserve(), startAtMs));
  await ledger.decideClaim({ step: "pick", claimId: id, by: "bob" }, startAtMs);
  await clean(ledger);
  await onDatabase(path, "UPDATE claims SET state = 'handed_over'");
  expect((await ledger.verify()).problems).toMatchObject([
    { check: "claims", message: "its lines exceed its entries of claim_hand_over by 1" },
  ]);
});

const action = fc.record({
  step: fc.constantFrom("reserve", "reserve", "pick", "hand_over", "release", "move"),
  which: fc.nat(9),
  quantity: fc.integer({ min: 1, max: 3 }),
  storeId: fc.constantFrom("s0042", "s2"),
  forMs: fc.integer({ min: 1000, max: 5000 }),
  waitMs: fc.nat(1500),
});

test("random histories: never oversold, never less than nothing reserved, all that is over is free", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(action, { minLength: 1, maxLength: 5 }), { maxLength: 8 }),
      async (rounds) => {
        const ledger = await openLedger();
        const stores = ["s0042", "s2"];
        for (const each of stores) await stock(ledger, { [coffee]: 4 }, each);
        const ids: string[] = [];
        let nowMs = startAtMs;
        for (const round of rounds) {
          nowMs += round[0]!.waitMs;
          const outcomes = await Promise.all(
            round.map(({ step, which, quantity, storeId: to, forMs }) => {
              const lines = [{ gtin: coffee, quantity }];
              const request =
                step === "reserve"
                  ? reserve({ storeId: to, lines, expiresAtMs: nowMs + forMs })
                  : ({ step, claimId: ids[which % 10] ?? "", by: "b", storeId: to } as StepRequest);
              return ledger.decideClaim(request, nowMs);
            }),
          );
          for (const outcome of outcomes) {
            if (outcome.ok && !ids.includes(outcome.claim.claimId)) ids.push(outcome.claim.claimId);
          }
          const claims = await Promise.all(ids.map((id) => ledger.claim(id, nowMs)));
          for (const each of stores) {
            const { onHand, reserved } = await available(ledger, nowMs, each);
            const unitsIn = (...states: string[]) =>
              claims
                .filter((claim) => claim?.storeId === each && states.includes(claim.state))
                .reduce((sum, claim) => sum + claim!.lines[0]!.quantity, 0);
            expect(reserved).toBe(unitsIn("reserved"));
            expect(onHand).toBe(4 - unitsIn("picked", "handed_over"));
            expect(reserved).toBeLessThanOrEqual(onHand);
          }
        }
        await clean(ledger);
        expect((await available(ledger, nowMs + 5000)).reserved).toBe(0);
        await ledger.close();
      },
    ),
    { numRuns: runCountOf(40) },
  );
});

test("it is found of which items something else is promised since a time: claimed, ran out, withheld", async () => {
  const ledger = await openLedger();
  await stock(ledger, { [coffee]: 5, [tea]: 1 });
  const changed = (sinceMs: number, nowMs: number) => ledger.promisesChanged({ sinceMs, nowMs });
  expect(await changed(0, startAtMs)).toEqual([]);
  const outcome = await ledger.decideClaim(reserve(), startAtMs);
  const expiresAtMs = outcome.ok ? outcome.claim.expiresAtMs : 0;
  const ofCoffee = [{ storeId, gtin: coffee }];
  expect(await changed(startAtMs, startAtMs)).toEqual(ofCoffee);
  expect(await changed(startAtMs + 1, expiresAtMs - 1)).toEqual([]);
  expect(await changed(startAtMs + 1, expiresAtMs)).toEqual(ofCoffee);
  const later = { ...byAda, nowMs: expiresAtMs + 1000 };
  await ledger.setWithheld({ storeId, gtin: anyWord, channel: anyWord, quantity: 1 }, later);
  const any = [{ storeId, gtin: anyWord }];
  expect(await changed(later.nowMs, later.nowMs)).toEqual(any);
});
