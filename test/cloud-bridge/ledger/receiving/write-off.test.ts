import { expect, test } from "vitest";
import { changedLosses, lostLines } from "../../../../cloud-bridge/ledger/receiving/write-off.ts";
import { coffee, tea } from "../fake-edge.ts";

test("lost is what was sent and never came, whatever was announced", () => {
  const line = { item: coffee, expected: 5, received: 2, missing: 3, extra: 0 };
  expect(lostLines([{ ...line, sent: 5 }])).toEqual([{ item: coffee, quantity: 3 }]);
  expect(
    lostLines([
      { ...line, sent: 0 },
      { ...line, sent: 2, missing: 0 },
    ]),
  ).toEqual([]);
  const [one, two] = [
    { item: coffee, quantity: 3 },
    { item: tea, quantity: 1 },
  ];
  expect(changedLosses([one, two], [two])).toEqual([{ item: coffee, before: 3, after: 0 }]);
  expect(changedLosses([two], [one, two])).toEqual([{ item: coffee, before: 0, after: 3 }]);
});
