import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  buildDigitalLink,
  canonicalLink,
  type LinkLeniency,
  numbersForNames,
  parseDigitalLink,
} from "../../../contract/gs1/digital-link.ts";
import {
  type Elements,
  groupSeparator,
  parseElementString,
  writeBracketed,
  writeElementString,
} from "../../../contract/gs1/element-string.ts";
import { describeVectors, vectorsOf } from "./vectors.ts";

const elementsOf = (bracketed: string): Elements => {
  const found = [...bracketed.matchAll(/\((\d{2,4})\)([^(]*)/g)];
  return found.map(([, ai, value]) => [ai!, value!]);
};
const readOf = (uri: string, leniency?: LinkLeniency) => {
  const link = parseDigitalLink(uri, leniency);
  return link.ok ? writeBracketed(link.elements) : link.reason;
};

describe("links are read", () => {
  test("the right-most key counts, whatever stands before it", () => {
    expect(readOf("https://shop.example/en/01/x/01/09506000134352/21/a%2Fb?17=250630#top")).toBe(
      "(01)09506000134352(21)a/b(17)250630",
    );
    expect(readOf("https://shop.example/p/414/9506000134369/254/gate-2")).toBe(
      "(414)9506000134369(254)gate-2",
    );
  });

  test("the standard's first version only where it is asked for", () => {
    const uri = "https://example.com/gtin/9506000134352/lot/A1";
    expect(readOf(uri)).toBe("no primary key in the path");
    expect(readOf(uri, { hasNames: true })).toContain("(01) is too short");
    const both = { hasNames: true, hasShortGtins: true };
    expect(readOf(uri, both)).toBe("(01)09506000134352(10)A1");
    expect(readOf("https://example.com/toString/9506000134352", both)).toContain("no primary key");
  });

  test.each([
    ["shop.example/01/09506000134352", "no http or https URI"],
    ["https:///01/09506000134352", "no domain"],
    ["https://a/01/09506000134353", "(01) has a wrong check digit"],
    ["https://a/01/09506000134352/21/1/10/2", "(21), (10) cannot follow (01)"],
    ["https://a/01/09506000134352?10=A", "(10) is no attribute"],
    ["https://a/01/09506000134352?17=250630&17=250630", "(17) stands twice"],
    ["https://a/01/09506000134352/21/%E0%A4%A", "(21) has a wrong percent sequence"],
    ["https://a/01/09506000134352/21/ä", "characters that no URI has"],
    [`https://a/01/09506000134352?x=${"9".repeat(9000)}`, "longer than 8192"],
  ])("%s: %s", (uri, reason) => {
    expect(readOf(uri)).toContain(reason);
  });
});

describe("links are built", () => {
  test("and read again the same", () => {
    const elements = elementsOf('(01)09506000134352(10)L/7 %(21)"&=?(17)250630');
    // A blank is none of the characters of a lot, so it is built but not read.
    const built = buildDigitalLink(elements, "https://shop.example/p/");
    expect(built).toEqual({
      ok: true,
      uri: "https://shop.example/p/01/09506000134352/10/L%2F7%20%25/21/%22%26%3D%3F?17=250630",
    });
    fc.assert(
      fc.property(fc.stringMatching(/^[!-"%-'*-?A-Z_a-z]{1,20}$/), (serial) => {
        const given: Elements = [
          ["01", "09506000134352"],
          ["21", serial],
        ];
        const link = buildDigitalLink(given);
        expect(link.ok && parseDigitalLink(link.uri)).toEqual({ ok: true, elements: given });
      }),
    );
  });

  test("reasons", () => {
    expect(buildDigitalLink(elementsOf("(10)A"))).toEqual({ ok: false, reason: "no primary key" });
    expect(buildDigitalLink(elementsOf("(01)09506000134352(89)A"))).toMatchObject({ ok: false });
  });
});

test("any text: never an exception", () => {
  const path = fc.stringMatching(
    /^https:\/\/a(\/(01|21|10|gtin|09506000134352|%|%2F|\w)){0,8}(\?[\w=&%+]*)?$/,
  );
  fc.assert(
    fc.property(fc.oneof(path, fc.webUrl(), fc.string({ unit: "binary" })), (text) => {
      parseDigitalLink(text, { hasNames: true, hasShortGtins: true });
      numbersForNames(text);
    }),
    { numRuns: 1000 },
  );
});

describeVectors("Digital Links", () => {
  const file = "digital-link.json";
  const unknown = "unknown identifiers are refused: the standard allows no others in a link";
  const others: Record<string, string> = { "dl-113": unknown, "dl-138": unknown };
  const used = (kind: string) => vectorsOf(file, kind).filter(({ id }) => others[id] === undefined);
  test.skip.each(Object.entries(others))(`${file} %s: %s`, () => undefined);
  const leniencyOf = (vector: object): LinkLeniency => {
    const { options = [], source = "" } = vector as { options?: object; source?: string };
    const names = Object.keys(options);
    return {
      hasNames: names.includes("permitConvenienceAlphas"),
      // One source takes them always.
      hasShortGtins: names.some((name) => /zerosuppressed/i.test(name)) || source.includes("biip"),
    };
  };

  test.each(used("parse"))(`${file} $id: $input.uri`, (vector) => {
    const { input, expected } = vector;
    const link = parseDigitalLink(input.uri, leniencyOf(vector));
    expect(link.ok).toBe(expected.ok);
    if (!link.ok) return;
    if (expected.elements !== undefined) {
      expect(link.elements.map(([ai, value]) => ({ ai, value }))).toEqual(expected.elements);
    } else {
      const written = writeElementString(link.elements);
      expect(written).toBe(expected.aiData.slice(1).replaceAll("^", groupSeparator));
    }
  });

  test.each(used("generate"))(`${file} $id: $input.elementString`, ({ input, expected }) => {
    const built = buildDigitalLink(elementsOf(input.elementString), input.stem ?? undefined);
    expect(built.ok).toBe(expected.ok);
    if (built.ok) expect(built.uri).toBe(expected.uri);
  });

  const read = (uri: string): Elements => {
    const link = parseDigitalLink(uri, { hasShortGtins: true });
    return link.ok ? link.elements : [];
  };

  test.each(used("canonical"))(`${file} $id: $input.uri`, ({ input, expected }) => {
    expect(canonicalLink(read(input.uri))).toEqual({ ok: true, uri: expected.uri });
  });

  test.each(used("toElementString"))(`${file} $id: $input.uri`, ({ input, expected }) => {
    expect(writeBracketed(read(input.uri))).toBe(expected.gs1Message);
  });

  test.each(used("withDomain"))(`${file} $id: $input.uri`, ({ input, expected }) => {
    const { domain, prefix } = input;
    const folder = prefix === null ? "" : `/${prefix}`;
    const stem = domain === null ? undefined : `https://${domain}${folder}`;
    expect(buildDigitalLink(read(input.uri), stem)).toEqual({ ok: true, uri: expected.uri });
  });

  test.each(used("fromElementString"))(`${file} $id`, ({ input, expected }) => {
    const parsed = parseElementString(input.gs1Message);
    expect(parsed.ok && buildDigitalLink(parsed.elements)).toEqual({ ok: true, uri: expected.uri });
  });

  test.each(used("shortNamesToNumeric"))(`${file} $id: $input.uri`, ({ input, expected }) => {
    expect(numbersForNames(input.uri)).toBe(expected.uri);
  });
});
