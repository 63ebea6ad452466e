import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { weightStatuses } from "../../../contract/reading.ts";
import {
  type ChannelWeight,
  type RegisterMap,
  readRanges,
  registerMapSchema,
  registerMaps,
  registersOf,
  weigh,
} from "../../../drivers/modbus-scale/codec.ts";

const mapOf = (parts: object): RegisterMap => registerMapSchema.parse(parts);
const read = (words: number[], from = 0) =>
  new Map(words.map((word, index) => [from + index, word]));
const ok = (weightGrams: number): ChannelWeight => ({ weightGrams, status: "ok" });
const none = (status: ChannelWeight["status"]): ChannelWeight => ({ weightGrams: 0, status });

// Words by hand: two's complement and IEEE 754.
const fixtures: [string, object, number[], number, ChannelWeight][] = [
  ["s32", {}, [0x0000, 0x04d2], 1, ok(1234)],
  ["s32 below zero", {}, [0xffff, 0xfff4], 1, ok(-12)],
  ["s32 low word first", { wordOrder: "low_first" }, [0x04d2, 0x0000], 0.1, ok(123.4)],
  ["s32 at its end", {}, [0x7fff, 0xffff], 1, none("overload")],
  ["s32 at its other end", {}, [0x8000, 0x0000], 1, none("underload")],
  ["u32", { type: "u32" }, [0x0001, 0x0000], 0.1, ok(6553.6)],
  ["u32 at its end", { type: "u32" }, [0xffff, 0xffff], 1, none("overload")],
  ["s16", { type: "s16" }, [0xff9c], 10, ok(-1000)],
  ["s16 at its end", { type: "s16" }, [0x7fff], 1, none("overload")],
  ["u16", { type: "u16" }, [0xff9c], 1, ok(65_436)],
  ["f32", { type: "f32" }, [0x3f80, 0x0000], 1000, ok(1000)],
  ["f32 below zero", { type: "f32" }, [0xc020, 0x0000], 1, ok(-2.5)],
  ["f32 that is no number", { type: "f32" }, [0x7fc0, 0x0000], 1, none("fault")],
  ["f32 without end", { type: "f32" }, [0x7f80, 0x0000], 1, none("fault")],
  ["more than any shelf bears", {}, [0x0100, 0x0000], 1, none("fault")],
  ["minus zero", { type: "f32" }, [0x8000, 0x0000], 1, ok(0)],
  ["a register that was not read", {}, [0x0000], 1, none("fault")],
];

describe("weights", () => {
  test.each(fixtures)("%s", (_, parts, words, gramsPerCount, expected) => {
    expect(weigh(mapOf(parts), 0, read(words), gramsPerCount)).toEqual(expected);
  });

  test.each([
    [0x0002, ok(5000)],
    [0x000e, ok(5000)],
    [0x0000, none("fault")],
    [0x4000, none("overload")],
    [0x6006, none("underload")],
    [0x2000, none("fault")],
    [0xa002, none("fault")],
  ])("FT-13 with status %i", (status, expected) => {
    expect(weigh(registerMaps["flintec-ft13"], 0, read([0, 5000, status]), 1)).toEqual(expected);
  });

  test("channels lie one step apart", () => {
    const words = read([0, 1, 0, 2, 0, 3], 100);
    const map = mapOf({ register: 100 });
    const grams = [0, 1, 2].map((channel) => weigh(map, channel, words, 1).weightGrams);
    expect(grams).toEqual([1, 2, 3]);
  });

  test("what a device keeps is what the host weighs", () => {
    const status = { register: 500, mask: "0xF", ok: ["0x1"], overload: ["0x2"] };
    const map = fc.record({
      register: fc.nat(100),
      registerStepCount: fc.integer({ min: 2, max: 5 }),
      type: fc.constantFrom("s16", "s32", "f32"),
      wordOrder: fc.constantFrom("high_first", "low_first"),
      status: fc.constantFrom(undefined, { ...status, underload: ["0x4"] }),
    });
    const weight = fc.record({
      grams: fc.integer({ min: -30_000, max: 30_000 }),
      status: fc.constantFrom(...weightStatuses),
    });
    const property = fc.property(map, fc.nat(7), weight, (parts, channel, { grams, ...rest }) => {
      const parsed = mapOf(parts);
      const sent = rest.status === "ok" ? ok(grams) : none(rest.status);
      const kept = new Map(registersOf(parsed, channel, sent, 1));
      const got = weigh(parsed, channel, kept, 1);
      // Without a status word, "no weight" has fewer words.
      if (parts.status !== undefined || sent.status === "ok") expect(got).toEqual(sent);
      else expect(got.status).not.toBe("ok");
    });
    fc.assert(property);
  });
});

describe("what is asked at once", () => {
  const channels = registerMaps["multi-channel"];

  test.each([
    [channels, 1, 125, [[0, 2]]],
    [channels, 16, 125, [[0, 32]]],
    [
      channels,
      5,
      4,
      [
        [0, 4],
        [4, 4],
        [8, 2],
      ],
    ],
    [
      channels,
      64,
      125,
      [
        [0, 124],
        [124, 4],
      ],
    ],
    [registerMaps["flintec-ft13"], 1, 125, [[0, 3]]],
    [
      mapOf({ registerStepCount: 20 }),
      2,
      125,
      [
        [0, 2],
        [20, 2],
      ],
    ],
    [
      mapOf({ status: { register: 100, mask: "0x1" } }),
      2,
      125,
      [
        [0, 4],
        [100, 3],
      ],
    ],
  ] as const)("%# ", (map, channelCount, countMax, expected) => {
    const ranges = readRanges(map, channelCount, countMax);
    expect(ranges.map(({ register, count }) => [register, count])).toEqual(expected);
  });

  test("every register of every channel, whatever the map", () => {
    const map = fc.record({
      register: fc.nat(1000),
      registerStepCount: fc.integer({ min: 1, max: 40 }),
      type: fc.constantFrom("s16", "s32"),
    });
    const counts = fc.tuple(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 2, max: 125 }));
    const property = fc.property(map, counts, (parts, [channelCount, countMax]) => {
      const parsed = mapOf(parts);
      const ranges = readRanges(parsed, channelCount, countMax);
      const reached = new Map<number, number>();
      for (const { register, count } of ranges) {
        expect(count).toBeLessThanOrEqual(countMax);
        for (let index = 0; index < count; index += 1) reached.set(register + index, 7);
      }
      for (let channel = 0; channel < channelCount; channel += 1) {
        expect(weigh(parsed, channel, reached, 1).status).toBe("ok");
      }
    });
    fc.assert(property);
  });
});
