import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Answer,
  type Command,
  decodeAnswer,
  decodeCommand,
  encodeAnswer,
  encodeCommand,
} from "../../../drivers/r2000/codec.ts";
import { encodeFrame, type Frame, FrameDecoder } from "../../../drivers/r2000/frame.ts";
import { channelMhz, commandCodes, regions, resultText } from "../../../drivers/r2000/tables.ts";
import { bytesOf, everyFeeding, expectFoundInNoise, feed, hexOf } from "../feeding.ts";
import { hasVectors, vectorsOf } from "../vectors.ts";

const framesOf = (hex: string) => feed(new FrameDecoder(), [bytesOf(hex)]).frames;

// Written out by hand from the manual's layout, not made by the encoder.
const commandFixtures: [string, Command][] = [
  ["a003ff72ec", { type: "get_version" }],
  ["a003ff77e7", { type: "get_power" }],
  ["a003ff79e5", { type: "get_region" }],
  ["a004ff7401e8", { type: "set_antenna", antenna: 2 }],
  ["a004ff761acd", { type: "set_power", powersDbm: [26] }],
  ["a006ff78020006db", { type: "set_region", region: "etsi" }],
  ["a004ff8901d3", { type: "inventory", repeatCount: 1 }],
  [
    "a00dff8a00010201ff00ff000001c7",
    { type: "fast_switch", antennas: [1, 3], stayCount: 1, intervalMs: 0, repeatCount: 1 },
  ],
];
const answerFixtures: [string, Answer][] = [
  ["a00501720109de", { type: "version", major: 1, minor: 9 }],
  ["a00401771aca", { type: "power", powersDbm: [26] }],
  ["a0060179020006d8", { type: "region", region: "etsi" }],
  ["a004017410d7", { type: "result", command: 0x74, code: 0x10 }],
  ["a004018922b0", { type: "result", command: 0x89, code: 0x22 }],
  [
    "a0130189043000e200301666130121155074ef45bf",
    {
      type: "tag",
      command: 0x89,
      antenna: 1,
      channelIndex: 1,
      epc: "E200301666130121155074EF",
      rssiDbm: -60,
    },
  ],
  ["a00a018900001100000005b6", { type: "round_end", antenna: 1, readsPerSecond: 17, readCount: 5 }],
  ["a00a018a0000030000012c9b", { type: "fast_switch_end", readCount: 3, durationMs: 300 }],
  ["a005018a0222ac", { type: "antenna_missing", antenna: 3 }],
];

describe("fixtures", () => {
  test.each(commandFixtures)("command %s", (hex, command) => {
    expect(hexOf(encodeCommand(0xff, command))).toBe(hex);
    expect(framesOf(hex).map(decodeCommand)).toEqual([command]);
  });

  test.each(answerFixtures)("answer %s", (hex, answer) => {
    expect(framesOf(hex).map(decodeAnswer)).toEqual([answer]);
    expect(hexOf(encodeAnswer(1, answer))).toBe(hex);
  });
});

describe.skipIf(!hasVectors)("shared vectors (skipped where ../shared/vectors is absent)", () => {
  test.each(vectorsOf("uhf-r2000-a0.json"))("$name", ({ hex, valid, direction, expected }) => {
    const { frames, discardedByteCount } = feed(new FrameDecoder(), [bytesOf(hex)]);
    if (!valid) {
      expect(frames).toEqual([]);
      expect(discardedByteCount).toBe(hex.length / 2);
      return;
    }
    expect(frames).toHaveLength(1);
    const [frame] = frames as [Frame];
    expect(frame.address).toBe(Number(expected.addr));
    expect(frame.command).toBe(Number(expected.cmd));
    expect(hexOf(encodeFrame(frame))).toBe(hex);
    if (direction !== "reader->host") return;
    expect(decodeAnswer(frame)).toMatchObject(meaningOf(expected));
  });
});

// biome-ignore lint/suspicious/noExplicitAny: the vectors' own words for an answer.
function meaningOf(expected: any): object {
  if (expected.version) return { type: "version", major: 1, minor: 9 };
  if (expected.errorCode) return { type: "result", code: Number.parseInt(expected.errorCode, 16) };
  if (expected.end) {
    const { antenna, readRate, totalRead } = expected;
    return { type: "round_end", antenna, readsPerSecond: readRate, readCount: totalRead };
  }
  const { antenna, epc, freqIndex, rssiDbmMinus129 } = expected;
  return { type: "tag", antenna, epc, channelIndex: freqIndex, rssiDbm: rssiDbmMinus129 };
}

describe("resynchronisation", () => {
  const tag = bytesOf("a0130189043000e200301666130121155074ef45bf");
  const end = bytesOf("a00a018900001100000005b6");

  test("frames are the same in every split, with noise between them", () => {
    const stream = Buffer.concat([bytesOf("00a0ff7e"), tag, bytesOf("a013"), end, tag]);
    const whole = feed(new FrameDecoder(), [stream]);
    expect(whole.frames).toHaveLength(3);
    expect(whole.discardedByteCount).toBe(6);
    for (const pieces of everyFeeding(stream))
      expect(feed(new FrameDecoder(), pieces)).toEqual(whole);
  });

  test("a frame inside a broken one is found, whatever bytes the broken one has", () => {
    const broken = tag.slice();
    broken[8]! ^= 0xff;
    const fed = feed(new FrameDecoder(), [Buffer.concat([broken, tag])]);
    expect(fed.frames).toHaveLength(1);
    expect(fed.discardedByteCount).toBe(broken.length);
  });

  test("a head that promises bytes which never come gives way after a silence", () => {
    const decoder = new FrameDecoder();
    expect(decoder.push(Buffer.concat([bytesOf("a050"), end]))).toEqual([]);
    expect(decoder.pendingByteCount).toBe(2 + end.length);
    const found = decoder.idle();
    expect(found.filter((item) => item.kind === "frame")).toHaveLength(1);
    expect(decoder.pendingByteCount).toBe(0);
  });

  test("no byte is lost from the account, and no frame is missed between random garbage", () => {
    expectFoundInNoise(() => new FrameDecoder(), encodeFrame, tag);
  });
});

describe("answers that are none", () => {
  const data = (...bytes: number[]) => Uint8Array.from(bytes);

  test("tags without an EPC, or shorter than their PC word says", () => {
    const command = commandCodes.inventory;
    expect(decodeAnswer({ address: 1, command, data: data(0, 0, 0, 60) })).toBeUndefined();
    const short = data(0, 0x30, 0, 1, 2, 3, 4, 60);
    expect(decodeAnswer({ address: 1, command, data: short })).toBeUndefined();
  });

  test("the EPC is as long as the PC word says", () => {
    const epc = Buffer.alloc(62, 0xab);
    const bytes = Uint8Array.of(0, 31 << 3, 0, ...epc, 60);
    const answer = decodeAnswer({ address: 1, command: 0x8a, data: bytes });
    expect(answer).toMatchObject({ type: "tag", epc: "AB".repeat(62), rssiDbm: -69 });
  });

  test("random frames never throw", () => {
    const frames = fc.record({
      address: fc.nat(255),
      command: fc.constantFrom(...Object.values(commandCodes), 0x8b, 0x33),
      data: fc.uint8Array({ maxLength: 80 }),
    });
    fc.assert(fc.property(frames, (frame) => void [decodeAnswer(frame), decodeCommand(frame)]));
  });
});

test("channels of the regions", () => {
  expect([0, 6, 7, 59].map(channelMhz)).toEqual([865, 868, 902, 928]);
  expect(channelMhz(regions.chn.first)).toBe(920);
  expect(channelMhz(regions.chn.last)).toBe(925);
  expect(channelMhz(60)).toBeUndefined();
  expect(resultText(0x22)).toBe("antenna is not connected (0x22)");
});
