import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JsonDecoder, objectSizeBytesMax } from "../../drivers/json-decoder.ts";
import { everyFeeding, feed, noisyPieces } from "./feeding.ts";

const bytes = (text: string) => Uint8Array.from(Buffer.from(text));
const framesOf = (text: string) => feed(new JsonDecoder(), [bytes(text)]);

describe("objects are found", () => {
  test.each([
    ["a line each", '{"a":1}\r\n\r\n{"b":"é"}\n'],
    ["in an array", '[{"a":1},\n {"b":"é"}]'],
    ["back to back", '{"a":1}{"b":"é"}'],
    ["as text sequences", '\u001e{"a":1}\n\u001e{"b":"é"}\n'],
  ])("%s", (_, text) => {
    for (const pieces of everyFeeding(bytes(text))) {
      const fed = feed(new JsonDecoder(), pieces);
      expect(fed).toEqual({ frames: [{ a: 1 }, { b: "é" }], discardedByteCount: 0 });
    }
  });

  test("braces and quotes in strings are text", () => {
    const value = { a: '}{"\\', b: [{ c: [] }, { d: {} }] };
    expect(framesOf(JSON.stringify(value, undefined, 2)).frames).toEqual([value]);
  });
});

describe("what was cut does not take the next one with it", () => {
  test.each([
    ["in a string", '{"a":"b\n', 8],
    ["after a key", '{"a":\n', 5],
    ["after a value", '{"a":1\n', 7],
    ["before a separator", '{"a":[1,\u001e', 8],
    ["noise", "xyz", 3],
    ["not JSON", "{a}", 3],
  ])("%s", (_, cut) => {
    const next = '{"timestamp":"t","x":{"y":1}}\n';
    const text = `${cut}${next}`;
    for (const pieces of everyFeeding(bytes(text))) {
      const { frames, discardedByteCount } = feed(new JsonDecoder(), [...pieces, bytes(next)]);
      expect(frames).toContainEqual({ timestamp: "t", x: { y: 1 } });
      expect(discardedByteCount).toBeGreaterThan(0);
    }
  });

  test("an object without end is given up at its limit", () => {
    const decoder = new JsonDecoder();
    const found = decoder.push(bytes(`{"a":"${"x".repeat(objectSizeBytesMax)}`));
    expect(found[0]).toMatchObject({ kind: "discarded", reason: "too_long" });
    expect(decoder.pendingByteCount).toBe(0);
  });

  test("nested deeper than any event", () => {
    const { frames, discardedByteCount } = framesOf('{"a":'.repeat(40));
    expect(frames).toEqual([]);
    expect(discardedByteCount).toBe(200);
  });
});

test("every byte of noise that is no blank is a frame's or discarded, and nothing throws", () => {
  const sample = bytes('{"a":[{"b":"c"},2],"d":1}\n');
  fc.assert(
    fc.property(noisyPieces(sample), (pieces) => {
      const { frames, discardedByteCount } = feed(new JsonDecoder(), pieces);
      const sizeBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
      expect(discardedByteCount).toBeLessThanOrEqual(sizeBytes);
      for (const frame of frames) expect(typeof frame).toBe("object");
    }),
  );
});
