import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ConsignmentMove,
  type ConsignmentUnit,
  discrepancyAlert,
  reportOf,
} from "../../../../cloud-bridge/ledger/receiving/consignment.ts";
import { coffee, shirt, startAtMs, tea } from "../fake-edge.ts";

const delivery = (...lines: [string, number][]) => ({
  kind: "delivery" as const,
  lines: lines.map(([item, quantity]) => ({ item, quantity })),
});
const transfer = (...lines: [string, number][]) => ({
  ...delivery(...lines),
  kind: "transfer" as const,
});
const came = (item: string, quantity: number): ConsignmentMove => ({
  side: "received",
  item,
  quantity,
});
const left = (item: string, quantity: number): ConsignmentMove => ({
  side: "sent",
  item,
  quantity,
});

describe("a delivery", () => {
  test("missing, extra and what nobody announced", () => {
    const moves = [came(coffee, 3), came(tea, 4), came(shirt, 1), came(coffee, 2)];
    expect(reportOf(delivery([coffee, 6], [tea, 3]), moves)).toEqual(
      [
        { item: coffee, expected: 6, received: 5, missing: 1, extra: 0 },
        { item: tea, expected: 3, received: 4, missing: 0, extra: 1 },
        { item: shirt, expected: 0, received: 1, missing: 0, extra: 1, isUnlisted: true },
      ].sort((a, b) => (a.item < b.item ? -1 : 1)),
    );
  });

  test("without a list is what came", () => {
    expect(reportOf(delivery(), [came(tea, 4)])).toEqual([
      { item: tea, expected: 0, received: 4, missing: 0, extra: 0 },
    ]);
  });
});

describe("a transfer", () => {
  test("is held against what was sent, and against what was announced until anything was", () => {
    const announced = transfer([tea, 5]);
    expect(reportOf(announced, [])).toMatchObject([
      { item: tea, expected: 5, sent: 0, missing: 5 },
    ]);
    expect(reportOf(announced, [left(tea, 4), came(tea, 3)])).toMatchObject([
      { item: tea, expected: 4, sent: 4, received: 3, missing: 1, extra: 0 },
    ]);
  });

  test("that comes before it left is too much until the other store has told", () => {
    expect(reportOf(transfer(), [came(tea, 2)])).toMatchObject([{ extra: 2, missing: 0 }]);
    expect(reportOf(transfer(), [came(tea, 2), left(tea, 2)])).toMatchObject([
      { extra: 0, missing: 0 },
    ]);
  });
});

describe("units with a serial", () => {
  const units = (side: ConsignmentUnit["side"], ...serials: string[]): ConsignmentUnit[] =>
    serials.map((serial) => ({ side, item: coffee, serial, quantity: 1 }));
  const two = delivery([coffee, 2]);

  test("as many came, and others than were to come: which, and an alert though no quantity differs", () => {
    const named = [...units("expected", "S1", "S2"), ...units("received", "S1", "S7")];
    const report = reportOf(two, [came(coffee, 2)], named);
    expect(report).toEqual([
      {
        ...{ item: coffee, expected: 2, received: 2, missing: 0, extra: 0 },
        ...{ missingUnits: ["S2"], unknownUnits: ["S7"] },
      },
    ]);
    const about = {
      consignmentId: "A-1",
      storeId: "s0042",
      from: "Maker",
      state: "closed" as const,
    };
    const asked = { ...about, ...two, openedAtMs: startAtMs, openedBy: "ada" };
    expect(discrepancyAlert(asked, report, startAtMs)).toMatchObject({
      message: "delivery A-1 from Maker: 1 missing, 1 too many",
      detail: { missing: 1, extra: 1, lines: [{ missingUnits: ["S2"], unknownUnits: ["S7"] }] },
    });
  });

  test("a unit without a serial may be one that is missing; where not all have one, none is unknown", () => {
    const expected = units("expected", "S1", "S2");
    const [line] = reportOf(two, [came(coffee, 2)], [...expected, ...units("received", "S1")]);
    expect(line).not.toHaveProperty("missingUnits");
    const more = delivery([coffee, 3]);
    const received = units("received", "S1", "S7");
    const [mixed] = reportOf(more, [came(coffee, 2)], [...expected, ...received]);
    expect(mixed).toMatchObject({ missing: 1, missingUnits: ["S2"] });
    expect(mixed).not.toHaveProperty("unknownUnits");
  });

  test("of a transfer are those that were sent", () => {
    const named = [...units("sent", "S1", "S2"), ...units("received", "S2")];
    const moves = [left(coffee, 2), came(coffee, 1)];
    expect(reportOf(transfer(), moves, named)).toMatchObject([
      { missing: 1, missingUnits: ["S1"] },
    ]);
    const all = [...named, ...units("received", "S1")];
    const [line] = reportOf(transfer(), [left(coffee, 2), came(coffee, 2)], all);
    expect(line).not.toHaveProperty("missingUnits");
  });
});

test("in every order, and cut into any parts, the report is the same, and its sums are right", () => {
  const moves = fc.array(
    fc.record({
      side: fc.constantFrom("sent" as const, "received" as const),
      item: fc.constantFrom(coffee, tea, shirt),
      quantity: fc.integer({ min: 1, max: 9 }),
    }),
  );
  const lines = fc.array(fc.tuple(fc.constantFrom(coffee, tea), fc.integer({ min: 1, max: 9 })));
  fc.assert(
    fc.property(
      moves,
      lines,
      fc.boolean(),
      fc.infiniteStream(fc.nat()),
      (all, listed, isTransfer, order) => {
        const consignment = isTransfer ? transfer(...listed) : delivery(...listed);
        const report = reportOf(consignment, all);
        const single = all.flatMap((one) =>
          Array.from({ length: one.quantity }, () => ({ ...one, quantity: 1 })),
        );
        const keyed = single.map((one) => ({ one, key: order.next().value as number }));
        const shuffled = keyed.sort((a, b) => a.key - b.key).map(({ one }) => one);
        expect(reportOf(consignment, shuffled)).toEqual(report);
        for (const { expected, received, missing, extra } of report) {
          expect(Math.min(missing, extra)).toBe(0);
          if (isTransfer || listed.length > 0) expect(received + missing - extra).toBe(expected);
        }
      },
    ),
  );
});

test("an alert names what differs, and there is none where everything came", () => {
  const about = {
    ...{ consignmentId: "A-1", storeId: "s0042", from: "Maker", state: "closed" as const },
    ...{ openedAtMs: startAtMs, openedBy: "ada" },
  };
  const asked = { ...about, ...delivery([coffee, 2]) };
  expect(discrepancyAlert(asked, reportOf(asked, [came(coffee, 2)]), startAtMs)).toBeUndefined();
  expect(discrepancyAlert(asked, reportOf(asked, [came(coffee, 3)]), startAtMs)).toMatchObject({
    ...{ code: "delivery_discrepancy", severity: "warning" },
    detail: { key: "A-1", missing: 0, extra: 1, lines: [{ item: coffee, extra: 1 }] },
  });
});
