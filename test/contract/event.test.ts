import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  conclusionSchema,
  eventDraftSchema,
  gapSchema,
  itemSchema,
  noticeCodes,
  stockEventSchema,
} from "../../contract/event.ts";
import { anyMoved } from "./arbitraries.ts";

const common = { occurredAtMs: 1_763_888_000_123, deviceId: "shelf-3", confidence: 0.97 };
const stamp = { bootId: "6b1f0f0e-3f6c", uptimeMs: 81_000, clockSynced: true };
const place = { location: "s0042/floor/gondola-3", state: "sellable" };

const moved = {
  type: "moved",
  ...common,
  step: "customer_pick",
  item: { gtin: "09506000134352" },
  quantity: 1,
  from: place,
  to: { location: "s0042/@basket", state: "sellable" },
  readPoint: "s0042/floor/gondola-3",
  reference: { type: "order", id: "A-1" },
  evidence: { decidedAtMs: 1_763_888_000_400, reads: [1, 2] },
};
const counted = {
  type: "counted",
  ...common,
  location: "s0042/floor",
  state: "sellable",
  complete: true,
  lines: [{ gtin: "09506000134352", quantity: 12, observedAtMs: 1_763_888_000_000 }],
  serials: [{ key: "01/09506000134352/21/ABC", observedAtMs: 1_763_888_000_000 }],
};
const noticed = {
  type: "noticed",
  ...common,
  code: "exit_unpaid",
  severity: "warning",
  detail: { epc: "3034257BF7194E4000001A85", reads: 3 },
};

describe.each([moved, counted, noticed])("a $type event", (conclusion) => {
  const draft = { ...conclusion, ...stamp };
  const stored = { ...draft, sequence: 1201 };

  test("is a conclusion, then a draft with the clock's stamp, then stored with its sequence", () => {
    expect(conclusionSchema.parse(conclusion)).toEqual(conclusion);
    expect(eventDraftSchema.parse(draft)).toEqual(draft);
    expect(stockEventSchema.parse(stored)).toEqual(stored);
  });

  test("is not taken for one of the other two stages", () => {
    expect(conclusionSchema.safeParse(draft).success).toBe(false);
    expect(eventDraftSchema.safeParse(conclusion).success).toBe(false);
    expect(eventDraftSchema.safeParse(stored).success).toBe(false);
    expect(stockEventSchema.safeParse(draft).success).toBe(false);
  });

  test("has no unknown keys", () => {
    expect(stockEventSchema.safeParse({ ...stored, extra: 1 }).success).toBe(false);
  });
});

test("any generated move is a draft, before and after JSON", () => {
  fc.assert(
    fc.property(anyMoved, (draft) => {
      const sent = JSON.parse(JSON.stringify(draft));
      expect(eventDraftSchema.parse(sent)).toEqual(sent);
    }),
  );
});

test.each([
  ["a quantity of 0", { ...moved, quantity: 0 }],
  ["half a unit", { ...moved, quantity: 0.5 }],
  ["an unknown step", { ...moved, step: "borrowing" }],
  ["an item that is nothing", { ...moved, item: {} }],
  ["a place without its state", { ...moved, from: { location: "s0042/floor" } }],
  ["a negative count", { ...counted, lines: [{ ...counted.lines[0], quantity: -1 }] }],
  ["1001 lines", { ...counted, lines: new Array(1001).fill(counted.lines[0]) }],
  ["a code in capitals", { ...noticed, code: "EXIT" }],
  ["an unknown severity", { ...noticed, severity: "bad" }],
  ["more than certainty", { ...moved, confidence: 2 }],
  ["evidence that JSON cannot hold", { ...moved, evidence: { at: 1n } }],
])("refuses %s", (_what, conclusion) => {
  expect(conclusionSchema.safeParse(conclusion).success).toBe(false);
});

test.each([
  ["a GTIN", { gtin: "09506000134352" }, true],
  ["an EPC that is not GS1", { epc: "E2801160" }, true],
  ["a unit", { gtin: "09506000134352", serial: "A!b%-9", lot: "L1", expiry: "2027-02-28" }, true],
  ["a serial alone", { serial: "A1" }, false],
  ["a serial with a space", { gtin: "09506000134352", serial: "A 1" }, false],
  ["a serial of 21 characters", { gtin: "09506000134352", serial: "A".repeat(21) }, false],
  ["a day that is none", { gtin: "09506000134352", expiry: "2027-02-29" }, false],
])("item: %s", (_what, item, isTaken) => {
  expect(itemSchema.safeParse(item).success).toBe(isTaken);
});

// GS1 General Specifications, figure 7.11-1: the 82 characters of serials and lots, and no other.
test("serials are written in GS1 character set 82", () => {
  const set82 =
    "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
  expect(set82.length).toBe(82);
  for (let code = 0; code < 0x180; code += 1) {
    const serial = String.fromCharCode(code);
    const isTaken = itemSchema.safeParse({ gtin: "09506000134352", serial }).success;
    expect([serial, isTaken]).toEqual([serial, set82.includes(serial)]);
  }
});

describe("gaps", () => {
  const gap = {
    type: "gap",
    firstSequence: 101,
    lastSequence: 400,
    reason: "overflow",
    digest: "ab".repeat(32),
  };

  test.each([
    ["a range", gap, true],
    ["a single sequence", { ...gap, lastSequence: 101 }, true],
    ["with times", { ...gap, firstAtMs: 1, lastAtMs: 2 }, true],
    ["that ends before it begins", { ...gap, lastSequence: 100 }, false],
    ["without a digest", { ...gap, digest: undefined }, false],
    ["for no known reason", { ...gap, reason: "lost" }, false],
    ["from sequence 0", { ...gap, firstSequence: 0 }, false],
  ])("%s", (_what, value, isTaken) => {
    expect(gapSchema.safeParse(value).success).toBe(isTaken);
  });
});

test("the codes that delivery itself uses are codes of notices", () => {
  for (const code of Object.values(noticeCodes)) {
    expect(conclusionSchema.safeParse({ ...noticed, code }).success).toBe(true);
  }
});
