import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { companyPrefixLengthOf } from "../../../contract/gs1/company-prefix.ts";
import { buildDigitalLink, parseDigitalLink } from "../../../contract/gs1/digital-link.ts";
import { type Elements, writeBracketed } from "../../../contract/gs1/element-string.ts";
import {
  elementsOf,
  parsePureIdentityUri,
  parseTagUri,
  pureIdentityUri,
} from "../../../contract/gs1/epc-uri.ts";
import { canonicalKeyLink, keysOfUrn, urnOfKeys } from "../../../contract/gs1/epc-urn.ts";
import { gtin14Of } from "../../../contract/gs1/gtin.ts";
import { companyPrefixTable } from "./company-prefix-table.ts";
import { describeVectors, type Vector, vectorsOf } from "./vectors.ts";

function parsed(uri: string) {
  const result = parsePureIdentityUri(uri);
  if (!result.ok) throw new Error(result.reason);
  return result;
}

// Written out by hand from the examples of TDS 6.3 and 7.
describe("pure identity URIs", () => {
  test.each([
    ["urn:epc:id:sgtin:9521141.012345.4711", "(01)09521141123454(21)4711"],
    ["urn:epc:id:sscc:9521141.1234567890", "(00)195211412345678900"],
    ["urn:epc:id:sgln:9521141.12345.5678", "(414)9521141123454(254)5678"],
    ["urn:epc:id:sgln:9521141.12345.0", "(414)9521141123454"],
    ["urn:epc:id:grai:9521141.12345.400", "(8003)09521141123454400"],
    ["urn:epc:id:giai:9521141.12345400", "(8004)952114112345400"],
    ["urn:epc:id:gsrn:9521141.1234567890", "(8018)952114112345678906"],
    ["urn:epc:id:gdti:9521141.12345.006847", "(253)9521141123454006847"],
    ["urn:epc:id:sgcn:9521141.67890.04711", "(255)952114167890904711"],
    ["urn:epc:id:itip:9521141.012345.01.02.981", "(8006)095211411234540102(21)981"],
  ])("%s is %s", (uri, elementString) => {
    const { family, parts } = parsed(uri);
    expect(writeBracketed(elementsOf(family, parts) ?? [])).toBe(elementString);
    expect(pureIdentityUri(family, parts)).toBe(uri);
  });

  test.each([
    ["urn:epc:id:sgtin:9521141.12345.4711", "13 digits"],
    ["urn:epc:id:sgtin:95211.01234567.4711", "no part 1"],
    ["urn:epc:id:sgtin:9521141.012345", "3 parts"],
    ["urn:epc:id:sgtin:9521141.012345.a/b", "not escaped"],
    ["urn:epc:id:sgtin:9521141.012345.a%2", "not escaped"],
    ["urn:epc:id:sgtin:9521141.012345.123456789012345678901", "no part 3"],
    ["urn:epc:id:gid:268435456.1.1", "no part 1"],
    ["urn:epc:id:giai:9521141.123456789012345678901234", "30 characters"],
    ["urn:epc:id:toString:1.2.3", "no pure identity URI"],
    ["https://example.com", "no pure identity URI"],
  ])("%s is refused: %s", (uri, reason) => {
    const result = parsePureIdentityUri(uri);
    expect(result.ok ? "" : result.reason).toContain(reason);
  });

  test("a serial may have dots; what must be escaped is", () => {
    const uri = "urn:epc:id:sgtin:50712192365.88..%25:.13%26";
    const { family, parts } = parsed(uri);
    expect(parts[2]).toBe(".%:.13&");
    expect(pureIdentityUri(family, parts)).toBe(uri);
    const link = buildDigitalLink(elementsOf(family, parts) ?? []);
    expect(link.ok && link.uri).toBe("https://id.gs1.org/01/85071219236581/21/.%25%3A.13%26");
  });

  test("any text is a URI or refused with a reason", () => {
    const families = fc.constantFrom("sgtin", "sscc", "giai", "adi", "gid", "bic", "nonsense");
    const bodies = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.stringMatching(/^[0-9A-Z.%/#]{0,40}$/),
    );
    const uris = fc.tuple(families, bodies).map(([family, body]) => `urn:epc:id:${family}:${body}`);
    fc.assert(
      fc.property(uris, (uri) => {
        const results = [parsePureIdentityUri(uri), parseTagUri(uri.replace(":id:", ":tag:"))];
        for (const result of results) if (!result.ok) expect(result.reason).not.toBe("");
      }),
    );
  });
});

// Written out by hand: a class of TDS 6.4, patterns of TDS 8.
describe("classes and patterns", () => {
  test.each([
    ["urn:epc:class:lgtin:9521141.712345.32a%2Fb", "(01)79521141123453(10)32a/b", 7],
    ["urn:epc:idpat:sgtin:9521141.012345.*", "(01)09521141123454", 7],
    ["urn:epc:idpat:grai:9521141.12345.*", "(8003)09521141123454", 7],
    ["urn:epc:idpat:cpi:9521141.AB1.*", "(8010)9521141AB1", 7],
    ["urn:epc:idpat:itip:9521141.012345.01.02.*", "(8006)095211411234540102", 7],
    ["urn:epc:id:sgln:952114112345..0", "(414)9521141123454", 12],
    ["urn:epc:id:upui:9521141.012345.x1", "(01)09521141123454(235)x1", 7],
  ])("%s is %s", (uri, elementString, companyPrefixLength) => {
    const keys = keysOfUrn(uri);
    expect(keys.ok && writeBracketed(keys.elements)).toBe(elementString);
    const back = urnOfKeys(keys.ok ? keys.elements : [], companyPrefixLength);
    expect(back).toEqual({ ok: true, uri });
  });

  test.each([
    "urn:epc:idpat:sgtin:9521141.012345.4711",
    "urn:epc:idpat:sscc:9521141.*",
    "urn:epc:idpat:giai:9521141.*.*",
    "urn:epc:class:sgtin:9521141.012345.1",
    "urn:epc:id:gid:1.2.3",
    "urn:epc:idpat:constructor:1.*",
  ])("%s is none of GS1", (uri) => {
    expect(keysOfUrn(uri).ok).toBe(false);
  });

  test("keys without a URN, and company prefixes that cannot be", () => {
    expect(urnOfKeys([["415", "9521141123454"]], 7).ok).toBe(false);
    expect(urnOfKeys([], 7).ok).toBe(false);
    for (const length of [-1, 0, 5, 13, 2.5]) {
      expect(urnOfKeys([["01", "09521141123454"]], length).ok).toBe(false);
    }
  });

  test("any text is a URN's keys or refused", () => {
    const uris = fc.tuple(
      fc.constantFrom("urn:epc:idpat:", "urn:epc:class:lgtin:", "urn:epc:id:", "https://a.b/01/"),
      fc.stringMatching(/^[a-z]{0,6}:?[0-9A-Z.%/*]{0,30}$/),
    );
    fc.assert(fc.property(uris, ([head, tail]) => void canonicalKeyLink(head + tail)));
  });
});

/** ISO 6346 allows every letter in an owner code; the source of the vector does not. */
const allowedOwnerCode = "uri-018";
/** An extension of 0 says that there is none (TDS 6.3.3); the source of the vector keeps it. */
const noExtension = "uri-260";
const wrongCheckDigits = ["uri-361", "uri-369"];
/** A slash in a value must be encoded (RFC 3986, 2.2); the source writes it as it is. */
const unencodedSlashes = [
  "uri-411",
  "uri-417",
  "uri-418",
  "uri-699",
  "uri-700",
  "uri-703",
  "uri-704",
];
/** An unencoded # begins a fragment, which is no part of the path (RFC 3986, 3.5); the source reads on. */
const fragment = "uri-412";
/** A GIAI has 30 characters at most (TDS 6.3.7), the reference of a GINC one at least (TDS 6.3, GS3A3Component). */
const wrongLengths = ["uri-528", "uri-546"];
/** A component reference has a character at least (the grammar of TDS 6.3 for CPI); the source takes none. */
const noComponent = "uri-421";

describeVectors("EPC URIs", () => {
  test.each(vectorsOf("epc-uri.json", "validate"))("$id $note", ({ id, input, expected }) => {
    const { uri, scheme } = input;
    const result = scheme === "LGTIN" ? keysOfUrn(uri) : parsePureIdentityUri(uri);
    const family = "family" in result ? result.family : "lgtin";
    const isOfScheme = result.ok && family === scheme.toLowerCase().replace("_", "");
    expect(isOfScheme).toBe(id === allowedOwnerCode ? true : expected.valid);
  });

  const elementStrings = vectorsOf("epc-uri.json", "toElementString", "elementStringEquivalence");
  test.each(elementStrings)("$id element string", ({ id, input, expected }) => {
    const keys = keysOfUrn(input.uri ?? expected.uri);
    const wanted: string = expected.elementString ?? input.elementString;
    const written = keys.ok ? writeBracketed(keys.elements).replaceAll("\\(", "(") : keys.reason;
    expect(written).toBe(id === noExtension ? wanted.replace("(254)0", "") : wanted);
  });

  test.each(vectorsOf("epc-uri.json", "toCanonicalDigitalLink"))(
    "$id canonical link of $input.uri",
    ({ id, input, expected }) => {
      const link = canonicalKeyLink(input.uri);
      // The source does not look at check digits (General Specifications 7.9).
      if (wrongCheckDigits.includes(id))
        expect(link.ok ? "" : link.reason).toContain("check digit");
      else expect(link.ok ? link.uri : null).toBe(expected.digitalLink);
    },
  );

  test.each(vectorsOf("epc-uri.json", "gtinToSgtin"))("$id $input.gtin", ({ input, expected }) => {
    const gtin = gtin14Of(input.gtin) ?? "";
    if (expected.gtin14 !== undefined) expect(gtin).toBe(expected.gtin14);
    const prefixLength = expected.uri.split(":").at(-1).split(".")[0].length;
    const keys: Elements = [
      ["01", gtin],
      ["21", input.serial],
    ];
    expect(urnOfKeys(keys, prefixLength)).toEqual({ ok: true, uri: expected.uri });
  });

  test.each(vectorsOf("epc-uri.json", "urnToDigitalLink"))("$id $input.uri", (vector) => {
    const { id, input, expected } = vector;
    const keys = keysOfUrn(input.uri);
    if (!keys.ok && expected.digitalLink !== undefined) {
      // One source takes URNs that the grammar of TDS 6.3 forbids: characters that must be escaped.
      if (id === noComponent) return expect(keys.reason).toContain("no part 2 of cpi");
      expect(keys.reason).toContain("is not escaped");
      expect(input.uri).toMatch(/:[^:]*(["#&/<>?]|%(?![0-9A-F]{2}))/);
    }
    if (!keys.ok) return;
    const link = buildDigitalLink(keys.elements);
    // The sources escape differently; ours is the canonical way.
    expect(link.ok && decodeURIComponent(link.uri)).toBe(decoded(expected.digitalLink));
  });

  // Some ask GS1's table how long the company prefix is. It is not carried along; its row that a vector is about is
  // made of the vector's answer, so what is tested is where in the key the prefix is looked for.
  const lengthOf = ({ input, expected }: Vector, elements: Elements) => {
    if (typeof input.companyPrefixLength === "number") return input.companyPrefixLength;
    const [, prefix = ""] = /^urn:epc:[a-z]+:[a-z]+:(\d+)\./.exec(expected.uri) ?? [];
    const rows = { [prefix]: prefix.length, [prefix.slice(0, 3)]: 0 };
    return companyPrefixLengthOf(companyPrefixTable(rows), elements);
  };
  const given = vectorsOf("epc-uri.json", "digitalLinkToUrn");
  test.each(given)("$id $input.uri", (vector) => {
    const { id, input, expected } = vector;
    const link = parseDigitalLink(input.uri);
    const urn = link.ok ? urnOfKeys(link.elements, lengthOf(vector, link.elements)) : link;
    if (expected.error === true) expect(urn.ok).toBe(false);
    else if (id === fragment)
      expect(urn).toEqual({ ok: true, uri: "urn:epc:idpat:cpi:30056867.890.*" });
    else if (urn.ok) expect(decoded(urn.uri)).toBe(decoded(expected.uri));
    // One source does not look at check digits (General Specifications 7.9), at what a URI may be written with, nor at
    // a company prefix that is none (uri-416).
    else if (unencodedSlashes.includes(id)) expect(urn.reason).toBe("no primary key in the path");
    else if (wrongLengths.includes(id)) expect(urn.reason).toMatch(/30 characters|part 2 of ginc/);
    else
      expect(urn.reason).toMatch(/check digit|characters that no URI has|percent|no part 1 of cpi/);
  });
});

function decoded(uri: string): string {
  return uri.replace(/%[0-9A-Fa-f]{2}/g, (code) => decodeURIComponent(code));
}
