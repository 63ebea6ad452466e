import { describe, expect, test } from "vitest";
import { deviceKinds } from "../../../drivers/registry.ts";
import {
  decodeAll,
  decodeBarcodeText,
  decodeEpcText,
  decodeFrames,
} from "../../../edge/technician/decode.ts";
import { frameKinds } from "../../../edge/technician/frame-readers.ts";

const nowMs = Date.UTC(2026, 10, 26);

describe("epc", () => {
  test("spaces and case do not matter", () => {
    expect(decodeEpcText("3034 257b f719-4e40:0000 1a85", false)).toMatchObject({
      ok: true,
      pureIdentityUri: "urn:epc:id:sgtin:0614141.812345.6789",
    });
  });

  test("a PC word says how long the EPC behind it is, and whether it is one of GS1", () => {
    const gs1 = decodeEpcText("3000 3034257BF7194E4000001A85 FFFF", true);
    expect(gs1).toMatchObject({ ok: true, scheme: "SGTIN-96", pcWord: { epcWordCount: 6 } });
    const iso = decodeEpcText("11C1 11112222", true);
    expect(iso).toMatchObject({ ok: false, code: "iso", rawUri: "urn:epc:raw:32.xC1.x11112222" });
    expect(decodeEpcText("30", true)).toMatchObject({ ok: false });
  });
});

describe("barcode", () => {
  test("an AIM identifier before the text, and {GS}", () => {
    expect(decodeBarcodeText("]d20109506000134352{GS}21A/C", {}, nowMs)).toMatchObject({
      ok: true,
      elementString: "(01)09506000134352(21)A/C",
      digitalLink: "https://id.gs1.org/01/09506000134352/21/A%2FC",
    });
  });

  test("every element with its title and meaning, and what does not go together", () => {
    const text = "(01)09506000134352(3103)000250(17)270200(37)2";
    expect(decodeBarcodeText(text, {}, nowMs)).toMatchObject({
      ok: true,
      gtin: "09506000134352",
      elements: [
        { ai: "01", title: "GTIN" },
        { ai: "3103", title: "NET WEIGHT (kg)", decimal: "0.250" },
        { ai: "17", title: "USE BY or EXPIRY", date: "2027-02-28" },
        { ai: "37", title: "COUNT", value: "2" },
      ],
      warnings: ["(01) must not stand with (37)", expect.stringContaining("(37) needs")],
    });
    expect(decodeBarcodeText("(01)1", {}, nowMs)).toMatchObject({ ok: false });
    const link = "https://example.com/gtin/9506000134352";
    expect(decodeBarcodeText(link, { symbology: "]Q1" }, nowMs)).toMatchObject({
      gtin: "09506000134352",
    });
  });

  test("who gave out the key; with GS1's table also the company, the URN and a readable SSCC", () => {
    const text = "(01)09521234000013(21)7";
    const known = { companyPrefixes: new Map([["9521", 7]]) };
    const issuer = "Used for demonstrations and examples of the GS1 system";
    expect(decodeBarcodeText(text, {}, nowMs)).toMatchObject({ issuer, urn: undefined });
    expect(decodeBarcodeText(text, known, nowMs)).toMatchObject({
      issuer,
      companyPrefixLength: 7,
      urn: "urn:epc:id:sgtin:9521234.000001.7",
    });
    const pallet = decodeBarcodeText("(00)195212340000000003", known, nowMs);
    expect(pallet["readableSscc"]).toBe("1 9521234 000000000 3");
    const foreign = decodeBarcodeText("(00)140063810000000007", known, nowMs);
    expect(foreign).toMatchObject({ issuer: "GS1 Germany", urn: undefined });
    const onShelf = decodeBarcodeText("4006381333931", {}, nowMs);
    expect(onShelf).toMatchObject({ ok: true, issuer: "GS1 Germany" });
  });

  test("a refusal keeps the text", () => {
    const decoding = decodeBarcodeText("hello", { symbology: "]Q0" }, nowMs);
    expect(decoding).toMatchObject({ ok: false, data: "hello" });
    expect(decoding["reason"]).toBe("a text with no GTIN");
  });
});

describe("frame", () => {
  test("frames are told with what they say, and the rest with its length", async () => {
    const decodings = await decodeFrames("r2000", "00 a00501720109de a0");
    expect(decodings).toMatchObject([
      { ok: false, reason: "noise", byteCount: 1 },
      { ok: true, says: { type: "version", major: 1, minor: 9 } },
      { ok: false, reason: "incomplete", byteCount: 1 },
    ]);
  });

  test("text that a device sends may be given as it is", async () => {
    expect(await decodeFrames("mt-sics", "S S     100.00 g")).toMatchObject([
      { ok: true, says: { weightGrams: 100 } },
    ]);
    const event = '{"type":"gpi","data":{"pin":2,"state":"LOW"}}';
    expect(await decodeFrames("zebra-iot", `${event}{"x":1}`)).toMatchObject([
      { ok: true, says: [{ type: "input", port: 2, isHigh: false }] },
      { ok: false, reason: "malformed" },
    ]);
    const [refused] = await decodeFrames("r2000", "0x a0 hello");
    expect(refused).toMatchObject({ ok: false, reason: expect.stringContaining('"h" at 7') });
  });

  test("every kind of device whose bytes can be told apart has its frames", () => {
    // A keyboard's reports mean nothing without those before them.
    expect([...frameKinds, "keyboard-wedge"].sort()).toEqual([...deviceKinds].sort());
  });

  test.each([
    ["ascii-scale", "53542c47532c2b2020312e3233346b670d0a", { weightGrams: 1234 }],
    ["gpio-input", "65646765203137203120300a", { type: "edge" }],
    ["hid-scale", "030402004104", { weightGrams: 1089 }],
    ["mt-sics", "5320532020202020312e3520670d0a", { weightGrams: 1.5 }],
    ["serial-scanner", "5d4530343030363338313333333933310d", { symbology: "]E0" }],
    ["toledo", "0230312e3233340d", { type: "weight" }],
  ])("%s %s", async (kind, hex, says) => {
    const [decoding] = await decodeFrames(kind, hex);
    expect(decoding).toMatchObject({ ok: true, says });
  });

  test("lines of a board are frames too", async () => {
    const hex = Buffer.from("#7 100 OVER\n").toString("hex");
    const [decoding] = await decodeFrames("load-cell-board", hex);
    expect(decoding).toMatchObject({ ok: true, says: { type: "sample", number: 7 } });
  });

  test("an LLRP report: parameters by name, and the reads", async () => {
    const tag = "00f0 0016 8d 3034257bf7194e4000001a85 81 0002 86 bf";
    const [decoding] = await decodeFrames("llrp", `043d 00000020 00000007 ${tag}`);
    expect(decoding).toMatchObject({
      ok: true,
      message: "RO_ACCESS_REPORT",
      version: "1.0.1",
      id: 7,
      parameters: [
        {
          name: "TagReportData",
          parameters: [
            { name: "EPC-96", hex: "3034257bf7194e4000001a85" },
            { name: "AntennaID", hex: "0002" },
            { name: "PeakRSSI", hex: "bf" },
          ],
        },
      ],
      reads: [{ epc: "3034257BF7194E4000001A85", antenna: 2, rssiDbm: -65 }],
    });
    const [refused] = await decodeFrames(
      "llrp",
      `043d 00000020 00000007 ${tag.replace("0016", "0017")}`,
    );
    expect(refused).toMatchObject({ ok: false, reason: "a parameter's length runs past its end" });
  });

  test.each([
    ["nonsense", "00", `the kinds are ${frameKinds.join(", ")}`],
    ["toString", "00", "no frames of kind"],
    ["m100", "0", "pairs of hex digits"],
    ["m100", "xyz1", "pairs of hex digits"],
  ])("%s %s is refused: %s", async (kind, text, reason) => {
    const [decoding] = await decodeFrames(kind, text);
    expect(decoding?.ok).toBe(false);
    expect(decoding?.["reason"]).toContain(reason);
  });
});

test("every input is printed as one line, refusals are counted, a huge one is not tried", async () => {
  const lines: string[] = [];
  const inputs = ["3034257BF7194E4000001A85", "00", "F".repeat(200_000)];
  const refusalCount = await decodeAll(
    inputs,
    (text) => [decodeEpcText(text, false)],
    (line) => lines.push(line),
  );
  expect(refusalCount).toBe(2);
  expect(lines.map((line) => JSON.parse(line).ok)).toEqual([true, false, false]);
  expect(lines[2]).toContain("longer than");
});
