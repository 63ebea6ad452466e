import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { linters } from "../../../contract/gs1/ai-linters.ts";
import { aiDefinitions, definitionAt, fitsPattern } from "../../../contract/gs1/ai-table.ts";
import { checkPairOf, hasCheckPair } from "../../../contract/gs1/check-digit.ts";
import { parseDigitalLink } from "../../../contract/gs1/digital-link.ts";
import {
  associationFaults,
  type Elements,
  exclusions,
  groupSeparator as gs,
  omissions,
  parseBracketed,
  parseElementString,
  unsignedKeys,
  writeBracketed,
  writeElementString,
} from "../../../contract/gs1/element-string.ts";
import { dateOf, decimalOf, netWeightGramsOf } from "../../../contract/gs1/element-value.ts";
import { describeVectors, vectorsOf } from "./vectors.ts";

const atMs = Date.UTC(2025, 10, 23);
const valuesOf = (data: string) => {
  const parsed = parseElementString(data);
  return parsed.ok ? Object.fromEntries(parsed.values) : parsed.reason;
};
const elementsOf = (bracketed: string): Elements => {
  const found = [...bracketed.matchAll(/\((\d{2,4})\)([^(]*)/g)];
  return found.map(([, ai, value]) => [ai!, value!]);
};

describe("the table", () => {
  test("has every identifier, found by its first two digits, and every linter is used", () => {
    // 224 lines of the dictionary of 2026-01 expand to these.
    expect(aiDefinitions.size).toBe(541);
    for (const [ai, definition] of aiDefinitions) {
      expect(definitionAt(`${ai}0000`, 0)).toBe(definition);
      expect(definition.title).not.toBe("");
      const named = [...definition.needs.flat(), ...definition.without];
      for (const pattern of named) {
        expect([...aiDefinitions.keys()].some((other) => fitsPattern(other, pattern))).toBe(true);
      }
    }
    const used = [...aiDefinitions.values()].flatMap(({ components }) =>
      components.flatMap((component) => component.linters),
    );
    expect(Object.values(linters).filter((linter) => !used.includes(linter))).toEqual([]);
  });

  test("knows the pre-defined lengths of figure 7.8.5-2, and no others", () => {
    const isPredefined = (ai: string) => aiDefinitions.get(ai)?.isPredefined;
    for (const ai of ["00", "01", "11", "17", "20", "3103", "3699", "410", "417"]) {
      expect(isPredefined(ai) ?? true).toBe(true);
    }
    for (const ai of ["10", "21", "30", "235", "3922", "7003", "8005", "99"]) {
      expect(isPredefined(ai)).toBe(false);
    }
  });
});

describe("element strings", () => {
  test("of the General Specifications' own examples", () => {
    expect(valuesOf(`01095060001343521725063010LOT-1${gs}21S1`)).toEqual({
      "01": "09506000134352",
      "10": "LOT-1",
      "17": "250630",
      "21": "S1",
    });
    expect(valuesOf("019501234567890331030001233932978000299")).toEqual({
      "01": "95012345678903",
      "3103": "000123",
      "3932": "978000299",
    });
    expect(valuesOf("8013" + "1987654Ad4X4bL5ttr2310c2K")).toEqual({
      "8013": "1987654Ad4X4bL5ttr2310c2K",
    });
    expect(valuesOf(`8008250630121530${gs}0195012345678903`)).toMatchObject({
      "8008": "250630121530",
    });
    expect(valuesOf(`8007GB29NWBK60161331926819`)).toEqual({ "8007": "GB29NWBK60161331926819" });
  });

  test.each([
    ["", "empty"],
    ["ABC", "unknown application identifier ABC"],
    ["89123", "unknown application identifier 8912"],
    [`1025é`, "(10) has characters"],
    ["39320000299", "no currency"],
    ["8007GB29NWBK60161331926818", "checksum"],
    ["8030ABA=", "ok"],
    ["8030ABC=", "padding"],
    ["8030AB=C", "padding"],
    [`21${"9".repeat(9000)}`, "longer than 8192"],
  ])("%s: %s", (data, reason) => {
    const read = valuesOf(data);
    if (reason === "ok") expect(read).toBeTypeOf("object");
    else expect(read).toContain(reason);
  });

  test("what goes together is said apart from what is read", () => {
    const faults = (text: string) => associationFaults(elementsOf(text));
    expect(faults("(01)09506000134352(10)A(17)250630")).toEqual([]);
    expect(faults("(10)A")).toEqual(["(10) needs 01, or 02, or 03, or 8006, or 8026"]);
    expect(faults("(02)09506000134352(37)5")).toEqual(["(37) needs 00 and 02, or 00 and 8026"]);
    expect(faults("(01)09506000134352(37)5")).toContain("(01) must not stand with (37)");
    expect(faults("(01)09506000134352(21)1(235)2")).toContain("(21) must not stand with (235)");
  });
});

describe("meanings", () => {
  test("dates, times, decimals, grams", () => {
    expect(dateOf("17", "250200", atMs)).toEqual({ date: "2025-02-28" });
    expect(dateOf("4324", "2506309999", atMs)).toEqual({ date: "2025-06-30" });
    expect(dateOf("8008", "25063012", atMs)).toEqual({ date: "2025-06-30", time: "12:00:00" });
    expect(dateOf("7007", "250630250701", atMs)).toEqual({ date: "2025-06-30" });
    expect(dateOf("10", "250630", atMs)).toBeUndefined();
    expect(decimalOf("3925", "1")).toEqual({ decimal: "0.00001" });
    expect(decimalOf("3910", "9785")).toEqual({ decimal: "5", currency: "EUR" });
    expect(decimalOf("10", "1")).toBeUndefined();
    expect(netWeightGramsOf("3103", "000250")).toBe(250);
    expect(netWeightGramsOf("3202", "000100")).toBeCloseTo(453.592_37, 6);
    expect(netWeightGramsOf("3300", "000100")).toBeUndefined();
  });

  test("check pairs of the General Specifications' example", () => {
    expect(checkPairOf("1987654Ad4X4bL5ttr2310c")).toBe("2K");
    expect(hasCheckPair("1987654Ad4X4bL5ttr2310c2L")).toBe(false);
    expect(hasCheckPair("2K")).toBe(false);
    expect(checkPairOf("é")).toBeUndefined();
    expect(checkPairOf("1".repeat(24))).toBeUndefined();
  });
});

describe("any text", () => {
  const texts = fc.oneof(
    fc.string({ maxLength: 80, unit: "binary" }),
    fc.stringMatching(/^[0-9|()]{1,60}$/).map((text) => text.replaceAll("|", gs)),
    fc
      .stringMatching(/^(01\d{14}|10[A-Z]{1,9}\||310\d{7}|8110\d{20}){1,4}$/)
      .map((text) => text.replaceAll("|", gs)),
  );

  test("never throws, and what is read is written again and read the same", () => {
    fc.assert(
      fc.property(texts, (text) => {
        parseBracketed(text);
        const parsed = parseElementString(text);
        if (!parsed.ok) return;
        expect(parseElementString(writeElementString(parsed.elements))).toEqual(parsed);
        expect(parseBracketed(writeBracketed(parsed.elements))).toEqual(parsed);
        associationFaults(parsed.elements);
      }),
      { numRuns: 2000 },
    );
  });
});

describeVectors("element strings", () => {
  const unknown = "unknown identifiers are refused: nobody knows how long they are";
  const others: Record<string, string> = {
    "es-029": "the FNC1 in front is not sent where the symbology identifier is (4.2)",
    "es-118": unknown,
    "es-394": "the check digit of the asset's number is wrong (7.9)",
    "es-451": "the check digit of the asset's number is wrong (7.9)",
    "es-453": "no separator before (15): a lot may have these digits",
    "es-455": "a substitute of the separator is the scanner driver's to replace",
    "es-456": "a substitute of the separator is the scanner driver's to replace",
  };
  const file = "element-strings.json";
  const used = (kind: string) => vectorsOf(file, kind).filter(({ id }) => others[id] === undefined);
  test.skip.each(Object.entries(others))(`${file} %s: %s`, () => undefined);

  test.each(used("processUnbracketed"))(`${file} $id: $input.aiData`, ({ input, expected }) => {
    const data = input.aiData.replace(/^\^/, "").replaceAll("^", gs);
    expect(parseElementString(data).ok).toBe(expected.ok);
  });

  test.each([...used("parseBracketed"), ...used("lint")])(
    `${file} $id: $input.bracketed`,
    ({ input, expected }) => {
      const parsed = parseBracketed(input.bracketed);
      expect(parsed.ok).toBe(expected.ok);
      if (!parsed.ok) return;
      const written = writeElementString(parsed.elements);
      if (expected.aiData !== undefined) {
        expect(written).toBe(expected.aiData.slice(1).replaceAll("^", gs));
      }
      if (expected.data !== undefined) expect(written).toBe(expected.data);
    },
  );

  test.each(used("associationRule"))(`${file} $id: $input.bracketed`, ({ input, expected }) => {
    const elements = elementsOf(input.bracketed);
    const faultsOf: Record<string, () => unknown[]> = {
      validateAImutex: () => exclusions(elements),
      validateAIrequisites: () => omissions(elements),
      validateDigSigRequiresSerialisedKey: () => unsignedKeys(elements),
      validateAIrepeats: () => {
        const parsed = parseElementString(writeElementString(elements));
        return parsed.ok ? [] : [parsed.reason];
      },
    };
    expect(faultsOf[input.rule]!().length === 0).toBe(expected.ok);
  });

  test.each(used("extractFirst"))(`${file} $id: $input.data`, ({ input, expected }) => {
    const parsed = parseElementString(input.data);
    expect(parsed.ok && parsed.elements[0]).toEqual([expected.ai, expected.value]);
  });

  test.each(used("parseMessage"))(`${file} $id: $input.data`, ({ input, expected }) => {
    const parsed = parseElementString(input.data);
    expect(parsed.ok).toBe(expected.ok ?? true);
    if (!parsed.ok) return;
    if (expected.hri !== undefined) expect(writeBracketed(parsed.elements)).toBe(expected.hri);
    else expect(parsed.elements.map(([ai, value]) => ({ ai, value }))).toEqual(expected.elements);
  });

  test.each(used("date"))(`${file} $id: $input.data`, ({ input, expected }) => {
    if (expected.ok === false) {
      expect(parseElementString(`11${input.data}`).ok).toBe(false);
      return;
    }
    const parsed = parseElementString(input.data);
    const [ai, value] = parsed.ok ? parsed.elements[0]! : ["", ""];
    const found = dateOf(ai, value, atMs);
    expect(found?.date).toBe(expected.date);
    const datetime = found?.time === undefined ? null : `${found.date}T${found.time}`;
    if (expected.datetime !== undefined) expect(datetime).toBe(expected.datetime);
  });

  test.each([...used("measure"), ...used("amount"), ...used("amountWithCurrency")])(
    `${file} $id: $input.data`,
    ({ input, expected }) => {
      const parsed = parseElementString(input.data);
      const [ai, value] = parsed.ok ? parsed.elements[0]! : ["", ""];
      expect(decimalOf(ai, value)).toEqual(expected);
    },
  );

  test.each(used("hri"))(`${file} $id`, ({ input, expected }) => {
    const parsed = input.dataStr.startsWith("http")
      ? parseDigitalLink(input.dataStr)
      : parseElementString(input.dataStr.slice(1).replaceAll("^", gs));
    expect(parsed.ok && parsed.elements.map(([ai, value]) => `(${ai}) ${value}`)).toEqual(
      expected.hri,
    );
  });
});
