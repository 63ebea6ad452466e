import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkDigitOf,
  hasCheckDigit,
  measureCheckDigitOf,
} from "../../../contract/gs1/check-digit.ts";
import { companyPrefixOf, readableSscc } from "../../../contract/gs1/company-prefix.ts";
import { gs1Prefix8Of, gs1PrefixOf } from "../../../contract/gs1/gs1-prefix.ts";
import { gtin14Of, gtinOfLength, shortGtin, upcAOf, upcEOf } from "../../../contract/gs1/gtin.ts";
import { isbn10Of, isbn13Of, isIsbn10, isIsbn13 } from "../../../contract/gs1/isbn.ts";
import {
  readRestricted,
  restrictedCountries,
  restrictedRuleSchema,
  restrictedRulesOf,
} from "../../../contract/gs1/restricted-rule.ts";
import { companyPrefixTable } from "./company-prefix-table.ts";
import { describeVectors, type Vector, vectorsOf } from "./vectors.ts";

describe("GTINs", () => {
  test("in every length, and the shortest for people", () => {
    const gtin = gtin14Of("4006381333931")!;
    expect(gtin).toBe("04006381333931");
    expect(gtinOfLength(gtin, 13)).toBe("4006381333931");
    expect(gtinOfLength(gtin, 12)).toBeUndefined();
    expect(shortGtin(gtin)).toBe("4006381333931");
    expect(shortGtin(gtin14Of("96385074")!)).toBe("96385074");
    expect(shortGtin(gtin14Of("10614141007346")!)).toBe("10614141007346");
    for (const wrong of ["", "4006381333932", "400638133393", "1".repeat(15), "４006381333931"]) {
      expect(gtin14Of(wrong)).toBeUndefined();
    }
  });

  test("every UPC-E comes back from its UPC-A", () => {
    const middles = fc.stringMatching(/^[01]\d{6}$/);
    fc.assert(
      fc.property(middles, (upcE) => {
        const upcA = upcAOf(upcE)!;
        expect(hasCheckDigit(upcA)).toBe(true);
        // Several short forms may stand for one number; the one that is written stands for it too.
        const back = upcEOf(upcA);
        expect(back && upcAOf(back)).toBe(upcA);
      }),
    );
    expect(upcAOf("04252615")).toBeUndefined();
    expect(upcAOf("24252614")).toBeUndefined();
    expect(upcEOf("614141007349")).toBeUndefined();
  });
});

describe("labels that a store prints", () => {
  test("by its own rule: an item, a weight of two decimals, a plain number", () => {
    const weight = restrictedRuleSchema.parse({
      prefix: "27",
      measure: { kind: "weight", digitCount: 4, decimalCount: 2 },
    });
    const plain = restrictedRuleSchema.parse({ prefix: "2" });
    const rules = [weight, plain];
    expect(readRestricted("2712345612341", rules)).toMatchObject({ ok: false });
    expect(readRestricted("2712345612340", rules)).toEqual({
      ok: true,
      gtin: "02712345600002",
      weightGrams: 12_340,
    });
    expect(readRestricted("2112345678900", rules)).toEqual({ ok: true, gtin: "02112345678900" });
    expect(readRestricted("4006381333931", rules)).toBeUndefined();
    expect(restrictedRuleSchema.safeParse({ prefix: "40" }).success).toBe(false);
  });

  test("any digits by any country's rules: a valid number, a reason, or nothing", () => {
    const digits = fc.stringMatching(/^\d{8}$|^\d{12,14}$/);
    fc.assert(
      fc.property(digits, fc.constantFrom(...restrictedCountries), (number, country) => {
        const read = readRestricted(number, restrictedRulesOf[country]);
        if (read?.ok === true) expect(hasCheckDigit(read.gtin)).toBe(true);
      }),
    );
  });
});

describeVectors("numbers", () => {
  const file = "numbers.json";
  const rulesOf = ({ input }: Vector) => {
    const country = String(input.region ?? "").toLowerCase();
    const name = /estonia|latvia|lithuania/.test(country) ? "baltics" : country;
    return Object.entries(restrictedRulesOf).find(([key]) => key === name)?.[1] ?? [];
  };

  test.each(vectorsOf(file, "checkDigit"))(`${file} $id: $input.data`, ({ input, expected }) => {
    expect(hasCheckDigit(input.data)).toBe(expected.ok);
    if (expected.corrected === undefined) return;
    const body = input.data.slice(0, -1);
    expect(`${body}${checkDigitOf(body)}`).toBe(expected.corrected);
  });

  test.each(vectorsOf(file, "computeCheckDigit"))(`${file} $id`, ({ input, expected }) => {
    expect(checkDigitOf(input.payload)).toBe(expected.checkDigit);
  });

  test.each(vectorsOf(file, "priceWeightCheckDigit"))(`${file} $id`, ({ input, expected }) => {
    expect(measureCheckDigitOf(input.payload)).toBe(expected.checkDigit);
  });

  test.each(vectorsOf(file, "normaliseGtin"))(`${file} $id: $input.gtin`, (vector) => {
    const { input, expected } = vector;
    const [[form, wanted]] = Object.entries(expected) as [[string, string | null]];
    const gtin = gtin14Of(input.gtin)!;
    const length = Number(form.slice(4)) as 8 | 12 | 13 | 14;
    expect(gtinOfLength(gtin, length) ?? null).toBe(wanted);
  });

  test.each(vectorsOf(file, "upc"))(`${file} $id: $input.upc`, ({ input, expected }) => {
    const [[form, wanted]] = Object.entries(expected) as [[string, string]];
    const upcA = input.upc.length === 12 ? input.upc : upcAOf(input.upc)!;
    if (form === "upcA") expect(upcA).toBe(wanted);
    else if (form === "upcE") expect(upcEOf(upcA)).toBe(wanted);
    else if (form === "upcE6") expect(upcEOf(upcA)?.slice(1, 7)).toBe(wanted);
    else expect(upcA.padStart(Number(form.slice(4)), "0")).toBe(wanted);
  });

  test.each(vectorsOf(file, "ean"))(`${file} $id: $input.data`, ({ input, expected }) => {
    expect(gtin14Of(input.data) !== undefined).toBe(expected.ok);
  });

  test.each(vectorsOf(file, "isbn"))(`${file} $id: $input.data`, ({ input, expected }) => {
    const isIsbn = input.version === 10 ? isIsbn10 : isIsbn13;
    expect(isIsbn(input.data)).toBe(expected.ok);
  });

  const bare = (text: string | null) => text?.replaceAll("-", "");
  test.each(vectorsOf(file, "isbn13", "isbn10"))(`${file} $id: $input.data`, (vector) => {
    const { input, expected, kind } = vector;
    const found = kind === "isbn13" ? isbn13Of(input.data) : isbn10Of(input.data);
    expect(found).toBe(bare(expected.isbn13 ?? expected.isbn10 ?? null) ?? undefined);
  });

  const measuresOf = (vector: Vector) => {
    const read = readRestricted(vector.input.data, rulesOf(vector));
    const found = read?.ok === true ? read : undefined;
    return {
      weightGrams: found?.weightGrams,
      price: found?.price,
      count: found?.count,
    };
  };
  test.each(vectorsOf(file, "rcn", "rcnParse"))(`${file} $id: $input.data`, (vector) => {
    const { expected } = vector;
    if (expected.ok === false) {
      expect(readRestricted(vector.input.data, rulesOf(vector))).toMatchObject({ ok: false });
      return;
    }
    expect(measuresOf(vector)).toEqual({
      weightGrams: expected.weight == null ? undefined : Math.round(1000 * Number(expected.weight)),
      price: expected.price ?? undefined,
      count: expected.count ?? undefined,
    });
  });

  test.each(vectorsOf(file, "rcnBase"))(`${file} $id: $input.data`, (vector) => {
    const read = readRestricted(vector.input.data, rulesOf(vector));
    if (vector.expected.unchanged === true) expect(read).toBeUndefined();
    else expect(read).toMatchObject({ ok: true, gtin: `0${vector.expected.gtin}` });
  });
});

describeVectors("who gave out a number", () => {
  const file = "numbers.json";
  const prefixOf = { gs1Prefix: gs1PrefixOf, "gs1-8Prefix": gs1Prefix8Of };
  test.each(vectorsOf(file, ...Object.keys(prefixOf)))(`${file} $id: $input.data`, (vector) => {
    const { kind, input, expected } = vector;
    const found = prefixOf[kind as keyof typeof prefixOf](input.data);
    expect(found ?? { prefix: null, usage: null }).toEqual(expected);
  });

  // The vectors ask GS1's table, which is not carried along: here are its rows that they are about, as their own
  // answers give them. What is tested is how the table is read and used, not what is in it.
  const table = companyPrefixTable({
    "0000031": 0,
    "376130321": 9,
    "5703538": 7,
    "5708130": 7,
    "64298300627": 11,
    "704461": 6,
    "705956": 6,
    "8000500": 7,
    "978": 0,
  });
  test.each(vectorsOf(file, "companyPrefix"))(`${file} $id: $input.data`, ({ input, expected }) => {
    expect(companyPrefixOf(table, input.data) ?? null).toBe(expected.prefix);
  });

  test.each(vectorsOf(file, "ssccHri"))(`${file} $id: $input.sscc`, ({ input, expected }) => {
    expect(readableSscc(input.sscc, table)).toBe(expected.hri);
  });
});
