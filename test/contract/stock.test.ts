import { expect, test } from "vitest";
import { alertSchema, entrySchema, stockLevelSchema } from "../../contract/stock.ts";

const hash = "0123456789abcdef".repeat(4);
const level = {
  storeId: "s0042",
  gtin: "09506000134352",
  revision: 17,
  atMs: 1_763_888_000_000,
  available: 0,
  reserved: 0,
  onHand: -1,
  inBasket: 2,
  sellable: -1,
  balances: [
    { location: "s0042/floor", state: "sellable", quantity: -1 },
    { location: "s0042/@basket", state: "sellable", quantity: 2 },
  ],
};
const entry = {
  storeId: "s0042",
  entryNumber: 17,
  item: "09506000134352",
  serial: "ABC",
  quantity: 1,
  from: { location: "s0042/floor", state: "sellable" },
  to: { location: "s0042/@basket", state: "sellable" },
  reason: "customer_pick",
  occurredAtMs: 1_763_888_000_000,
  recordedAtMs: 1_763_888_000_100,
  edgeId: "edge-1",
  outboxId: "6b1f0f0e-3f6c",
  sequence: 1201,
  deviceId: "shelf-3",
  previousHash: hash,
  hash,
};
const alert = {
  storeId: "s0042",
  code: "OUTBOX_DIVERGED",
  severity: "alarm",
  atMs: 1_763_888_000_000,
  message: "the outbox of edge-1 is frozen",
  detail: { edgeId: "edge-1" },
};

test.each([
  ["a level, below zero where facts say so", stockLevelSchema, level],
  ["a level before the first entry", stockLevelSchema, { ...level, revision: 0, balances: [] }],
  ["an entry", entrySchema, entry],
  ["an entry of a tag that is not GS1", entrySchema, { ...entry, item: "epc/E2801160" }],
  ["an alert", alertSchema, alert],
])("%s is taken, and refused with an unknown key", (_what, schema, value) => {
  expect(schema.parse(value)).toEqual(value);
  expect(schema.safeParse({ ...value, extra: 1 }).success).toBe(false);
});

test.each([
  ["an entry that moves nothing", entrySchema, { ...entry, quantity: 0 }],
  ["an entry that moves backward", entrySchema, { ...entry, quantity: -1 }],
  ["an entry without its hash", entrySchema, { ...entry, hash: "" }],
  ["entry number 0", entrySchema, { ...entry, entryNumber: 0 }],
  ["an item that is neither GTIN nor tag", entrySchema, { ...entry, item: "coffee" }],
  ["half a unit in stock", stockLevelSchema, { ...level, sellable: 0.5 }],
  ["a negative revision", stockLevelSchema, { ...level, revision: -1 }],
  ["an unknown severity", alertSchema, { ...alert, severity: "bad" }],
])("refuses %s", (_what, schema, value) => {
  expect(schema.safeParse(value).success).toBe(false);
});
