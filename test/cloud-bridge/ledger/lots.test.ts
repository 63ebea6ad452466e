// What is left of lots when units left without saying of which lot they were.

import { expect, test } from "vitest";
import { type Lot, lotsLeft } from "../../../cloud-bridge/ledger/lots.ts";

const lots: Lot[] = [
  { gtin: "g", lot: "L1", expiry: "2026-01-10", quantity: 5 },
  { gtin: "g", lot: "L2", expiry: "2026-02-10", quantity: 4 },
  { gtin: "g", lot: "L3", quantity: 3 },
];

test.each([
  ["all that is on hand has a lot", 12, [5, 4, 3]],
  ["more is on hand, of no lot", 20, [5, 4, 3]],
  ["what left is of the lot that expires first", 9, [2, 4, 3]],
  ["then of the next one", 5, [0, 2, 3]],
  ["nothing is on hand", 0, [0, 0, 0]],
  ["less than nothing is", -4, [0, 0, 0]],
])("%s", (_, onHand, expected) => {
  expect(lotsLeft(lots, onHand).map((lot) => lot.expectedQuantity)).toEqual(expected);
});
