import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePrintedLine } from "../../../drivers/ascii-scale/codec.ts";
import { EnvelopeDecoder } from "../../../drivers/envelope-decoder.ts";
import {
  answerEnvelope,
  encodeAnswer,
  encodeWeightQuestion,
  type ScaleAnswer,
  type ScaleStatus,
} from "../../../drivers/toledo/codec.ts";
import { everyFeeding, feed, noisyPieces } from "../feeding.ts";
import { hasVectors, vectorsOf } from "../vectors.ts";

const decoder = () => new EnvelopeDecoder(answerEnvelope);
const bytesOf = (text: string) => Buffer.from(text, "latin1");
const still: ScaleStatus = {
  ...{ type: "status", isMoving: false, isOverCapacity: false, isUnderZero: false },
  ...{ isOutsideZeroCapture: false, isAtZero: false, isNet: false },
};

// Written out by hand from the DIVA service manual, 6.1.4.2 and 6.1.4.3.
const fixtures: [string, ScaleAnswer][] = [
  ["\x0201.234\r", { type: "weight", value: 1.234, load: "gross" }],
  ["\x02012.34N\r", { type: "weight", value: 12.34, load: "net" }],
  ["\x02  0.500\r", { type: "weight", value: 0.5, load: "gross" }],
  ["\x02?A\r", { ...still, isMoving: true }],
  ["\x02?B\r", { ...still, isOverCapacity: true }],
  ["\x02?d\r", { ...still, isUnderZero: true, isNet: true }],
  ["\x02?X\r", { ...still, isOutsideZeroCapture: true, isAtZero: true }],
  ["\x02?\r\r", { ...still, isMoving: true, isUnderZero: true, isOutsideZeroCapture: true }],
  ["\x02E\r", { type: "echo_on" }],
];

describe("answers", () => {
  test.each(fixtures)("%j", (text, expected) => {
    const fed = feed(decoder(), [bytesOf(text)]);
    expect(fed).toEqual({ frames: [expected], discardedByteCount: 0 });
  });

  test.each(["\x02\r", "\x02-1.0\r", "\x02 1 2\r", "\x0212345678901234\r", "\x02?AB\r", "1.234\r"])(
    "%j is none",
    (text) => {
      expect(feed(decoder(), [bytesOf(text)])).toEqual({
        frames: [],
        discardedByteCount: text.length,
      });
    },
  );

  test("what a scale sends is what the host reads", () => {
    const flag = fc.boolean();
    const status = fc.record({
      ...{ type: fc.constant("status" as const), isMoving: flag, isOverCapacity: flag },
      ...{ isUnderZero: flag, isOutsideZeroCapture: flag, isAtZero: flag, isNet: flag },
    });
    const weight = fc.record({
      type: fc.constant("weight" as const),
      value: fc.nat(9_999_999).map((grams) => grams / 1000),
      load: fc.constantFrom("gross" as const, "net" as const),
    });
    const property = fc.property(fc.oneof(status, weight), (answer) => {
      expect(feed(decoder(), [encodeAnswer(answer)]).frames).toEqual([answer]);
    });
    fc.assert(property);
    expect(encodeWeightQuestion()).toEqual(Uint8Array.of(0x57));
    const answer = encodeAnswer({ type: "weight", value: 1.2, load: "net" });
    expect(Buffer.from(answer).toString("latin1")).toBe("\x0201.200N\r");
  });
});

describe("the stream", () => {
  test("is the same in every split; a frame that begins in its middle costs itself", () => {
    const stream = bytesOf("234\r\x0201.234\rW\x02?A\r\x02\x0200.500N\r\x02 1");
    const whole = feed(decoder(), [stream]);
    expect(whole.frames.map(({ type }) => type)).toEqual(["weight", "status", "weight"]);
    // `234 CR`, the echoed W, a lone STX, and the beginning at the end.
    expect(whole.discardedByteCount).toBe(4 + 1 + 1 + 3);
    for (const pieces of everyFeeding(stream)) expect(feed(decoder(), pieces)).toEqual(whole);
  });

  test("random and mutated bytes never throw, and are all accounted for", () => {
    const sample = bytesOf("\x0201.234\r\x02?A\r");
    const property = fc.property(noisyPieces(sample), (chunks) => {
      const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      const fed = feed(decoder(), chunks);
      expect(fed.discardedByteCount + 3 * fed.frames.length).toBeLessThanOrEqual(total);
    });
    fc.assert(property);
  });
});

/** Bits of the vectors' words. DIVA service manual 6.1.4.3: bit 6 is always 1, no bad command. */
const bitNames: Record<string, keyof ScaleStatus | undefined> = {
  "in motion": "isMoving",
  "over capacity": "isOverCapacity",
  "under zero": "isUnderZero",
  "outside zero capture range": "isOutsideZeroCapture",
  "center of zero": "isAtZero",
  "net weight": "isNet",
  "bad command from host": undefined,
};

describe.skipIf(!hasVectors)("shared vectors (skipped where ../shared/vectors is absent)", () => {
  const vectors = vectorsOf("scale-toledo-8217.json").filter(
    ({ protocol }) => !protocol.startsWith("Toledo continuous"),
  );
  const isAdam = ({ protocol }: { protocol: string }) => protocol === "Adam Equipment";

  test.each(vectors.filter((vector) => !isAdam(vector)))("$name", ({ hex, valid, expected }) => {
    const bytes = Buffer.from(hex, "hex");
    const { frames, discardedByteCount } = feed(decoder(), [bytes]);
    if (!valid) return expect([frames, discardedByteCount]).toEqual([[], bytes.length]);
    expect(frames).toHaveLength(1);
    // What comes after the answer to E is the host's own word, sent back.
    expect(discardedByteCount).toBe(expected.probe === undefined ? 0 : "hello".length);
    if (expected.probe !== undefined) return expect(frames[0]?.type).toBe("echo_on");
    if (expected.bits === undefined) {
      const load = expected.net === true ? "net" : "gross";
      return expect(frames[0]).toEqual({ type: "weight", value: expected.weight, load });
    }
    const set = (expected.bits as string[]).flatMap((bit) => bitNames[bit] ?? []);
    const bits = Object.fromEntries(set.map((name) => [name, true]));
    expect(frames[0]).toEqual({ ...still, ...bits });
  });

  test.each(vectors.filter(isAdam))("$name is a line of kind ascii-scale", ({ hex, expected }) => {
    const line = Buffer.from(hex, "hex").toString("latin1");
    const weightGrams = expected.weight * (expected.unit === "kg" ? 1000 : 1);
    expect(parsePrintedLine(line)).toMatchObject({ type: "weight", status: "ok", weightGrams });
  });
});
