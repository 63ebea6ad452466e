// Registers to weights and back: where a transmitter keeps the weight of each channel, in which form, and what its
// status word says. Every maker has another map; it is configuration.

import { z } from "zod";
import type { WeightReading } from "../../contract/reading.ts";
import { weightGramsMax } from "../mass-units.ts";
import { registerCountMax } from "./frame.ts";

/** Most channels of one device. */
export const channelCountMax = 64;
/** Registers between two wanted ones that are read along, rather than asking twice. */
const gapCountMax = 4;

const word = z.string().regex(/^0x[0-9A-Fa-f]{1,4}$/, 'a word is hex, like "0x4002"');
const words = z.array(word).max(16).default([]);

/** Where and how a transmitter keeps its weights; registers count from 0 (40001 is 0). */
export const registerMapSchema = z.strictObject({
  area: z.enum(["holding", "input"]).default("holding"),
  /** Where the first channel's weight begins. */
  register: z.int().min(0).max(65_535).default(0),
  /** From one channel to the next. */
  registerStepCount: z.int().min(1).max(1024).default(2),
  type: z.enum(["s16", "u16", "s32", "u32", "f32"]).default("s32"),
  /** Which half of 32 bits comes first. */
  wordOrder: z.enum(["high_first", "low_first"]).default("high_first"),
  /** A status word per channel: its bits under `mask` must be one of `ok`, else they name a status or are a fault. */
  status: z
    .strictObject({
      register: z.int().min(0).max(65_535),
      mask: word,
      ok: words,
      overload: words,
      underload: words,
    })
    .optional(),
});
export type RegisterMap = z.infer<typeof registerMapSchema>;

/** Maps of devices whose manual is known. */
export const registerMaps = {
  /** RS-485 modules with 1 to 16 channels: channel n at 2(n-1), 32 bits with a sign. */
  "multi-channel": registerMapSchema.parse({}),
  /** FT-13 manual, appendix 3: bit 1 of the status is "data ok", bits 13 to 15 an error (2 over, 3 under range). */
  "flintec-ft13": registerMapSchema.parse({
    registerStepCount: 3,
    status: {
      register: 2,
      mask: "0xE002",
      ok: ["0x0002"],
      overload: ["0x4000", "0x4002"],
      underload: ["0x6000", "0x6002"],
    },
  }),
};

/** Registers that are asked for at once. */
export interface RegisterRange {
  readonly register: number;
  readonly count: number;
}

/** What one channel weighs; 0 where the status is not `ok`. */
export interface ChannelWeight {
  readonly weightGrams: number;
  readonly status: WeightReading["status"];
}

/** The registers of one channel, numbered from 0: its weight, and its status where there is one. */
export function channelRanges(map: RegisterMap, channel: number): RegisterRange[] {
  const offset = channel * map.registerStepCount;
  const weight = { register: map.register + offset, count: wordCount(map) };
  if (map.status === undefined) return [weight];
  return [weight, { register: map.status.register + offset, count: 1 }];
}

/** The questions that reach all channels, each of at most `countMax` registers. */
export function readRanges(
  map: RegisterMap,
  channelCount: number,
  countMax = registerCountMax,
): RegisterRange[] {
  const wanted = Array.from({ length: channelCount }, (_, channel) => channelRanges(map, channel))
    .flat()
    .sort((left, right) => left.register - right.register);
  const ranges: RegisterRange[] = [];
  for (const { register, count } of wanted) {
    const last = ranges.at(-1);
    const end = register + count;
    const isNear = last !== undefined && register - last.register - last.count <= gapCountMax;
    if (last !== undefined && isNear && end - last.register <= countMax) {
      const joined = Math.max(last.count, end - last.register);
      ranges[ranges.length - 1] = { register: last.register, count: joined };
    } else ranges.push({ register, count });
  }
  return ranges;
}

/** What a channel, numbered from 0, weighs by the words that were read; words that are missing are a fault. */
export function weigh(
  map: RegisterMap,
  channel: number,
  read: ReadonlyMap<number, number>,
  gramsPerCount: number,
): ChannelWeight {
  const [weightRange, statusRange] = channelRanges(map, channel);
  const said = statusRange === undefined ? "ok" : statusOf(map, read.get(statusRange.register));
  if (said !== "ok") return { weightGrams: 0, status: said };
  const value = rawValueOf(map, weightRange!, read);
  if (value === undefined || !Number.isFinite(value)) return { weightGrams: 0, status: "fault" };
  const limit = limits[map.type];
  // A converter at the end of its range does not measure.
  if (limit !== undefined && value >= limit.most) return { weightGrams: 0, status: "overload" };
  if (limit !== undefined && value <= limit.least) return { weightGrams: 0, status: "underload" };
  const weightGrams = Math.round(value * gramsPerCount * 1e6) / 1e6;
  if (Math.abs(weightGrams) > weightGramsMax) return { weightGrams: 0, status: "fault" };
  // Minus zero is zero.
  return { weightGrams: weightGrams + 0, status: "ok" };
}

const limits: Readonly<
  Partial<Record<RegisterMap["type"], { readonly least: number; readonly most: number }>>
> = {
  s16: { least: -0x8000, most: 0x7fff },
  u16: { least: -1, most: 0xffff },
  s32: { least: -0x8000_0000, most: 0x7fff_ffff },
  u32: { least: -1, most: 0xffff_ffff },
};

function statusOf({ status }: RegisterMap, bits: number | undefined): WeightReading["status"] {
  if (status === undefined || bits === undefined) return "fault";
  const masked = bits & Number(status.mask);
  const isOneOf = (list: readonly string[]) => list.some((each) => Number(each) === masked);
  if (isOneOf(status.ok)) return "ok";
  if (isOneOf(status.overload)) return "overload";
  return isOneOf(status.underload) ? "underload" : "fault";
}

function wordCount({ type }: RegisterMap): number {
  return type === "s16" || type === "u16" ? 1 : 2;
}

function rawValueOf(
  map: RegisterMap,
  range: RegisterRange,
  read: ReadonlyMap<number, number>,
): number | undefined {
  const view = new DataView(new ArrayBuffer(4));
  for (let index = 0; index < range.count; index += 1) {
    const bits = read.get(range.register + index);
    if (bits === undefined) return undefined;
    view.setUint16(2 * placeOf(map, index, range.count), bits);
  }
  switch (map.type) {
    case "s16":
      return view.getInt16(0);
    case "u16":
      return view.getUint16(0);
    case "s32":
      return view.getInt32(0);
    case "u32":
      return view.getUint32(0);
    case "f32":
      return view.getFloat32(0);
  }
}

function placeOf({ wordOrder }: RegisterMap, index: number, count: number): number {
  return wordOrder === "high_first" ? index : count - 1 - index;
}

/** The words of a channel, numbered from 0, as a device keeps them: register and word. */
export function registersOf(
  map: RegisterMap,
  channel: number,
  weight: ChannelWeight,
  gramsPerCount: number,
): [register: number, word: number][] {
  const [weightRange, statusRange] = channelRanges(map, channel);
  const { register, count } = weightRange!;
  const view = new DataView(new ArrayBuffer(4));
  const value = rawOf(map, weight, gramsPerCount);
  if (map.type === "f32") view.setFloat32(0, value);
  else if (count === 1) view.setUint16(0, value);
  else view.setUint32(0, value);
  const written = Array.from({ length: count }, (_, index): [number, number] => [
    register + index,
    view.getUint16(2 * placeOf(map, index, count)),
  ]);
  if (statusRange === undefined || map.status === undefined) return written;
  const { status } = map;
  const bits = weight.status === "fault" ? "0x0" : (status[weight.status][0] ?? "0x0");
  return [...written, [statusRange.register, Number(bits)]];
}

// Without a status word, the end of the range or "no number" is all a device can say.
function rawOf(map: RegisterMap, weight: ChannelWeight, gramsPerCount: number): number {
  const limit = limits[map.type];
  if (weight.status === "ok") {
    const value = weight.weightGrams / gramsPerCount;
    return limit === undefined ? value : Math.round(value);
  }
  if (limit === undefined) return Number.NaN;
  return weight.status === "underload" ? limit.least : limit.most;
}
