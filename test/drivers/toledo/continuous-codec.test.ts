import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EnvelopeDecoder } from "../../../drivers/envelope-decoder.ts";
import {
  type ContinuousWeight,
  continuousEnvelope,
  encodeContinuous,
} from "../../../drivers/toledo/continuous-codec.ts";
import { everyFeeding, feed, noisyPieces } from "../feeding.ts";
import { hasVectors, vectorsOf } from "../vectors.ts";

const decoder = (checksum: "required" | "none" = "none") =>
  new EnvelopeDecoder(continuousEnvelope(checksum));
const bytesOf = (text: string) => Buffer.from(text, "latin1");
const weight = (value: number, rest: Partial<ContinuousWeight> = {}): ContinuousWeight => ({
  ...{ type: "continuous", value, unit: "kg", status: "ok", isStable: true, isZeroed: true },
  ...{ load: "gross", ...rest },
});

// Written out by hand from tables 6-9 to 6-11 of the WILDCAT manual.
const fixtures: [string, ContinuousWeight][] = [
  ["\x02\x2d\x30\x20  1234   250\r", weight(1.234, { tareValue: 0.25 })],
  ["\x02\x2d\x30\x20  1234\r", weight(1.234)],
  ["\x02\x2a\x20\x20  1234     0\r", weight(1234, { unit: "lb", tareValue: 0 })],
  ["\x02\x28\x20\x21    12     0\r", weight(1200, { unit: "g", tareValue: 0 })],
  ["\x02\x3f\x30\x22123456     0\r", weight(1.23456, { unit: "t", tareValue: 0 })],
  ["\x02\x2d\x3b\x20   100     0\r", weight(-0.1, { load: "net", isStable: false, tareValue: 0 })],
  ["\x02\x2d\x34\x20999999     0\r", weight(0, { status: "overload", tareValue: 0 })],
  ["\x02\x2d\x36\x20           0\r", weight(0, { status: "underload", tareValue: 0 })],
  ["\x02\x2d\x70\x20     0     0\r", weight(0, { isZeroed: false, tareValue: 0 })],
  ["\x02\x2d\x30\x23  1000     0\r", weight(1, { unit: "code 3", tareValue: 0 })],
  ["\x02\x2d\x32\x20     0     0\r", weight(0, { tareValue: 0 })],
];

describe("frames", () => {
  test.each(fixtures)("%j", (text, expected) => {
    const fed = feed(decoder(), [bytesOf(text)]);
    expect(fed).toEqual({ frames: [expected], discardedByteCount: 0 });
  });

  test.each([
    "\x02\x2d\x30\x20 1 234     0\r",
    "\x02\x2d\x30\x20           0\r",
    "\x02\x2d\x10\x20  1234     0\r",
    "\x02\x2d\x30\x20  12-4     0\r",
    "\x02\x2d\x30\x20  1234     0 \r",
  ])("%j is none", (text) => {
    const fed = feed(decoder(), [bytesOf(text)]);
    expect(fed).toEqual({ frames: [], discardedByteCount: text.length });
  });

  test("a checksum that is wrong or missing", () => {
    // 0x1a: 128 minus the low seven bits of the sum, by hand.
    const right = "\x02\x2d\x30\x20  1234     0\r\x1a";
    expect(feed(decoder("required"), [bytesOf(right)]).frames).toHaveLength(1);
    for (const text of [right.replace("1234", "1235"), right.slice(0, -1)]) {
      const fed = feed(decoder("required"), [bytesOf(text)]);
      expect(fed).toEqual({ frames: [], discardedByteCount: text.length });
    }
  });

  test("what an indicator sends is what the host reads", () => {
    const shown = fc.record({
      grams: fc.integer({ min: -999_999, max: 999_999 }),
      unit: fc.constantFrom("kg", "lb", "g", "t"),
      isStable: fc.boolean(),
      isZeroed: fc.boolean(),
      load: fc.constantFrom("gross" as const, "net" as const),
    });
    const property = fc.property(shown, fc.boolean(), ({ grams, ...rest }, isChecked) => {
      const checksum = isChecked ? "required" : "none";
      const sent = weight((rest.unit === "g" ? grams : grams / 1000) + 0, { ...rest });
      const bytes = encodeContinuous(sent, checksum);
      expect(feed(decoder(checksum), [bytes]).frames).toEqual([sent]);
    });
    fc.assert(property);
  });
});

describe("the stream", () => {
  const [first, second] = [
    "\x02\x2d\x30\x20  1234     0\r\x1a",
    "\x02\x2d\x38\x20  1230     0\r\x16",
  ];
  const stream = bytesOf(`34     0\r\x1a${first}\x00\x02${second}\x02\x2d\x30`);

  test("is the same in every split; a frame that begins in its middle costs itself", () => {
    const whole = feed(decoder("required"), [stream]);
    expect(whole.frames.map(({ value }) => value)).toEqual([1.234, 1.23]);
    expect(whole.discardedByteCount).toBe(stream.length - first.length - second.length);
    for (const pieces of everyFeeding(stream)) {
      expect(feed(decoder("required"), pieces)).toEqual(whole);
    }
  });

  test("random and mutated bytes never throw, and are all accounted for", () => {
    const sample = bytesOf(first);
    const property = fc.property(noisyPieces(sample), (chunks) => {
      const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      const fed = feed(decoder("required"), chunks);
      expect(fed.discardedByteCount + 12 * fed.frames.length).toBeLessThanOrEqual(total);
    });
    fc.assert(property);
  });
});

describe.skipIf(!hasVectors)("shared vectors (skipped where ../shared/vectors is absent)", () => {
  const vectors = vectorsOf("scale-toledo-8217.json").filter(({ protocol }) =>
    protocol.startsWith("Toledo continuous"),
  );

  test.each(vectors)("$name", ({ hex, expected }) => {
    const bytes = Buffer.from(hex, "hex");
    const { weight: value, unit, stable, net, tare = 0 } = expected;
    const load = net ? "net" : "gross";
    expect(feed(decoder("required"), [bytes])).toEqual({
      frames: [weight(value, { unit, isStable: stable, load, tareValue: tare })],
      discardedByteCount: 0,
    });
  });
});
