// What of a transfer was written off and comes all the same: nothing is lost twice, and nothing stays below zero.

import fc from "fast-check";
import { expect, test } from "vitest";
import { Places } from "../../../../cloud-bridge/epcis/places.ts";
import { writeOffReason } from "../../../../cloud-bridge/ledger/receiving/write-off.ts";
import type { SqlLedger } from "../../../../cloud-bridge/ledger/sql-ledger.ts";
import { openLedger, postOne, runCountOf } from "../edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs, tea } from "../fake-edge.ts";

const [to, from] = ["s0042", "s0043"];
const nowMs = startAtMs + 120_000;

const passed = (step: "arriving" | "departing", id: string, item: string, quantity: number) =>
  moved(step, item, {
    ...{ quantity, reference: { type: "transfer", id } },
    ...(step === "arriving"
      ? { to: place(`${to}/stockroom`) }
      : { from: place(`${from}/stockroom`) }),
  });

/** Two stores with a scanner each. */
class TwoStores {
  readonly ledger: SqlLedger;
  readonly #edges = {
    arriving: new FakeEdge("0a0a0a0a-1111", "edge-1", to),
    departing: new FakeEdge("0b0b0b0b-1111", "edge-1", from),
  };

  constructor(ledger: SqlLedger) {
    this.ledger = ledger;
  }

  async announce(consignmentId: string) {
    await this.ledger.receiving.open({
      ...{ consignmentId, kind: "transfer", storeId: to, from, lines: [], state: "open" },
      ...{ openedAtMs: startAtMs, openedBy: "ada" },
    });
  }

  /** Posts a movement, and its batch once more where it is to be repeated. */
  async pass(step: "arriving" | "departing", move: [string, string, number], isRepeated = false) {
    const edge = this.#edges[step];
    const first = edge.lastSequence + 1;
    const batch = edge.append(passed(step, ...move)).batch(first);
    const posted = await postOne(this.ledger, batch);
    if (isRepeated) expect((await postOne(this.ledger, batch)).entries).toEqual([]);
    return posted;
  }

  writeOff(id: string, writeOff = true) {
    const end = { kind: "transfer", state: "closed", by: "ada", writeOff } as const;
    return this.ledger.receiving.end(to, id, end, nowMs);
  }

  async writtenOff(id: string) {
    return (await this.ledger.receiving.consignment(to, id))?.writtenOff;
  }

  /** What stands on the way under a name, in both stores' accounts together, and what is lost; by item. */
  async standing(id: string) {
    const [onWay, lost]: [Record<string, number>, Record<string, number>] = [{}, {}];
    for (const storeId of [to, from]) {
      const query = { storeId, afterEntryNumber: 0, countMax: 9_999 };
      for (const { item, quantity, ...entry } of await this.ledger.entries(query)) {
        const isOurs = [entry.from, entry.to].some((at) => at.location.endsWith(`/${id}`));
        if (!isOurs) continue;
        for (const [{ location }, sign] of [
          [entry.from, -1],
          [entry.to, 1],
        ] as const) {
          const sums = location.includes("/@transit/") ? onWay : lost;
          if (!location.includes("/@")) continue;
          sums[item] = (sums[item] ?? 0) + sign * quantity;
        }
      }
    }
    return { onWay, lost };
  }
}

test("a late unit takes its write-off back, is told as found, and its event is declared wrong", async () => {
  const stores = new TwoStores(await openLedger());
  await stores.announce("t-1");
  await stores.pass("departing", ["t-1", coffee, 5]);
  await stores.pass("arriving", ["t-1", coffee, 2]);
  expect(await stores.writeOff("t-1")).toMatchObject({
    ...{ ok: true, alerts: [{ code: "transfer_discrepancy" }] },
    entries: [{ storeId: from, quantity: 3, reason: writeOffReason, by: "ada" }],
  });
  expect(await stores.writeOff("t-1")).toMatchObject({ ok: true, alerts: [], entries: [] });
  const late = await stores.pass("arriving", ["t-1", coffee, 1], true);
  expect(late.alerts).toMatchObject([
    { storeId: from, code: "item_found", detail: { item: coffee, quantity: 1, key: "t-1" } },
  ]);
  expect(late.changedItems).toContainEqual({ storeId: from, gtin: coffee });
  const own = late.entries.filter(({ storeId }) => storeId === from);
  expect(own).toMatchObject([{ quantity: 3 }, { quantity: 2 }]);
  expect(await stores.standing("t-1")).toEqual({ onWay: { [coffee]: 0 }, lost: { [coffee]: 2 } });
  const places = new Places({});
  const { events } = await stores.ledger.epcis.events({ filter: {}, places, countMax: 99 });
  const lossOf = (quantity: number) =>
    events.find(({ disposition, quantityList }) => {
      const [line] = (quantityList ?? []) as { quantity: number }[];
      return disposition?.endsWith("unknown") && line?.quantity === quantity;
    });
  const declared = events.filter(({ errorDeclaration }) => errorDeclaration !== undefined);
  expect(declared).toMatchObject([
    {
      eventID: lossOf(3)?.eventID,
      errorDeclaration: { correctiveEventIDs: [lossOf(2)?.eventID] },
    },
  ]);
  await stores.pass("arriving", ["t-1", coffee, 2]);
  expect(await stores.writtenOff("t-1")).toEqual([]);
  expect(await stores.standing("t-1")).toEqual({ onWay: { [coffee]: 0 }, lost: { [coffee]: 0 } });
  expect((await stores.ledger.verify()).problems).toEqual([]);
});

test("a transfer that was closed without a write-off can still be written off", async () => {
  const stores = new TwoStores(await openLedger());
  await stores.announce("t-1");
  await stores.pass("departing", ["t-1", coffee, 2]);
  expect(await stores.writeOff("t-1", false)).toMatchObject({ entries: [] });
  expect(await stores.standing("t-1")).toEqual({ onWay: { [coffee]: 2 }, lost: {} });
  expect(await stores.writeOff("t-1")).toMatchObject({ alerts: [], entries: [{ quantity: 2 }] });
  expect(await stores.standing("t-1")).toEqual({ onWay: { [coffee]: 0 }, lost: { [coffee]: 2 } });
});

test("whatever is sent, comes and is written off in whichever order: lost is what is missing", async () => {
  const stores = new TwoStores(await openLedger());
  const item = fc.constantFrom(coffee, tea);
  const unit = fc.record({ item, comes: fc.boolean(), isRepeated: fc.boolean() });
  let runCount = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(unit, { minLength: 1, maxLength: 5 }),
      fc.infiniteStream(fc.nat()),
      async (units, chance) => {
        runCount += 1;
        const id = `r-${runCount}`;
        await stores.announce(id);
        const steps = units.flatMap(({ item: what, comes, isRepeated }) => [
          () => stores.pass("departing", [id, what, 1], isRepeated),
          ...(comes ? [() => stores.pass("arriving", [id, what, 1], isRepeated)] : []),
        ]);
        const order = [...steps, () => stores.writeOff(id)]
          .map((step) => ({ step, rank: chance.next().value as number }))
          .sort((a, b) => a.rank - b.rank);
        for (const { step } of order) await step();
        const lost = [...new Set(units.map((each) => each.item))].sort().flatMap((what) => {
          const quantity = units.filter((each) => each.item === what && !each.comes).length;
          return quantity === 0 ? [] : [{ item: what, quantity }];
        });
        expect(await stores.writtenOff(id)).toEqual(lost);
        const standing = await stores.standing(id);
        expect(Object.values(standing.onWay).filter((quantity) => quantity !== 0)).toEqual([]);
        const stand = Object.entries(standing.lost).filter(([, quantity]) => quantity !== 0);
        expect(new Map(stand)).toEqual(
          new Map(lost.map(({ item: what, quantity }) => [what, quantity])),
        );
      },
    ),
    { numRuns: runCountOf(60) },
  );
  expect((await stores.ledger.verify()).problems).toEqual([]);
});
