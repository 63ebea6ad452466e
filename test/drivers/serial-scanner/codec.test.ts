import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeScan,
  type Scan,
  ScanDecoder,
  type ScanFormat,
  scanFormatSchema,
} from "../../../drivers/serial-scanner/codec.ts";
import { everyFeeding, feed } from "../feeding.ts";
import { hasVectors, vectorsOf } from "../vectors.ts";

type FormatInput = Parameters<typeof scanFormatSchema.parse>[0];
const format = (input: FormatInput = {}): ScanFormat => scanFormatSchema.parse(input);
const scansOf = (input: FormatInput, text: string) =>
  feed(new ScanDecoder(format(input)), [Buffer.from(text)]);

const fixtures: [string, FormatInput, string, Scan[]][] = [
  ["CR", {}, "4006381333931\r", [{ data: "4006381333931" }]],
  ["two at once", {}, "1\r2\r", [{ data: "1" }, { data: "2" }]],
  ["CR LF while set to CR", {}, "1\r\n2\r\n", [{ data: "1" }, { data: "2" }]],
  ["CR LF", { suffix: "crlf" }, "1\r\n2\r\n", [{ data: "1" }, { data: "2" }]],
  ["TAB", { suffix: "tab" }, "PART-0042\t", [{ data: "PART-0042" }]],
  ["STX ETX", { prefix: "stx", suffix: "etx" }, "x\x02ABC-1234\x03", [{ data: "ABC-1234" }]],
  ["AIM", { prefix: "aim" }, "]E04006381333931\r", [{ symbology: "]E0", data: "4006381333931" }]],
  [
    "FNC1 as GS",
    { prefix: "aim" },
    "]C10109501101530003\x1d21SER1\r",
    [{ symbology: "]C1", data: "0109501101530003\x1d21SER1" }],
  ],
  ["AIM that is missing", { prefix: "aim" }, "400\r", [{ data: "400" }]],
  ["text", { prefix: { text: "d" } }, "d400\r", [{ data: "400" }]],
  ["UTF-8", { prefix: "aim" }, "]Q1Größe\r", [{ symbology: "]Q1", data: "Größe" }]],
  ["no suffix", { suffix: "none" }, "400", [{ data: "400" }]],
];

describe("formats", () => {
  test.each(fixtures)("%s", (_, input, text, scans) => {
    for (const pieces of everyFeeding(Buffer.from(text))) {
      expect(feed(new ScanDecoder(format(input)), pieces).frames).toEqual(scans);
    }
  });

  test("Latin-1 where it is no UTF-8", () => {
    const fed = feed(new ScanDecoder(format()), [Buffer.from("Gr\xf6\xdfe\r", "latin1")]);
    expect(fed.frames).toEqual([{ data: "Größe" }]);
  });

  test("what a scanner sends is what the host reads, in every format", () => {
    const inputs = fc.record({
      prefix: fc.constantFrom("none" as const, "aim" as const, "stx" as const, { text: "Q:" }),
      suffix: fc.constantFrom("cr" as const, "crlf" as const, "tab" as const, "etx" as const),
    });
    const data = fc.string({ unit: fc.constantFrom(..."0129AZaz-.\x1dö€]"), minLength: 1 });
    const property = fc.property(inputs, fc.array(data), (input, texts) => {
      const aim = input.prefix === "aim" ? { symbology: "]d2" } : {};
      const scans = texts.map((text) => ({ ...aim, data: text }));
      const bytes = Buffer.concat(scans.map((scan) => encodeScan(format(input), scan)));
      expect(feed(new ScanDecoder(format(input)), [bytes]).frames).toEqual(scans);
    });
    fc.assert(property);
  });
});

describe("what is no scan", () => {
  test("one that is too long is discarded whole, its tail too", () => {
    const fed = scansOf({ dataLengthMax: 20 }, `${"1".repeat(70)}\r5\r`);
    expect(fed).toEqual({ frames: [{ data: "5" }], discardedByteCount: 71 });
    expect(scansOf({ dataLengthMax: 20 }, `${"1".repeat(21)}\r`).frames).toEqual([]);
  });

  test("one that lost its end does not join the next", () => {
    const decoder = new ScanDecoder(format());
    decoder.push(Buffer.from("40063"));
    expect(decoder.idle()).toEqual([{ kind: "discarded", byteCount: 5, reason: "incomplete" }]);
    const next = decoder.push(Buffer.from("5\r"));
    expect(next).toEqual([{ kind: "frame", frame: { data: "5" } }]);
  });

  test("one that lost its beginning", () => {
    expect(scansOf({ prefix: "stx", suffix: "etx" }, "34\x03").frames).toEqual([]);
    expect(scansOf({ prefix: { text: "Q:" } }, "34\r").frames).toEqual([]);
    expect(scansOf({ prefix: "aim" }, "]E0\r").frames).toEqual([]);
  });

  test("control characters of a wrong speed", () => {
    const fed = feed(new ScanDecoder(format()), [Uint8Array.of(0x80, 0xf8, 0x06, 0x0d)]);
    expect(fed).toEqual({ frames: [], discardedByteCount: 4 });
  });

  test("random bytes never throw and are accounted for", () => {
    const property = fc.property(fc.array(fc.uint8Array()), (pieces) => {
      const fed = feed(new ScanDecoder(format()), pieces);
      const byteCount = pieces.reduce((sum, piece) => sum + piece.length, 0);
      expect(fed.discardedByteCount).toBeLessThanOrEqual(byteCount);
      for (const { data } of fed.frames) expect(data).not.toMatch(/\r/);
    });
    fc.assert(property);
  });
});

const settings: Record<string, FormatInput> = {
  "no prefix, CR": {},
  "AIM id, CR LF": { prefix: "aim", suffix: "crlf" },
  "STX ETX": { prefix: "stx", suffix: "etx" },
  "GS1-128 with FNC1 as GS": { prefix: "aim" },
  "TAB suffix": { suffix: "tab" },
  "Honeywell code id prefix d": { prefix: { text: "d" } },
  "QR UTF-8": { prefix: "aim" },
  "no read text": {},
};

describe.skipIf(!hasVectors)("shared vectors (skipped where ../shared/vectors is absent)", () => {
  const plain = vectorsOf("barcode-serial-ssi.json").filter(({ name }) => name in settings);

  test("all plain ones are there", () => {
    expect(plain).toHaveLength(Object.keys(settings).length);
  });

  test.each(plain)("$name", ({ name, hex, expected }) => {
    const bytes = Buffer.from(hex, "hex");
    const { frames } = feed(new ScanDecoder(format(settings[name]!)), [bytes]);
    const data = expected.data ?? (expected.noRead ? "NR" : "4006381333931");
    const aim = expected.aim === undefined ? {} : { symbology: expected.aim };
    expect(frames).toEqual([{ ...aim, data }]);
    expect(encodeScan(format(settings[name]!), frames[0]!)).toEqual(bytes);
  });
});
