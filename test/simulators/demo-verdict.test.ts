// A difference between truth and ledger is forgiven only where movements inside declared gaps make it.

import { describe, expect, test } from "vitest";
import { explain, movementsInside } from "../../simulators/demo/verdict.ts";
import { addTransfer, difference, type Movement } from "../../simulators/world/truth.ts";

const coffee = "09521321002012";
const tea = "09521321002029";
const shelf = { location: "s1/shelf", state: "sellable" } as const;
const basket = { location: "s1/@basket", state: "sellable" } as const;
const customer = { location: "s1/@customer", state: "sellable" } as const;

function movement(atMs: number, gtin: string, from: Movement["from"], to: Movement["to"]) {
  const times = { beganAtMs: atMs, endedAtMs: atMs + 500 };
  return { ...times, kind: "customer_pick", deviceId: "d", gtin, quantity: 1, from, to } as const;
}

function balances(movements: readonly Movement[]): Map<string, number> {
  const result = new Map<string, number>();
  for (const one of movements) addTransfer(result, one, one.quantity);
  return result;
}

const happened = [
  movement(1000, coffee, shelf, basket),
  movement(2000, coffee, shelf, basket),
  movement(3000, coffee, basket, customer),
  movement(4000, tea, shelf, basket),
  movement(5000, coffee, basket, shelf),
];
const truth = balances(happened);

describe("explain", () => {
  test("no difference needs no movement", () => {
    expect(explain(difference(truth, truth), happened)).toEqual([]);
  });

  test("one missed movement is found", () => {
    const ledger = balances(happened.filter((one) => one !== happened[3]));
    expect(explain(difference(truth, ledger), happened)).toEqual([happened[3]]);
  });

  test("several missed movements of several products are found", () => {
    const missed = [happened[0]!, happened[2]!, happened[3]!];
    const ledger = balances(happened.filter((one) => !missed.includes(one)));
    const explained = explain(difference(truth, ledger), happened);
    expect(balances(explained ?? [])).toEqual(balances(missed));
  });

  test("a movement outside the candidates explains nothing", () => {
    const ledger = balances(happened.filter((one) => one !== happened[3]));
    expect(explain(difference(truth, ledger), happened.slice(0, 3))).toBeUndefined();
  });

  test("a unit counted twice, and one more than happened, are not explained", () => {
    const twice = balances([...happened, happened[3]!]);
    expect(explain(difference(truth, twice), happened)).toBeUndefined();
    const tooFew = balances(happened.filter((one) => one.gtin !== tea));
    addTransfer(tooFew, happened[3]!, -1);
    expect(explain(difference(truth, tooFew), happened)).toBeUndefined();
  });
});

describe("movementsInside", () => {
  const gap = (fromAtMs: number, toAtMs: number) => ({ fromAtMs, toAtMs, deviceIds: ["d"] });

  test("takes what overlaps a gap, or was on its way to the edge when it began", () => {
    expect(movementsInside(happened, [gap(2000, 2000)])).toEqual(happened.slice(0, 2));
    expect(movementsInside(happened, [gap(2001, 2001)])).toEqual([happened[1]]);
    expect(movementsInside(happened, [gap(6001, 9000)])).toEqual([]);
    expect(movementsInside(happened, [{ ...gap(0, 9000), deviceIds: ["other"] }])).toEqual([]);
    expect(movementsInside(happened, [gap(0, 1000), gap(6000, 9000)])).toEqual([
      happened[0],
      happened[4],
    ]);
  });
});
