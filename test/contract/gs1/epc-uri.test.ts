import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bracketed,
  digitalLinkOf,
  elementsOf,
  parsePureIdentityUri,
  parseTagUri,
  pureIdentityUri,
} from "../../../contract/gs1/epc-uri.ts";
import { describeVectors, vectorsOf } from "./vectors.ts";

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
    expect(bracketed(elementsOf(family, parts) ?? [])).toBe(elementString);
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
    const link = digitalLinkOf(elementsOf(family, parts) ?? []);
    expect(link).toBe("https://id.gs1.org/01/85071219236581/21/.%25%3A.13%26");
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

/** ISO 6346 allows every letter in an owner code; the source of the vector does not. */
const allowedOwnerCode = "uri-018";
/** An extension of 0 says that there is none (TDS 6.3.3); the source of the vector keeps it. */
const noExtension = "uri-260";
/** Class-level URIs and Digital Links stand for no tag. */
const isOfTag = ({ input, expected }: { input: { uri?: string }; expected: { uri?: string } }) =>
  /^urn:epc:id:/.test(input.uri ?? expected.uri ?? "");

describeVectors("EPC URIs", () => {
  const validated = vectorsOf("epc-uri.json", "validate").filter(
    ({ input, expected }) => isOfTag({ input, expected }) || expected.valid === false,
  );
  test.each(validated)("$id $note", ({ id, input, expected }) => {
    const result = parsePureIdentityUri(input.uri);
    const isOfScheme = result.ok && result.family === input.scheme.toLowerCase().replace("_", "");
    expect(isOfScheme).toBe(id === allowedOwnerCode ? true : expected.valid);
  });

  const elementStrings = vectorsOf("epc-uri.json", "toElementString", "elementStringEquivalence");
  test.each(elementStrings.filter(isOfTag))("$id element string", ({ id, input, expected }) => {
    const { family, parts } = parsed(input.uri ?? expected.uri);
    const wanted: string = expected.elementString ?? input.elementString;
    const elements = elementsOf(family, parts) ?? [];
    expect(bracketed(elements)).toBe(id === noExtension ? wanted.replace("(254)0", "") : wanted);
  });

  const links = vectorsOf("epc-uri.json", "toCanonicalDigitalLink", "urnToDigitalLink");
  test.each(links.filter(isOfTag))("$id Digital Link", ({ input, expected }) => {
    const result = parsePureIdentityUri(input.uri);
    if (!result.ok && expected.digitalLink !== undefined) {
      // One source takes URNs that the grammar of TDS 6.3 forbids: characters that must be escaped.
      expect(result.reason).toContain("is not escaped");
      expect(input.uri).toMatch(/:[^:]*["#&/<>?]/);
    }
    if (!result.ok) return;
    const link = digitalLinkOf(elementsOf(result.family, result.parts) ?? []);
    // The sources escape differently; ours is the canonical way.
    expect(decodeURIComponent(link)).toBe(decodeURIComponent(expected.digitalLink));
  });
});
