import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createKeyDecoder,
  encodeBootReports,
  WedgeDecoder,
} from "../../../drivers/keyboard-wedge/codec.ts";
import { keyboardWedgeOptionsSchema } from "../../../drivers/keyboard-wedge/options.ts";
import { type Layout, layouts } from "../../../drivers/keyboard-wedge/tables.ts";
import { Typist } from "../../../drivers/keyboard-wedge/typist.ts";
import { everyFeeding, feed } from "../feeding.ts";
import { hasVectors, vectorsOf } from "../vectors.ts";

const wedge = (input: object = {}) => new WedgeDecoder(keyboardWedgeOptionsSchema.parse(input));
const boot = { source: "boot", eventSizeBytes: 24 } as const;

/** Text of boot reports in hex: modifiers and keys by hand, `m` or `m k k`. */
function typed(layout: Layout, reports: string[]): string {
  const typist = new Typist(layout);
  const bytes = reports.map((report) => {
    const [held = "00", ...keys] = report.split(" ");
    return Buffer.from(`${held}00${keys.join("")}`.padEnd(16, "0"), "hex");
  });
  return feed(createKeyDecoder(boot), bytes)
    .frames.map((event) => typist.take(event))
    .join("");
}
/** Presses each `m k` and releases it. */
const strokes = (...list: string[]) => list.flatMap((stroke) => [stroke, "00"]);

describe("keys become text", () => {
  const fixtures: [string, Layout, string[], string][] = [
    ["US signs", "us", strokes("02 1f", "00 31", "02 33", "00 64"), "@\\:\\"],
    ["UK signs", "uk", strokes("02 1f", "00 31", "02 34", "40 21"), '"#@€'],
    ["German Y and Z", "de", strokes("00 1c", "02 1d", "00 2d", "40 14", "40 24"), "zYß@{"],
    [
      "French digits and letters",
      "fr",
      strokes("02 1e", "00 04", "00 33", "40 27", "00 10"),
      "1qm@,",
    ],
    ["a dead key and a letter", "fr", strokes("00 2f", "00 08", "02 2f", "02 0c"), "êÏ"],
    ["a dead key and a space", "de", strokes("00 35", "00 2c"), "^"],
    ["a dead key and a digit", "de", strokes("02 2e", "00 1e"), "`1"],
    ["Caps Lock", "us", strokes("00 39", "00 04", "02 05", "00 1e", "00 39", "00 06"), "Ab1c"],
    ["AltGr as Control and Alt", "de", strokes("05 14"), "@"],
    ["Control and ]", "us", strokes("01 30"), "\x1d"],
    ["keypad", "fr", strokes("00 59", "00 62", "00 54", "00 63", "00 58"), "10/.\r"],
    ["Alt 0029 is GS", "us", ["04 62", "04", "04 62", "04", "04 5a", "04", "04 61", "00"], "\x1d"],
    ["Alt 0128 is the euro", "us", ["04 62", "04 59", "04 5a", "04 60", "00"], "€"],
    ["Alt 200 depends on the DOS page", "us", ["04 5a", "04 62", "04", "04 62", "00"], "\ufffd"],
    ["a key that types nothing", "us", strokes("00 3a", "00 04"), "a"],
  ];
  test.each(fixtures)("%s", (_, layout, reports, text) => {
    expect(typed(layout, reports)).toBe(text);
  });
});

describe("events of an event node", () => {
  /** type, code, value behind a time that does not matter. */
  const event = (type: number, code: number, value: number, size = 24) => {
    const bytes = Buffer.alloc(size, 0xaa);
    bytes.writeUInt16LE(type, size - 8);
    bytes.writeUInt16LE(code, size - 6);
    bytes.writeInt32LE(value, size - 4);
    return bytes;
  };
  // MSC_SCAN, then left shift, a, release, 1 held and repeated, Enter.
  const keys = [
    [4, 4, 458_756],
    [1, 42, 1],
    [1, 30, 1],
    [0, 0, 0],
    [1, 30, 0],
    [1, 42, 0],
  ];
  const rest = [
    [1, 2, 1],
    [1, 2, 2],
    [1, 2, 0],
    [1, 28, 1],
    [1, 28, 0],
  ];

  test.each([24, 16])("of %i bytes", (size) => {
    const bytes = Buffer.concat(
      [...keys, ...rest].map(([type = 0, code = 0, value = 0]) => event(type, code, value, size)),
    );
    for (const pieces of everyFeeding(bytes)) {
      const decoder = wedge({ source: "evdev", eventSizeBytes: size });
      expect(feed(decoder, pieces)).toEqual({ frames: [{ data: "A1" }], discardedByteCount: 0 });
    }
  });

  test("lost events and rubbish are counted", () => {
    const decoder = wedge({ source: "evdev" });
    expect(decoder.push(event(0, 3, 0))).toMatchObject([{ reason: "dropped", byteCount: 24 }]);
    expect(decoder.push(event(0x99, 3, 0))).toMatchObject([{ reason: "event_type" }]);
  });
});

describe("scans", () => {
  test("AIM identifier, report id, terminators", () => {
    const scan = (input: object, text: string, reportId?: number) =>
      feed(wedge(input), encodeBootReports(text, "us", reportId)).frames;
    expect(scan({ prefix: "aim" }, "]C101\r")).toEqual([{ symbology: "]C1", data: "01" }]);
    expect(scan({ suffix: "tab" }, "7\t8\t")).toEqual([{ data: "7" }, { data: "8" }]);
    expect(scan({ suffix: "none", prefix: { text: "Q:" } }, "Q:77")).toEqual([{ data: "77" }]);
    expect(scan({ reportId: 5 }, "5\r", 5)).toEqual([{ data: "5" }]);
  });

  test("one that stops in its middle does not join the next", () => {
    const decoder = wedge();
    for (const report of encodeBootReports("12", "us")) decoder.push(report);
    expect(decoder.idle()).toMatchObject([{ kind: "discarded", reason: "incomplete" }]);
    expect(feed(decoder, encodeBootReports("3\r", "us")).frames).toEqual([{ data: "3" }]);
  });

  test("what a scanner types is what the host reads, in every layout", () => {
    const text = fc.string({
      unit: fc.constantFrom(..."azqwymAZ09]^`~{@\\|/-_ \x1dö€é"),
      minLength: 1,
    });
    const property = fc.property(fc.constantFrom(...layouts), fc.array(text), (layout, texts) => {
      const reports = texts.flatMap((data) => encodeBootReports(`${data}\r`, layout));
      const { frames } = feed(wedge({ layout }), reports);
      expect(frames).toEqual(texts.map((data) => ({ data })));
    });
    fc.assert(property);
  });

  test("random reports never throw", () => {
    const property = fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (pieces) => {
      const decoder = createKeyDecoder(boot);
      const byteCount = pieces.reduce((sum, piece) => sum + piece.length, 0);
      const { discardedByteCount } = feed(decoder, pieces);
      expect(discardedByteCount).toBeLessThanOrEqual(byteCount);
      for (const input of [{}, { source: "evdev" }, { reportId: 1, layout: "de" }]) {
        feed(wedge(input), pieces);
      }
    });
    fc.assert(property);
  });
});

describe.skipIf(!hasVectors)("shared vectors (skipped where ../shared/vectors is absent)", () => {
  const vectors = vectorsOf("barcode-hid-keyboard.json");

  test("all are there", () => expect(vectors).toHaveLength(10));

  test.each(vectors)("$name", (vector) => {
    const reports = (vector.hex as unknown as string[]).map((hex) => Buffer.from(hex, "hex"));
    const layout = "layout" in vector && vector.layout === "FR" ? "fr" : "us";
    const typist = new Typist(layout);
    for (const pieces of everyFeeding(Buffer.concat(reports)).slice(0, 3)) {
      const { frames } = feed(createKeyDecoder(boot), pieces);
      // Enter is LF in the vectors, CR here, as scanners on serial lines send it.
      const text = frames.map((event) => typist.take(event)).join("");
      expect(text.replaceAll("\r", "\n")).toBe(vector.expected.text);
    }
  });
});
