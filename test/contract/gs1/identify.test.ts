import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { itemSchema } from "../../../contract/event.ts";
import { identify } from "../../../contract/gs1/identify.ts";
import { restrictedRulesOf } from "../../../contract/gs1/restricted-rule.ts";
import type { ScanReading, TagReading } from "../../../contract/reading.ts";
import type { EpcHex } from "../../../contract/units.ts";

const receivedAtMs = Date.UTC(2026, 10, 26);
const tag = (epc: string): TagReading => ({
  kind: "tag",
  deviceId: "portal-1",
  antenna: 1,
  epc: epc as EpcHex,
  rssiDbm: -50,
  receivedAtMs,
});
const scan = (data: string, symbology?: string): ScanReading => ({
  kind: "scan",
  deviceId: "till-1",
  data,
  ...(symbology === undefined ? {} : { symbology }),
  receivedAtMs,
});

describe("one way for all readings", () => {
  test.each([
    ["a tag", tag("3034257BF7194E4000001A85"), { gtin: "80614141123458", serial: "6789" }],
    ["a barcode", scan("4006381333931", "]E0"), { gtin: "04006381333931" }],
    [
      "a DataMatrix",
      scan("010950600013435217270200\u001d10L7\u001d21S1", "]d2"),
      { gtin: "09506000134352", lot: "L7", serial: "S1", expiry: "2027-02-28" },
    ],
    [
      "a link in a QR code",
      scan("https://example.com/01/09506000134352/21/S1", "]Q1"),
      { gtin: "09506000134352", serial: "S1" },
    ],
  ])("%s", (_name, reading, item) => {
    expect(identify(reading)).toMatchObject({ ok: true, item });
  });

  test.each([
    ["an unprogrammed tag", tag("000000000000000000000000"), "unprogrammed"],
    ["a chip's own number", tag("E2003412DC03011822AABBCC"), "tid_as_epc"],
    ["a tag of no scheme", tag("ABCD0000000000000000AAAA"), "header_reserved"],
    ["an in-store code", scan("A-1234", "]A0"), "not_gs1"],
    ["a text", scan("hello"), "not_gs1"],
    ["a torn label", scan("40063813339", "]E0"), "malformed"],
    ["eight digits", scan("12345670"), "ambiguous"],
    ["a pallet", scan("00106141412345678908", "]C1"), "other_key"],
    ["a store's number without a rule", scan("2811111068708", "]E0"), "restricted"],
  ])("%s is refused as %s", (_name, reading, code) => {
    expect(identify(reading)).toMatchObject({ ok: false, code, reason: expect.any(String) });
  });

  test("a store's own label by its rules", () => {
    const restrictedRules = restrictedRulesOf.germany;
    expect(identify(scan("2211114002394", "]E0"), { restrictedRules })).toEqual({
      ok: true,
      item: { gtin: "02211110000004" },
      price: "2.39",
    });
  });

  test("whatever is read: an item that an event can carry, or a reason", () => {
    const epcs = fc.stringMatching(/^([0-9A-F]{4}){1,31}$/).map(tag);
    const scans = fc
      .tuple(
        fc.string({ minLength: 1, unit: "binary" }),
        fc.stringMatching(/^\][A-Za-z][0-9A-Za-z]$/),
      )
      .map(([data, symbology]) => scan(data, symbology));
    fc.assert(
      fc.property(fc.oneof(epcs, scans), (reading) => {
        const identity = identify(reading, { restrictedRules: restrictedRulesOf.sweden });
        if (identity.ok) expect(itemSchema.safeParse(identity.item).success).toBe(true);
        else expect(identity.reason).not.toBe("");
      }),
      { numRuns: 1000 },
    );
  });
});
