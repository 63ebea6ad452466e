import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  companyPrefixLengthOf,
  companyPrefixOf,
  issuerOf,
  parseCompanyPrefixTable,
  readableSscc,
} from "../../../contract/gs1/company-prefix.ts";
import { gs1Prefix8Of, gs1PrefixOf } from "../../../contract/gs1/gs1-prefix.ts";
import { companyPrefixTable } from "./company-prefix-table.ts";

// 952 is GS1's range for examples.
const table = companyPrefixTable({ "952": 0, "9521": 7, "95219": 9, "95211": 12 });

describe("company prefixes", () => {
  test("the longest row that fits says how many digits", () => {
    expect(companyPrefixOf(table, "9521234000001")).toBe("9521234");
    expect(companyPrefixOf(table, "9521934000001")).toBe("952193400");
    expect(companyPrefixOf(table, "9522234000001")).toBeUndefined();
    expect(companyPrefixOf(table, "4006381333931")).toBeUndefined();
    expect(companyPrefixOf(table, "95211")).toBeUndefined();
    expect(companyPrefixOf(table, "")).toBeUndefined();
  });

  test.each([
    ["01", "09521234000015", 7],
    ["01", "79521234000014", 7],
    ["00", "195212340000000001", 7],
    ["8003", "09521234000015AB", 7],
    ["8006", "095212340000150102", 7],
    ["414", "9521234000015", 7],
    ["8010", "9521234AB/1", 7],
    ["8004", "952193400Z", 9],
    ["10", "LOT", undefined],
  ] as const)("of (%s)%s has %s digits", (ai, value, digits) => {
    expect(companyPrefixLengthOf(table, [[ai, value]])).toBe(digits);
  });

  test("an SSCC for people, with and without a known company", () => {
    expect(readableSscc("195212340000000001", table)).toBe("1 9521234 000000000 1");
    expect(readableSscc("140063810000000001", table)).toBe("1 4006381000000000 1");
  });

  test("GS1's file is read as JSON and as XML, whose attributes come in any order", () => {
    const json = { GCPPrefixFormatList: { entry: [{ prefix: "9521", gcpLength: 7 }] } };
    const xml = `<?xml version="1.0"?><GCPPrefixFormatList date="2026-01-01">
      <entry gcpLength='7' prefix='9521' /></GCPPrefixFormatList>`;
    for (const text of [JSON.stringify(json), xml]) {
      const parsed = parseCompanyPrefixTable(text);
      expect(parsed.ok && [...parsed.table]).toEqual([["9521", 7]]);
    }
  });

  test.each([
    ["", "neither its JSON nor its XML"],
    ["{}", "GCPPrefixFormatList"],
    ["<html/>", "GCPPrefixFormatList.entry"],
    ['{"GCPPrefixFormatList":{"entry":[{"prefix":"9521","gcpLength":3}]}}', "entry.0.gcpLength"],
    ["<GCPPrefixFormatList><entry prefix='95x' gcpLength='7'/>", "entry.0.prefix"],
  ])("%j is refused with the place", (text, place) => {
    const parsed = parseCompanyPrefixTable(text);
    expect(parsed.ok ? "" : parsed.reason).toContain(place);
  });
});

describe("who gave out a number", () => {
  test.each([
    ["01", "04006381333931", "400", "GS1 Germany"],
    ["01", "00614141007349", "061", "GS1 US"],
    ["01", "00000096385074", "963", "GS1 Global Office - GTIN-8"],
    [
      "01",
      "00000020000005",
      "200",
      "Used to issue Restricted Circulation Numbers within a company",
    ],
    ["414", "9521234000015", "952", "Used for demonstrations and examples of the GS1 system"],
    ["00", "340123450000000001", "401", "GS1 Germany"],
  ] as const)("(%s)%s: %s %s", (ai, value, prefix, usage) => {
    expect(issuerOf([[ai, value]])).toEqual({ prefix, usage });
  });

  test("nobody, or nothing that is a key", () => {
    expect(issuerOf([["01", "06712670000276"]])).toBeUndefined();
    expect(issuerOf([["10", "ABC"]])).toBeUndefined();
    expect(issuerOf([])).toBeUndefined();
  });

  test("ranges do not meet: a prefix found is what the digits begin with", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\d{0,13}$/), (digits) => {
        for (const found of [gs1PrefixOf(digits), gs1Prefix8Of(digits)]) {
          if (found) expect(digits.startsWith(found.prefix)).toBe(true);
        }
      }),
    );
  });
});
