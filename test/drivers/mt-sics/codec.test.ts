import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeQuestion,
  encodeQuestion,
  encodeScaleLine,
  parseScaleLine,
  type ScaleLine,
} from "../../../drivers/mt-sics/codec.ts";
import { ScaleLineDecoder } from "../../../drivers/mt-sics/line-decoder.ts";
import { everyFeeding, feed } from "../feeding.ts";
import { hasVectors, vectorsOf } from "../vectors.ts";

const decoder = () => new ScaleLineDecoder();

// Written out by hand from the reference manual, not made by the encoder.
const fixtures: [string, ScaleLine][] = [
  ["S S     123.45 g", { type: "weight", weightGrams: 123.45, status: "ok", isStable: true }],
  ["S D      -1.50 kg", { type: "weight", weightGrams: -1500, status: "ok", isStable: false }],
  ["S S       2.00 lb", { type: "weight", weightGrams: 907.18474, status: "ok", isStable: true }],
  [
    "S S         12 PCS",
    { type: "weight", weightGrams: 0, status: "fault", isStable: true, unknownUnit: "PCS" },
  ],
  ["S S      99999 kg", { type: "weight", weightGrams: 0, status: "fault", isStable: true }],
  ["S +", { type: "weight", weightGrams: 0, status: "overload", isStable: false }],
  ["S -", { type: "weight", weightGrams: 0, status: "underload", isStable: false }],
  ["S I", { type: "refusal", command: "S", reason: "busy" }],
  ["S L", { type: "refusal", command: "S", reason: "parameter" }],
  ["Z +", { type: "refusal", command: "Z", reason: "over_range" }],
  ["ES", { type: "refusal", command: "", reason: "syntax" }],
  ["ET", { type: "refusal", command: "", reason: "transmission" }],
  ['I4 A "B021002593"', { type: "answer", command: "I4", isLast: true, text: "B021002593" }],
  ['I0 B 0 "I0"', { type: "answer", command: "I0", isLast: false, text: '0 "I0"' }],
];

describe("lines", () => {
  test.each(fixtures)("%s", (line, expected) => {
    expect(parseScaleLine(`${line}\r`)).toEqual(expected);
  });

  test.each([
    "",
    "S",
    "S X 1.00 g",
    "S S 1.00",
    "S S 1,00 g",
    "S S 1.2.3 g",
    "hello world",
    "s s 1.00 g",
  ])('"%s" is none', (line) => {
    expect(parseScaleLine(line)).toMatchObject({ type: "discarded" });
  });

  test("any text is read or discarded", () => {
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^[SZIT@] ?[A-Z+-]? ?[-0-9. ]*[a-z]*$/));
    fc.assert(fc.property(texts, (text) => void parseScaleLine(text)));
  });

  test("what a simulated scale prints is read as it was meant", () => {
    const line: ScaleLine = { type: "weight", weightGrams: -12.34, status: "ok", isStable: false };
    expect(Buffer.from(encodeScaleLine(line)).toString()).toBe("S D     -12.34 g\r\n");
    expect(parseScaleLine("S D     -12.34 g\r")).toEqual(line);
  });
});

test("questions", () => {
  expect(Buffer.from(encodeQuestion("repeat")).toString()).toBe("SIR\r\n");
  expect(decodeQuestion("I4\r")).toBe("serial");
  expect(decodeQuestion("XX")).toBeUndefined();
});

test("lines are the same in every split, with noise between them", () => {
  const stream = Buffer.from(
    "\u00ff3.45 g\r\nS S     123.45 g\r\nS +\r\nnoise\r\nS D 1 kg\r\n",
    "latin1",
  );
  const whole = feed(decoder(), [stream]);
  expect(whole.frames).toHaveLength(3);
  for (const pieces of everyFeeding(stream)) expect(feed(decoder(), pieces)).toEqual(whole);
});

describe.skipIf(!hasVectors)("shared vectors (skipped where ../shared/vectors is absent)", () => {
  test.each(vectorsOf("scale-mt-sics.json"))("$name", ({ hex, expected }) => {
    const { frames, discardedByteCount } = feed(decoder(), [Buffer.from(hex, "hex")]);
    expect(discardedByteCount).toBe(0);
    const last = frames.at(-1)!;
    if (expected.weight !== undefined) {
      expect(expected.unit).toBe("g");
      const { weight: weightGrams, stable: isStable } = expected;
      expect(last).toEqual({ type: "weight", weightGrams, status: "ok", isStable });
    } else if (/load$/.test(expected.error ?? "")) {
      expect(last).toMatchObject({ type: "weight", status: expected.error });
    } else if (expected.error !== undefined) {
      expect(last.type).toBe("refusal");
    } else {
      expect(last.type).toBe("answer");
      const text = last.type === "answer" ? last.text : "";
      for (const part of [expected.serial, expected.model, expected.software]) {
        if (part !== undefined) expect(text).toContain(part);
      }
    }
  });
});
