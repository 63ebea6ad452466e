import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { weightStatuses } from "../../../contract/reading.ts";
import {
  type BoardLine,
  encodeBoardLine,
  isIdentify,
  lineLengthMax,
  parseBoardLine,
  sampleNumberMax,
} from "../../../drivers/load-cell-board/codec.ts";
import { BoardLineDecoder } from "../../../drivers/load-cell-board/line-decoder.ts";
import { everyFeeding, feed } from "../feeding.ts";
import { hasVectors, vectorsOf } from "../vectors.ts";

const ok = (weightGrams: number) => ({ weightGrams, status: "ok" });

// Checksums by hand: exclusive or of the characters between # and *.
const fixtures: [string, BoardLine | object][] = [
  ["#1 12.5 -3*37", { type: "sample", number: 1, cells: [ok(12.5), ok(-3)] }],
  ["#0 0", { type: "sample", number: 0, cells: [ok(0)] }],
  ["#65535 +1.25\r", { type: "sample", number: 65_535, cells: [ok(1.25)] }],
  [
    "#7 OVER UNDER FAULT",
    {
      type: "sample",
      number: 7,
      cells: ["overload", "underload", "fault"].map((status) => ({ weightGrams: 0, status })),
    },
  ],
  ["2.5 3#8 1 2", { type: "sample", number: 8, cells: [ok(1), ok(2)] }],
  ["GONDOLA-LC 1 cells=8 hz=10", { type: "identity", version: 1, cellCount: 8, sampleRateHz: 10 }],
  ["#1 12.5 -3*38", { type: "discarded", reason: "checksum" }],
  ["#1 12.5 -3*1", { type: "discarded", reason: "checksum" }],
  ["#1 12,5", { type: "discarded", reason: "malformed" }],
  ["#1 1e9", { type: "discarded", reason: "malformed" }],
  ["#70000 1", { type: "discarded", reason: "malformed" }],
  ["#1", { type: "discarded", reason: "malformed" }],
  ["#1  5", { type: "discarded", reason: "malformed" }],
  ["GONDOLA-LC 1 cells=0 hz=10", { type: "discarded", reason: "malformed" }],
  ["HX711 ready", { type: "discarded", reason: "noise" }],
];

describe("lines", () => {
  test.each(fixtures)("%s", (line, expected) => {
    expect(parseBoardLine(line, "optional")).toEqual(expected);
  });

  test("a required checksum that is missing", () => {
    const found = parseBoardLine("#1 5", "required");
    expect(found).toEqual({ type: "discarded", reason: "checksum_missing" });
  });

  test("what a board prints is what the host reads, to a tenth of a gram", () => {
    const cell = fc
      .record({
        tenths: fc.integer({ min: -1_000_000, max: 1_000_000 }),
        status: fc.constantFrom(...weightStatuses),
      })
      .map(({ tenths, status }) => ({ weightGrams: status === "ok" ? tenths / 10 : 0, status }));
    const sample = fc.record({
      type: fc.constant("sample" as const),
      number: fc.nat(sampleNumberMax),
      cells: fc.array(cell, { minLength: 1, maxLength: 64 }),
    });
    const property = fc.property(sample, (line) => {
      const text = Buffer.from(encodeBoardLine(line)).toString("latin1");
      expect(text.endsWith("\n")).toBe(true);
      expect(parseBoardLine(text.slice(0, -1), "required")).toEqual(line);
    });
    fc.assert(property);
  });

  test("the question", () => {
    expect(isIdentify("ID?\r")).toBe(true);
    expect(isIdentify("ID")).toBe(false);
  });

  test("lines of other scales are noise or malformed, never a weight", () => {
    for (const { hex } of hasVectors ? vectorsOf("scale-ascii-lines.json") : []) {
      const text = Buffer.from(hex, "hex").toString("latin1");
      for (const line of text.split("\n")) {
        expect(parseBoardLine(line, "optional").type).toBe("discarded");
      }
    }
  });
});

describe("the stream", () => {
  const stream = Buffer.from("4.5 2\n#1 5 6*32\r\n\n#2 FAULT 6\nboot\n#3 1", "latin1");

  test("lines are the same in every split", () => {
    const whole = feed(new BoardLineDecoder("optional"), [stream]);
    expect(whole.frames.map((line) => line.type === "sample" && line.number)).toEqual([1, 2]);
    expect(whole.discardedByteCount).toBe("4.5 2\n".length + "boot\n".length + "#3 1".length);
    for (const pieces of everyFeeding(stream)) {
      expect(feed(new BoardLineDecoder("optional"), pieces)).toEqual(whole);
    }
  });

  test("a line without end is discarded at the limit, and the next one is read", () => {
    const decoder = new BoardLineDecoder("optional");
    const found = Array.from({ length: 30 }, () => decoder.push(Buffer.alloc(100, 0x35))).flat();
    expect(found.map((item) => item.kind === "discarded" && item.reason)).toEqual([
      "too_long",
      "too_long",
    ]);
    expect(decoder.pendingByteCount).toBeLessThanOrEqual(lineLengthMax);
    const next = decoder.push(Buffer.from("\n#9 1\n"));
    expect(next.filter((item) => item.kind === "frame")).toHaveLength(1);
  });

  test("random bytes never throw, and are accounted for", () => {
    const property = fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), (pieces) => {
      const fed = feed(new BoardLineDecoder("optional"), pieces);
      const byteCount = pieces.reduce((sum, piece) => sum + piece.length, 0);
      expect(fed.discardedByteCount).toBeLessThanOrEqual(byteCount);
    });
    fc.assert(property);
  });
});
