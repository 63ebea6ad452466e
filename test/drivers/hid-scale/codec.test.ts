import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createScaleDecoder,
  encodeScaleReport,
  encodeZeroRequest,
  isZeroRequest,
  type ScaleReport,
  weigh,
} from "../../../drivers/hid-scale/codec.ts";
import { scaleStatuses, scaleUnits } from "../../../drivers/hid-scale/tables.ts";
import { everyFeeding, feed } from "../feeding.ts";
import { hasVectors, vectorsOf } from "../vectors.ts";

// Written by hand from the layout: id, status, unit, power of ten, weight with its low byte first.
const fixtures: [string, number[], ScaleReport, ReturnType<typeof weigh>][] = [
  [
    "10.0 oz",
    [0x03, 0x04, 0x0b, 0xff, 0x64, 0x00],
    { reportId: 3, status: "stable", unit: "ounce", exponent: -1, raw: 100 },
    { ok: true, weightGrams: 283.49523125, status: "ok" },
  ],
  [
    "300 g under zero",
    [0x03, 0x05, 0x02, 0x00, 0x2c, 0x01],
    { reportId: 3, status: "under_zero", unit: "gram", exponent: 0, raw: 300 },
    { ok: true, weightGrams: -300, status: "underload" },
  ],
  [
    "7 hundred kg, over",
    [0x04, 0x06, 0x03, 0x02, 0x07, 0x00],
    { reportId: 4, status: "over_limit", unit: "kilogram", exponent: 2, raw: 7 },
    { ok: true, weightGrams: 700_000, status: "overload" },
  ],
  [
    "tael",
    [0x03, 0x04, 0x05, 0x00, 0x01, 0x00],
    { reportId: 3, status: "stable", unit: "tael", exponent: 0, raw: 1 },
    { ok: false, reason: "a tael is not one weight: set the unit" },
  ],
];

test.each(fixtures)("%s", (_, bytes, report, weighed) => {
  for (const pieces of everyFeeding(Uint8Array.from(bytes))) {
    expect(feed(createScaleDecoder(), pieces)).toEqual({ frames: [report], discardedByteCount: 0 });
  }
  expect(weigh(report)).toEqual(weighed);
  expect([...encodeScaleReport(report)]).toEqual(bytes);
});

test("what is no report is counted with its reason", () => {
  const reasons = (bytes: number[]) => {
    const decoder = createScaleDecoder();
    return [...decoder.push(Uint8Array.from(bytes)), ...decoder.idle()];
  };
  const discarded = (byteCount: number, reason: string) => ({
    kind: "discarded",
    byteCount,
    reason,
  });
  expect(reasons([3, 4, 11])).toEqual([discarded(3, "length")]);
  expect(reasons([9, 4, 11, 0, 0, 0, 0])).toEqual([discarded(7, "report_id")]);
  expect(reasons([3, 9, 11, 0, 0, 0])).toEqual([discarded(6, "status")]);
  expect(reasons([3, 4, 13, 0, 0, 0])).toEqual([discarded(6, "unit")]);
  expect(reasons([3, 4, 2, 0x80, 0, 0])).toEqual([discarded(6, "exponent")]);
  expect(weigh({ reportId: 3, status: "stable", unit: "ton", exponent: 9, raw: 1 })).toMatchObject({
    ok: false,
  });
});

test("any report comes back; random bytes never throw and are accounted for", () => {
  const reports = fc.record({
    reportId: fc.constantFrom(3, 4),
    status: fc.constantFrom(...(Object.keys(scaleStatuses) as (keyof typeof scaleStatuses)[])),
    unit: fc.constantFrom(...(Object.keys(scaleUnits) as (keyof typeof scaleUnits)[])),
    exponent: fc.integer({ min: -9, max: 9 }),
    raw: fc.integer({ min: 0, max: 0xffff }),
  });
  fc.assert(
    fc.property(fc.array(reports), (list) => {
      const bytes = Buffer.concat(list.map((report) => encodeScaleReport(report)));
      expect(feed(createScaleDecoder(), [bytes]).frames).toEqual(list);
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (pieces) => {
      const fed = feed(createScaleDecoder(), pieces);
      const byteCount = pieces.reduce((sum, piece) => sum + piece.length, 0);
      expect(fed.discardedByteCount + 6 * fed.frames.length).toBe(byteCount);
      for (const frame of fed.frames) weigh(frame);
    }),
  );
});

const units: Record<string, string> = { oz: "ounce", lb: "pound", g: "gram", kg: "kilogram" };
const statuses: Record<string, string> = {
  "over weight limit": "over_limit",
  "requires calibration": "needs_calibration",
  "requires re-zeroing": "needs_zeroing",
};

describe.skipIf(!hasVectors)("shared vectors (skipped where ../shared/vectors is absent)", () => {
  const vectors = vectorsOf("scale-usb-hid-8d.json");

  test("all are there", () => expect(vectors).toHaveLength(20));

  test.each(vectors)("$name", ({ hex, valid, direction, expected }) => {
    const bytes = Buffer.from(hex, "hex");
    if (direction === "host->scale") {
      expect(isZeroRequest(bytes)).toBe(expected.zero);
      return expect(Buffer.from(encodeZeroRequest()).toString("hex")).toBe(hex);
    }
    const { frames } = feed(createScaleDecoder(), [bytes]);
    if (!valid) return expect(frames).toEqual([]);
    const { weight, unit, status, ...rest } = expected;
    const name = statuses[status] ?? status.replaceAll(" ", "_");
    expect(frames).toEqual([{ ...rest, unit: units[unit], status: name }]);
    const weighed = weigh(frames[0]!);
    const grams = scaleUnits[frames[0]!.unit].grams ?? Number.NaN;
    if (weighed.ok) expect(Math.abs(weighed.weightGrams)).toBeCloseTo(weight * grams, 9);
    else expect(["fault", "needs_calibration", "needs_zeroing"]).toContain(name);
  });
});
