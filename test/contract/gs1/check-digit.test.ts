import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkDigitOf, hasCheckDigit } from "../../../contract/gs1/check-digit.ts";
import { restrictedUse } from "../../../contract/gs1/restricted.ts";
import { gtinSchema } from "../../../contract/units.ts";
import { describeVectors, vectorsOf } from "./vectors.ts";

describe("check digit", () => {
  test("known numbers", () => {
    expect(checkDigitOf("0950600013435")).toBe(2);
    expect(hasCheckDigit("4006381333931")).toBe(true);
    expect(hasCheckDigit("4006381333932")).toBe(false);
    expect(hasCheckDigit("")).toBe(false);
    expect(hasCheckDigit("12a")).toBe(false);
  });

  test("every single wrong digit is found", () => {
    const payload = fc.stringMatching(/^\d{13}$/);
    fc.assert(
      fc.property(payload, fc.nat(13), fc.integer({ min: 1, max: 9 }), (digits, at, by) => {
        const whole = `${digits}${checkDigitOf(digits)}`;
        const wrong = (Number(whole[at]) + by) % 10;
        expect(hasCheckDigit(whole)).toBe(true);
        expect(hasCheckDigit(`${whole.slice(0, at)}${wrong}${whole.slice(at + 1)}`)).toBe(false);
      }),
    );
  });

  describeVectors("numbers.json", () => {
    test.each(vectorsOf("numbers.json", "computeCheckDigit"))("$id", ({ input, expected }) => {
      expect(checkDigitOf(input.payload)).toBe(expected.checkDigit);
    });
    test.each(vectorsOf("numbers.json", "checkDigit"))("$id", ({ input, expected }) => {
      expect(hasCheckDigit(input.data)).toBe(expected.ok);
    });
  });
});

describe("restricted numbers", () => {
  test.each([
    ["02112345678900", "prefix 02 or 20-29"],
    ["00212345678901", "prefix 02 or 20-29"],
    ["00412345678905", "prefix 04"],
    ["00000000012348", "RCN-8"],
    ["09912345678903", "coupon"],
  ])("%s: %s", (digits, reason) => {
    const gtin = gtinSchema.parse(`${digits.slice(0, 13)}${checkDigitOf(digits.slice(0, 13))}`);
    expect(restrictedUse(gtin)).toContain(reason);
  });

  test.each(["09506000134352", "00614141007349", "00000096385074", "10614141007346"])(
    "%s is a real one",
    (digits) => {
      expect(restrictedUse(gtinSchema.parse(digits))).toBeUndefined();
    },
  );
});
