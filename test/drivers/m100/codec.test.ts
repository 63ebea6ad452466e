import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Answer,
  type Command,
  decodeAnswer,
  decodeCommand,
  encodeAnswer,
  encodeCommand,
} from "../../../drivers/m100/codec.ts";
import { encodeFrame, type Frame, FrameDecoder, frameTypes } from "../../../drivers/m100/frame.ts";
import { errorText } from "../../../drivers/m100/tables.ts";
import { bytesOf, everyFeeding, expectFoundInNoise, feed, hexOf } from "../feeding.ts";
import { hasVectors, vectorsOf } from "../vectors.ts";

const framesOf = (hex: string) => feed(new FrameDecoder(), [bytesOf(hex)]).frames;

// Written out by hand from the manual's layout, not made by the encoder.
const commandFixtures: [string, Command][] = [
  ["bb0003000100047e", { type: "get_info", info: "hardware" }],
  ["bb0003000102067e", { type: "get_info", info: "maker" }],
  ["bb00080000087e", { type: "get_region" }],
  ["bb00070001030b7e", { type: "set_region", region: "etsi" }],
  ["bb00b70000b77e", { type: "get_power" }],
  ["bb00b600020898587e", { type: "set_power", powerDbm: 22 }],
  ["bb002700032200ff4b7e", { type: "poll", pollCount: 255 }],
  ["bb00280000287e", { type: "stop" }],
];
const answerFixtures: [string, Answer][] = [
  ["bb0103000400563130bf7e", { type: "info", info: "hardware", text: "V10" }],
  ["bb01080001030d7e", { type: "region", region: "etsi" }],
  ["bb01b7000208985a7e", { type: "power", powerDbm: 22 }],
  ["bb01280001002a7e", { type: "done", command: 0x28, status: 0 }],
  ["bb01ff000120217e", { type: "error", code: 0x20 }],
  [
    "bb0222000dce2000e2003412dc03011800003f7e",
    { type: "tag", epc: "E2003412DC030118", rssiDbm: -50 },
  ],
];

describe("fixtures", () => {
  test.each(commandFixtures)("command %s", (hex, command) => {
    expect(hexOf(encodeCommand(command))).toBe(hex);
    expect(framesOf(hex).map(decodeCommand)).toEqual([command]);
  });

  test.each(answerFixtures)("answer %s", (hex, answer) => {
    expect(framesOf(hex).map(decodeAnswer)).toEqual([answer]);
    expect(hexOf(encodeAnswer(answer))).toBe(hex);
  });
});

describe.skipIf(!hasVectors)("shared vectors (skipped where ../shared/vectors is absent)", () => {
  const vectors = vectorsOf("uhf-yrm100-m100-r200.json");
  const isStream = ({ expected }: { expected: { frames?: unknown } }) =>
    expected.frames !== undefined;

  test.each(vectors.filter(isStream))("$name", ({ hex, expected }) => {
    const { frames, discardedByteCount } = feed(new FrameDecoder(), [bytesOf(hex)]);
    const discarded: string = expected.discarded ?? "";
    expect(discardedByteCount).toBe(discarded.length / 2);
    if (typeof expected.frames === "number") expect(frames).toHaveLength(expected.frames);
    else expect(frames.map((frame) => hexOf(encodeFrame(frame)))).toEqual(expected.frames);
  });

  const single = vectors.filter((vector) => !isStream(vector));
  test.each(single)("$name $hex", ({ hex, valid, expected }) => {
    const { frames, discardedByteCount } = feed(new FrameDecoder(), [bytesOf(hex)]);
    if (!valid) {
      expect(frames).toEqual([]);
      expect(discardedByteCount).toBe(hex.length / 2);
      return;
    }
    expect(frames).toHaveLength(1);
    const [frame] = frames as [Frame];
    expect(frame.type).toBe(frameTypes[expected.frame as keyof typeof frameTypes]);
    expect(frame.command).toBe(Number(expected.command));
    expect(hexOf(frame.data)).toBe(expected.payloadHex);
    expect(hexOf(encodeFrame(frame))).toBe(hex);
    const answer = decodeAnswer(frame);
    if (expected.errorCode) {
      expect(answer).toEqual({ type: "error", code: Number(expected.errorCode) });
    }
    if (frame.type === frameTypes.notice) {
      expect(answer).toMatchObject({ epc: expected.epc, rssiDbm: expected.rssiDbmSigned8 });
    }
    if (expected.text) expect(answer).toMatchObject({ type: "info", text: expected.text });
    if (expected.powerCentiDbm && frame.type === frameTypes.response) {
      expect(answer).toEqual({ type: "power", powerDbm: expected.powerCentiDbm / 100 });
    }
  });
});

describe("resynchronisation", () => {
  const tag = bytesOf("bb02220011c9340030751feb705c5904e3d50d703a76ef7e");
  const none = bytesOf("bb01ff000115167e");

  test("frames are the same in every split, with noise between them", () => {
    const stream = Buffer.concat([bytesOf("00bb7eff"), tag, bytesOf("bb02"), none, tag]);
    const whole = feed(new FrameDecoder(), [stream]);
    expect(whole.frames).toHaveLength(3);
    expect(whole.discardedByteCount).toBe(6);
    for (const pieces of everyFeeding(stream)) {
      expect(feed(new FrameDecoder(), pieces)).toEqual(whole);
    }
  });

  test("a frame whose end byte is wrong is none, and the next one is found", () => {
    const broken = tag.slice();
    broken[broken.length - 1] = 0;
    const fed = feed(new FrameDecoder(), [Buffer.concat([broken, none])]);
    expect(fed.frames.map(decodeAnswer)).toEqual([{ type: "error", code: 0x15 }]);
    expect(fed.discardedByteCount).toBe(broken.length);
  });

  test("no byte is lost from the account, and no frame is missed between random garbage", () => {
    expectFoundInNoise(() => new FrameDecoder(), encodeFrame, tag);
  });
});

describe("answers that are none", () => {
  test("a tag shorter than its PC word says", () => {
    const frame = { type: frameTypes.notice, command: 0x22, data: bytesOf("c930003075") };
    expect(decodeAnswer(frame)).toBeUndefined();
  });

  test("a tag that says it has no EPC is one without an EPC", () => {
    const frame = { type: frameTypes.notice, command: 0x22, data: bytesOf("c900001234") };
    expect(decodeAnswer(frame)).toEqual({ type: "tag", epc: "", rssiDbm: -55 });
  });

  test("random frames never throw", () => {
    const frames = fc.record({
      type: fc.nat(3),
      command: fc.constantFrom(0x03, 0x07, 0x08, 0x22, 0x27, 0x28, 0xb6, 0xb7, 0xff, 0x39),
      data: fc.uint8Array({ maxLength: 80 }),
    });
    fc.assert(fc.property(frames, (frame) => void [decodeAnswer(frame), decodeCommand(frame)]));
  });

  test("failures have words, unknown ones their number", () => {
    expect(errorText(0x20)).toBe("no free channel to transmit on (0x20)");
    expect(errorText(0xa3)).toBe("the module says (0xa3)");
  });
});
