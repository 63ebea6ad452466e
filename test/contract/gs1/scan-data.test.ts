import { describe, expect, test } from "vitest";
import { readBarcode } from "../../../contract/gs1/barcode.ts";
import { type Symbology, scanDataOf } from "../../../contract/gs1/scan-data.ts";
import { describeVectors, vectorsOf } from "./vectors.ts";

const gs = "\u001d";
const text = (data: string) => ({ data, isGs1: false });
const gs1 = (data: string, composite?: string) => ({ data, isGs1: true, composite });

// After the tables of ISO/IEC 15424 and General Specifications 5.1.2, by hand.
describe("what is sent", () => {
  test.each([
    [
      "QR",
      text("HTTPS://EXAMPLE.COM/01/09506000134352"),
      "]Q1HTTPS://EXAMPLE.COM/01/09506000134352",
    ],
    ["QR", gs1("0109506000134352"), "]Q30109506000134352"],
    ["DM", gs1(`0109506000134352${"10"}A${gs}21B`), `]d2010950600013435210A${gs}21B`],
    ["GS1_128", gs1("00106141411234567897"), "]C100106141411234567897"],
    ["GS1_128", gs1("10AB", "21C"), `]e010AB${gs}21C`],
    ["DataBarOmni", text("09506000134352"), "]e00109506000134352"],
    ["EAN13", text("9506000134352"), "]E09506000134352"],
    ["EAN13", text("950600013435"), "]E09506000134352"],
    ["UPCA", text("614141007349"), "]E00614141007349"],
    ["EAN8", text("95050003"), "]E495050003"],
  ] as const)("%s %j", (symbology, content, sent) => {
    expect(scanDataOf(symbology, content)).toBe(sent);
  });

  test.each([
    ["EAN13", text("9506000134353")],
    ["EAN13", text("HELLO")],
    ["EAN13", gs1("0119506000134359")],
    ["EAN8", gs1("0109506000134352")],
    ["GS1_128", text("HELLO")],
    ["DataBarExpanded", text("HELLO")],
    ["DataBarLimited", text("20000000000004")],
  ] as const)("%s cannot carry %j", (symbology, content) => {
    expect(scanDataOf(symbology, content)).toBeUndefined();
  });

  test("is read again", () => {
    const sent = scanDataOf("DM", gs1("01095060001343522112345")) ?? "";
    const read = readBarcode({ symbology: sent.slice(0, 3), data: sent.slice(3) });
    expect(read).toMatchObject({
      kind: "elements",
      elements: [
        ["01", "09506000134352"],
        ["21", "12345"],
      ],
    });
  });
});

describeVectors("scan data", () => {
  /** As GS1's own tool is told: `^` is FNC1, `\\^` a caret, `|` stands before the composite part. */
  const contentOf = (dataStr: string, symbology: string) => {
    const isTwoDimensional = /^(QR|DM|DotCode)$/.test(symbology);
    const [linear = "", composite] = isTwoDimensional ? [dataStr] : dataStr.split("|");
    const isGs1 = linear.startsWith("^");
    const separated = (part: string) => part.replace(/^\^/, "").replaceAll("^", gs);
    const data = isGs1 ? separated(linear) : linear.replace(/^\\(?=\\*\^)/, "");
    return { data, isGs1, composite: composite === undefined ? undefined : separated(composite) };
  };
  const symbologyOf = (name: string) => name.replace(/_CC[AC]$/, "") as Symbology;
  test.each(vectorsOf("element-strings.json", "generateScanData"))(
    "$id $input.symbology $input.dataStr",
    ({ input, expected }) => {
      const content = contentOf(input.dataStr, input.symbology);
      expect(scanDataOf(symbologyOf(input.symbology), content)).toBe(expected.scanData);
    },
  );
});
