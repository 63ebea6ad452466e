import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkDigitOf } from "../../../contract/gs1/check-digit.ts";
import { serialKey } from "../../../contract/gs1/digital-link.ts";
import { decodeEpc, encodeSgtin96 } from "../../../contract/gs1/epc.ts";
import { type EpcHex, epcHexSchema, type Gtin } from "../../../contract/units.ts";
import { describeVectors, vectorsOf } from "./vectors.ts";

const gtins = fc
  .stringMatching(/^\d{13}$/)
  .map((digits) => `${digits}${checkDigitOf(digits)}` as Gtin);

describe("SGTIN-96", () => {
  test("a known tag", () => {
    expect(decodeEpc("3034257BF7194E4000001A85" as EpcHex)).toEqual({
      ok: true,
      gtin: "80614141123458",
      serial: "6789",
      filter: 1,
      companyPrefixDigits: 7,
    });
  });

  test("the largest serial is exact", () => {
    const parts = {
      gtin: "80614141123458" as Gtin,
      serial: "274877906943",
      companyPrefixDigits: 7,
    };
    const encoded = encodeSgtin96(parts);
    expect(encoded.ok && decodeEpc(encoded.epc)).toMatchObject({ ok: true, serial: parts.serial });
  });

  test("encode and decode are inverse, padding words are ignored", () => {
    const serials = fc.integer({ min: 0, max: 2 ** 38 - 1 }).map(String);
    const prefixDigits = fc.integer({ min: 6, max: 12 });
    const padding = fc.stringMatching(/^([0-9A-F]{4}){0,3}$/);
    fc.assert(
      fc.property(
        fc.record({
          gtin: gtins,
          serial: serials,
          filter: fc.nat(7),
          companyPrefixDigits: prefixDigits,
        }),
        padding,
        (parts, tail) => {
          const encoded = encodeSgtin96(parts);
          if (!encoded.ok) throw new Error(encoded.reason);
          expect(epcHexSchema.parse(encoded.epc)).toBe(encoded.epc);
          expect(decodeEpc(`${encoded.epc}${tail}` as EpcHex)).toEqual({ ok: true, ...parts });
        },
      ),
    );
  });

  test("any EPC is decoded to a valid GTIN or refused with a reason", () => {
    const epcs = fc.stringMatching(/^(30)?([0-9A-F]{4}){1,31}$/);
    fc.assert(
      fc.property(epcs, (epc) => {
        const identity = decodeEpc(epc as EpcHex);
        if (identity.ok) expect(identity.gtin).toMatch(/^\d{14}$/);
        else expect(identity.reason).not.toBe("");
      }),
    );
  });

  test.each([
    [{ serial: "007" }, "leading zeros"],
    [{ serial: "A1" }, "a number"],
    [{ serial: "274877906944" }, "up to"],
    [{ filter: 8 }, "filter"],
    [{ companyPrefixDigits: 5 }, "6 to 12"],
    [{ companyPrefixDigits: 13 }, "6 to 12"],
    [{ gtin: "80614141123459" as Gtin }, "GTIN"],
  ])("%o is refused", (wrong, reason) => {
    const right = { gtin: "80614141123458" as Gtin, serial: "1", companyPrefixDigits: 7 };
    const encoded = encodeSgtin96({ ...right, ...wrong });
    expect(encoded.ok ? "encoded" : encoded.reason).toContain(reason);
  });
});

describe("serial key", () => {
  test("reserved characters are escaped", () => {
    const key = serialKey("80614141123458" as Gtin, '6789/&%"!?()');
    expect(key).toBe("01/80614141123458/21/6789%2F%26%25%22%21%3F%28%29");
  });
});

describeVectors("epc-binary.json", () => {
  // What these vectors hold against us is decided otherwise: bits beyond the scheme are padding.
  const truncated = new Set(["epc-063", "epc-065", "epc-111"]);
  const hexVectors = vectorsOf("epc-binary.json", "decode", "reject", "raw").flatMap((vector) => {
    const { hex, bits } = vector.input;
    const text =
      hex ??
      (bits &&
        BigInt(`0b${bits}`)
          .toString(16)
          .padStart(bits.length / 4, "0"));
    return text === undefined || truncated.has(vector.id)
      ? []
      : [{ ...vector, hex: text as string }];
  });

  test.each(hexVectors)("$id $kind $hex", ({ hex, kind, expected }) => {
    const parsed = epcHexSchema.safeParse(hex.toUpperCase());
    const identity = parsed.success
      ? decodeEpc(parsed.data)
      : { ok: false as const, reason: "hex" };
    // Other schemes are held to their vectors in epc-content.test.ts.
    const hasItem = kind === "decode" && /SGTIN/.test(expected.scheme);
    if (parsed.success) expect(identity.ok).toBe(hasItem);
    if (!identity.ok || expected.scheme !== "SGTIN-96") return;
    const { gtin, serial, filter } = identity;
    if (expected.gtin !== undefined) expect(gtin).toBe(expected.gtin);
    if (expected.serial !== undefined) expect(serial).toBe(expected.serial);
    if (expected.filter !== undefined) expect(filter).toBe(expected.filter);
    if (expected.elementString !== undefined) {
      expect(`(01)${gtin}(21)${serial}`).toBe(expected.elementString);
    }
    if (expected.digitalLink !== undefined) {
      expect(`https://id.gs1.org/${serialKey(gtin, serial)}`).toBe(expected.digitalLink);
    }
    const uri = `urn:epc:id:sgtin:${urnParts(gtin, identity.companyPrefixDigits ?? 0)}.${serial}`;
    if (expected.pureIdentityUri !== undefined) expect(uri).toBe(expected.pureIdentityUri);
  });

  const encodable = vectorsOf("epc-binary.json", "encode").filter(({ input }) => input.gtin);
  test.each(encodable)("$id encode", ({ input, expected }) => {
    const { gtin, serial, filter, companyPrefixLength } = input;
    const encoded = encodeSgtin96({
      gtin,
      serial,
      filter,
      companyPrefixDigits: companyPrefixLength,
    });
    const bits = encoded.ok && BigInt(`0x${encoded.epc}`).toString(2).padStart(96, "0");
    expect(bits).toBe(expected.error ? false : expected.bits);
  });
});

function urnParts(gtin: string, prefixDigits: number): string {
  const item = gtin.slice(0, 1) + gtin.slice(1 + prefixDigits, 13);
  return `${gtin.slice(1, 1 + prefixDigits)}.${item}`;
}
