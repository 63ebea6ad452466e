import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodePrintedLine,
  type PrintedWeight,
  parsePrintedLine,
} from "../../../drivers/ascii-scale/codec.ts";
import { PrintedLineDecoder } from "../../../drivers/ascii-scale/line-decoder.ts";
import { everyFeeding, feed } from "../feeding.ts";
import { hasVectors, vectorsOf } from "../vectors.ts";

const decoder = () => new PrintedLineDecoder();
const weight = (weightGrams: number, rest: Partial<PrintedWeight> = {}): PrintedWeight => ({
  ...{ type: "weight", weightGrams, status: "ok", isStable: true, load: "gross", ...rest },
});

// Written out by hand from the makers' manuals.
const fixtures: [string, PrintedWeight][] = [
  ["ST,GS,+  1.234kg", weight(1234)],
  ["US,NT,-   0.50 kg", weight(-500, { isStable: false, load: "net" })],
  ["ST,GS    12.5g  ", weight(12.5)],
  ["ST,TR,+    100 g", weight(100, { load: "tare" })],
  ["OL,GS,+9999.99kg", weight(0, { status: "overload", isStable: false })],
  ["ST,GS,+     12pcs", weight(0, { status: "fault", unknownUnit: "pcs" })],
  ["ST,GS,+  99999kg", weight(0, { status: "fault" })],
  ["-  1.640 kg   ?N", weight(-1640, { isStable: false, load: "net" })],
  ["   0.360 kg    G", weight(360)],
  ["+   0.500 kg", weight(500)],
  ["     N       0.3746 g   ", weight(0.3746, { load: "net" })],
  ["ST,GS,-   0.0 g", weight(0)],
];

describe("lines", () => {
  test.each(fixtures)("%s", (line, expected) => {
    expect(parsePrintedLine(`${line}\r`)).toEqual(expected);
  });

  test.each(["", "ST,GS", "ST,XX,+ 1.0kg", "1.0", "kg", "+007.12/3 G S", "1,234 kg", "2026-11-26"])(
    '"%s" is no weight',
    (line) => {
      expect(parsePrintedLine(line)).toMatchObject({ type: "discarded" });
    },
  );

  test.each<[string, PrintedWeight]>([
    ["ST,GS,+   1.234", weight(1234)],
    ["   0.250", weight(250)],
    ["-  1.5   ?N", weight(-1500, { isStable: false, load: "net" })],
    ["+007.12/3 G S", weight(7120)],
    ["+002.50 N D", weight(2500, { isStable: false, load: "net" })],
    ["ST,GS,+   12.0 g", weight(12)],
  ])("%s, from a scale that is set to kg", (line, expected) => {
    expect(parsePrintedLine(line, "kg")).toEqual(expected);
    const isWithUnit = line.endsWith("g");
    const read = isWithUnit ? expected : { type: "discarded", reason: "no_unit" };
    expect(parsePrintedLine(line)).toEqual(read);
  });

  test("any text is read or discarded", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.stringMatching(/^(ST|US|OL)?,?(GS)?,? *[-+0-9. ]*[a-zG?]*$/),
    );
    fc.assert(
      fc.property(texts, (text) => void [parsePrintedLine(text), parsePrintedLine(text, "kg")]),
    );
  });

  test("what a simulated scale prints", () => {
    const bytes = encodePrintedLine(weight(-12.3, { isStable: false }));
    expect(Buffer.from(bytes).toString()).toBe("US,GS,-    12.3g\r\n");
  });
});

test("lines are the same in every split; one that begins in its middle costs itself", () => {
  const stream = Buffer.from("GS,+  1.0kg\r\nST,GS,+  1.234kg\r\n   0.360 kg   ?G\r\nnoise\r\n");
  const whole = feed(decoder(), [stream]);
  expect(whole.frames.map(({ weightGrams }) => weightGrams)).toEqual([1234, 360]);
  for (const pieces of everyFeeding(stream)) expect(feed(decoder(), pieces)).toEqual(whole);
});

/** A label of several lines: which of its weights is the one is nowhere said. */
const otherForms = /^JIK/;
/** These print no unit; that it is kg stands in the options then. */
const withoutUnit = /^weight QA/;

describe.skipIf(!hasVectors)("shared vectors (skipped where ../shared/vectors is absent)", () => {
  const vectors = vectorsOf("scale-ascii-lines.json").filter(({ name }) => !otherForms.test(name));
  const isLine = ({ expected }: { expected: { weight?: number } }) => expected.weight !== undefined;

  test.each(vectors.filter(isLine))("$name", ({ name, hex, expected }) => {
    const isUnitless = withoutUnit.test(name);
    const line = new PrintedLineDecoder(isUnitless ? "kg" : undefined);
    const { frames, discardedByteCount } = feed(line, [Buffer.from(hex, "hex")]);
    expect(discardedByteCount).toBe(0);
    expect(frames).toHaveLength(1);
    const gramsPer = expected.unit === "kg" || isUnitless ? 1000 : 1;
    expect(frames[0]?.weightGrams).toBeCloseTo(expected.weight * gramsPer, 6);
    expect(frames[0]).toMatchObject({ isStable: expected.stable, load: expected.kind });
  });

  test.each(vectors.filter((vector) => !isLine(vector)))("$name", ({ hex, expected }) => {
    const { frames } = feed(decoder(), [Buffer.from(hex, "hex")]);
    if (expected.completeLines === undefined) {
      expect(frames[0]?.weightGrams).toBe(expected.firstWeight * 1000);
      return;
    }
    expect(frames).toHaveLength(expected.completeLines);
  });
});
