import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  atMsSchema,
  confidenceSchema,
  epcHexSchema,
  gtinSchema,
  idSchema,
  isWithin,
  locationSchema,
  randomIdSchema,
  reservedIds,
  sequenceSchema,
  storeOf,
} from "../../contract/units.ts";
import { anyGtin, checkDigit } from "./arbitraries.ts";

const accepts = (schema: { safeParse(value: unknown): { success: boolean } }, value: unknown) =>
  schema.safeParse(value).success;

describe("ids", () => {
  test.each(["s0042", "a", "0", "berlin-mitte", "a".repeat(32), "a-"])("takes %s", (id) => {
    expect(accepts(idSchema, id)).toBe(true);
  });

  test.each([
    "",
    "-a",
    "S1",
    "a_b",
    "a/b",
    "a b",
    "é",
    "a".repeat(33),
    "s0042\n",
    42,
    ...reservedIds,
  ])("refuses %j", (id) => {
    expect(accepts(idSchema, id)).toBe(false);
  });
});

describe("GTINs", () => {
  // From the GS1 General Specifications and GS1's own examples.
  test.each(["09506000134352", "00614141999996", "09521321001015"])("takes %s", (gtin) => {
    expect(accepts(gtinSchema, gtin)).toBe(true);
  });

  test("takes every number with its computed check digit and none of the nine others", () => {
    fc.assert(
      fc.property(anyGtin, (gtin) => {
        for (let digit = 0; digit < 10; digit += 1) {
          const candidate = gtin.slice(0, 13) + digit;
          expect(accepts(gtinSchema, candidate)).toBe(candidate === gtin);
        }
      }),
    );
  });

  test("no single wrong digit stays unseen", () => {
    const digit = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(anyGtin, fc.nat({ max: 13 }), digit, (gtin, place, by) => {
        const wrong = String((Number(gtin[place]) + by) % 10);
        expect(accepts(gtinSchema, gtin.slice(0, place) + wrong + gtin.slice(place + 1))).toBe(
          false,
        );
      }),
    );
  });

  test.each(["9506000134352", "095060001343520", "0950600013435x", "", 9506000134352])(
    "refuses %j",
    (gtin) => {
      expect(accepts(gtinSchema, gtin)).toBe(false);
    },
  );

  test("the tests' own check digit agrees with a published one", () => {
    expect(checkDigit("0950600013435")).toBe("2");
  });
});

describe("locations", () => {
  test.each(["s0042", "s0042/floor", "s0042/@basket", "s0042/floor/gondola-3/b2", "s/@transit/x"])(
    "takes %s",
    (location) => {
      expect(accepts(locationSchema, location)).toBe(true);
    },
  );

  test.each([
    "",
    "/floor",
    "s0042/",
    "s0042//b",
    "@basket",
    "s0042/@",
    "S/floor",
    "s/a b",
    "s/../t",
  ])("refuses %j", (location) => {
    expect(accepts(locationSchema, location)).toBe(false);
  });

  test("belong to the store they begin with", () => {
    expect(storeOf("s0042/floor/b2")).toBe("s0042");
    expect(storeOf("s0042")).toBe("s0042");
  });

  test("lie within their ancestors and themselves, not within a namesake", () => {
    expect(isWithin("s0042/floor/b2", "s0042/floor")).toBe(true);
    expect(isWithin("s0042/floor", "s0042/floor")).toBe(true);
    expect(isWithin("s0042/floor-2", "s0042/floor")).toBe(false);
    expect(isWithin("s0042", "s0042/floor")).toBe(false);
  });
});

test.each([
  ["an EPC of 96 bits", epcHexSchema, "3034257BF7194E4000001A85", true],
  ["an EPC of half a word", epcHexSchema, "3034257BF7194E4000001A8", false],
  ["an EPC in lower case", epcHexSchema, "3034257bf7194e4000001a85", false],
  ["an empty EPC", epcHexSchema, "", false],
  ["the longest EPC of 31 words", epcHexSchema, "0000".repeat(31), true],
  ["an EPC of 32 words", epcHexSchema, "0000".repeat(32), false],
  ["the clock of a dead battery", atMsSchema, 0, true],
  ["a time before 1970", atMsSchema, -1, false],
  ["a time with a fraction", atMsSchema, 1.5, false],
  ["a time in microseconds", atMsSchema, 1_763_888_000_123_000, false],
  ["the first sequence", sequenceSchema, 1, true],
  ["sequence 0", sequenceSchema, 0, false],
  ["a sequence past 2^53", sequenceSchema, 2 ** 53, false],
  ["certainty", confidenceSchema, 1, true],
  ["more than certainty", confidenceSchema, 1.01, false],
  ["NaN", confidenceSchema, Number.NaN, false],
  ["a UUID", randomIdSchema, "6b1f0f0e-3f6c-4d0f-9c4b-2f1f5d1c9a11", true],
  ["a short id", randomIdSchema, "abcdef", false],
])("%s", (_what, schema, value, isTaken) => {
  expect(accepts(schema, value)).toBe(isTaken);
});
