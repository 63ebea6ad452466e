import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createScanReportDecoder,
  decodeMenuCommand,
  encodeCommand,
  encodeMenuCommand,
  encodeScanReport,
  encodeScanReports,
} from "../../../drivers/hid-scanner/codec.ts";
import { ScanJoiner } from "../../../drivers/hid-scanner/scan-joiner.ts";
import { everyFeeding, feed } from "../feeding.ts";
import { hasVectors, vectorsOf } from "../vectors.ts";

const limits = { reportSizeBytes: 64, dataLengthMax: 200, continuationTimeoutMs: 500 };
const joiner = () => new ScanJoiner(limits);

/** A report by hand: 02, length, AIM identifier, data, zeros, and "more" in the last byte. */
function byHand(aim: string, data: string, last = 0): Uint8Array {
  const report = Buffer.alloc(64);
  report.set([2, data.length, ...Buffer.from(aim), ...Buffer.from(data, "latin1")]);
  report[63] = last;
  return report;
}

test.each([
  ["EAN-13", [byHand("]E0", "4006381333931")], { symbology: "]E0", data: "4006381333931" }],
  ["one byte later", [byHand("\0]C0", "ABC")], { symbology: "]C0", data: "ABC" }],
  ["no AIM identifier", [byHand("\0\0\0", "ABC")], { data: "ABC" }],
  ["FNC1", [byHand("]d2", "10A\x1d21B")], { symbology: "]d2", data: "10A\x1d21B" }],
  ["Latin-1", [byHand("]Q1", "Gr\xf6")], { symbology: "]Q1", data: "Grö" }],
  [
    "three reports",
    [byHand("]Q1", "a".repeat(56), 1), byHand("]Q1", "b".repeat(56), 1), byHand("]Q1", "c")],
    { symbology: "]Q1", data: `${"a".repeat(56)}${"b".repeat(56)}c` },
  ],
] as const)("%s", (_, reports, scan) => {
  for (const pieces of everyFeeding(Buffer.concat(reports))) {
    expect(feed(joiner(), pieces)).toEqual({ frames: [scan], discardedByteCount: 0 });
  }
});

describe("what is no scan", () => {
  const found = (...chunks: Uint8Array[]) => {
    const decoder = joiner();
    return [...chunks.flatMap((chunk) => decoder.push(chunk)), ...decoder.idle()];
  };
  const discarded = (byteCount: number, reason: string) => ({
    kind: "discarded",
    byteCount,
    reason,
  });
  const five = { kind: "frame", frame: { symbology: "]E0", data: "5" } };

  test("other reports, wrong lengths and identifiers", () => {
    expect(found(Uint8Array.of(3, 1, 2))).toEqual([discarded(3, "report_id")]);
    expect(found(Uint8Array.of(2, 1, 2))).toEqual([discarded(3, "length")]);
    const long = byHand("]E0", "1");
    long[1] = 57;
    expect(found(long)).toEqual([discarded(64, "length")]);
    expect(found(byHand("xE0", "1"))).toEqual([discarded(64, "aim")]);
    expect(found(byHand("]\x01\x02", "1"))).toEqual([discarded(64, "aim")]);
    expect(found(byHand("]E0", ""))).toEqual([discarded(64, "empty")]);
  });

  test("one that lost its end does not join another", () => {
    const begun = byHand("]Q1", "a", 1);
    expect(found(begun)).toEqual([discarded(64, "incomplete")]);
    expect(found(begun, byHand("]E0", "5"))).toEqual([discarded(64, "incomplete"), five]);
  });

  test("one that is too long is discarded whole, its tail too", () => {
    const part = (last: number) => byHand("]Q1", "a".repeat(56), last);
    const parts = [part(1), part(1), part(1), part(1), part(1), part(0)];
    const tail = [discarded(64, "too_long"), discarded(64, "too_long")];
    expect(found(...parts, byHand("]E0", "5"))).toEqual([
      discarded(256, "too_long"),
      ...tail,
      five,
    ]);
  });

  test("random bytes and mutated reports never throw and are accounted for", () => {
    const mutated = fc
      .tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 0, max: 255 }))
      .map(([at, byte]) => {
        const report = byHand("]E0", "4006381333931");
        report[at] = byte;
        return report;
      });
    const pieces = fc.array(fc.oneof(mutated, fc.uint8Array({ maxLength: 100 })));
    const property = fc.property(pieces, (chunks) => {
      const decoder = createScanReportDecoder();
      const fed = feed(decoder, chunks);
      const byteCount = chunks.reduce((sum, piece) => sum + piece.length, 0);
      expect(fed.discardedByteCount + 64 * fed.frames.length).toBe(byteCount);
      expect(feed(joiner(), chunks).discardedByteCount).toBeLessThanOrEqual(byteCount);
    });
    fc.assert(property);
  });
});

test("what a scanner sends is what the host reads, in every size", () => {
  const text = fc.string({ unit: fc.constantFrom(..."01AZ\x1dö€"), minLength: 1, maxLength: 60 });
  const property = fc.property(fc.integer({ min: 16, max: 80 }), fc.array(text), (size, texts) => {
    const scans = texts.map((data) => ({ symbology: "]d2", data }));
    const decoder = new ScanJoiner({ ...limits, reportSizeBytes: size });
    const chunks = scans.flatMap((scan) => encodeScanReports(scan, size));
    expect(feed(decoder, chunks).frames).toEqual(scans);
  });
  fc.assert(property);
});

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const commands: Record<string, Uint8Array> = {
  "command: beep": encodeCommand([0x16, 0x07, 0x0d]),
  "command: trigger on": encodeCommand([0x16, 0x54, 0x0d]),
  "command: REVINF. menu command": encodeMenuCommand("REVINF."),
};

describe.skipIf(!hasVectors)("shared vectors (skipped where ../shared/vectors is absent)", () => {
  const vectors = vectorsOf("barcode-hid-pos-8c.json");

  test("all are there", () => expect(vectors).toHaveLength(19));

  test.each(vectors)("$name", ({ name, hex: text, direction, expected }) => {
    const list: string[] = typeof text === "string" ? [text] : text;
    const reports = list.map((each) => Buffer.from(each, "hex"));
    if (direction === "host->scanner") {
      const isMenu = name.includes("REVINF");
      // Exception: its length byte says 15 and 10 bytes follow. The other commands of the same source
      // count what follows (`FD 03 16 07 0D`), and so do we; both are read.
      expect(hex(commands[name]!)).toBe(isMenu ? text.replace("fd0f", "fd0a") : text);
      return expect(decodeMenuCommand(reports[0]!)).toBe(isMenu ? "REVINF." : undefined);
    }
    if (expected.text !== undefined) {
      const join = new ScanJoiner({ ...limits, dataLengthMax: 4096 });
      return expect(feed(join, reports).frames).toEqual([
        { symbology: "]X0", data: expected.text },
      ]);
    }
    const [frame] = feed(createScanReportDecoder(), reports).frames;
    expect(frame).toEqual({
      symbology: expected.aim,
      data: new Uint8Array(Buffer.from(expected.dataAscii, "latin1")),
      codeId: Number(expected.honeywellCodeId),
      more: expected.more,
    });
    if (!name.startsWith("other vendor")) expect(hex(encodeScanReport(frame!))).toBe(text);
  });
});
