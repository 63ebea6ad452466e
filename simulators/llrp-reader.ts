// What a simulated LLRP reader is, what can be done to it, and what its antennas read.

import { z } from "zod";
import { epcHexSchema } from "../contract/units.ts";
import type { Capabilities } from "../drivers/llrp/capabilities.ts";
import { impinj } from "../drivers/llrp/tables.ts";
import { antennaMessageSchema, fieldMessageSchema, fieldTagSchema } from "./control-messages.ts";
import { faultMessageSchema } from "./device.ts";
import { between, gaussian, integerBetween, type Random } from "./random.ts";
import { readChance } from "./read-chance.ts";

/** How a simulated reader is built. */
export const llrpSimulatorOptionsSchema = z.strictObject({
  maker: z.enum(["impinj", "zebra"]).default("impinj"),
  antennaCount: z.int().min(1).max(32).default(4),
  region: z.enum(["etsi", "fcc"]).default("etsi"),
  isHoldingSupported: z.boolean().default(true),
  supportsVersion11: z.boolean().default(false),
  /** A reader without a clock tells the time since it was switched on. */
  hasClock: z.boolean().default(true),
  /** What its clock shows when it is switched on. */
  clockAtMs: z.int().min(0).default(1_763_888_000_000),
  /** Waits for START_ROSPEC though the trigger is immediate, as some firmware does. */
  startsByItself: z.boolean().default(true),
  sensitivityDbm: z.number().min(-100).max(-20).default(-70),
  rssiNoiseDb: z.number().min(0).max(10).default(1),
  /** How long an antenna reads before the next one does. */
  dwellMs: z.number().min(1).max(10_000).default(50),
  /** Messages it keeps for a client that is not there. */
  heldCountMax: z.int().min(1).max(100_000).default(10_000),
});
export type LlrpSimulatorOptions = z.input<typeof llrpSimulatorOptionsSchema>;

/** What can be done to it. */
export const llrpControlSchema = z.discriminatedUnion("type", [
  fieldMessageSchema.extend({
    tags: z.array(fieldTagSchema.extend({ tid: epcHexSchema.optional() })).max(10_000),
  }),
  antennaMessageSchema,
  z.strictObject({ type: z.literal("input"), port: z.int().min(1).max(4), isHigh: z.boolean() }),
  z.strictObject({ type: z.literal("clock"), atMs: z.int().min(0) }),
  /** Somebody at the reader's own page stops its ROSpec, or it says that something is wrong. */
  z.strictObject({ type: z.literal("stop") }),
  z.strictObject({ type: z.literal("exception"), text: z.string().max(200) }),
  z.strictObject({ type: z.literal("buffer"), fullShare: z.number().min(0).max(1) }),
  /** It is switched off and on: what was set and kept is gone. */
  z.strictObject({ type: z.literal("restart") }),
  faultMessageSchema,
]);
type Control = z.infer<typeof llrpControlSchema>;
/** A tag in the field of an antenna. */
export type FieldTag = Extract<Control, { type: "field" }>["tags"][number];

/** ETSI's four upper channels, and the ends of FCC's fifty. */
const channelsMhz = {
  etsi: [865.7, 866.3, 866.9, 867.5],
  fcc: Array.from({ length: 50 }, (_, index) => 902.75 + index / 2),
} as const;

/** What a reader of these options says it is. */
export function capabilitiesOf(options: z.output<typeof llrpSimulatorOptionsSchema>): Capabilities {
  const { maker, antennaCount, isHoldingSupported, region } = options;
  const isHopping = region === "fcc";
  const made =
    maker === "impinj"
      ? { manufacturerId: impinj.vendorId, modelId: 2_001_002, firmware: "5.14.0.240" }
      : { manufacturerId: 161, modelId: 96_008, firmware: "3.10.30" };
  return {
    ...made,
    antennaCount,
    gpiCount: 4,
    gpoCount: 4,
    isHoldingSupported,
    powersDbm: new Map(Array.from({ length: 81 }, (_, index) => [index + 1, 10 + index / 4])),
    channelsMhz: channelsMhz[region],
    isHopping,
    hopTableId: isHopping ? 1 : 0,
    modeIds: [0, 2, 1000],
  };
}

/** Reads of one antenna in one dwell that ends at `atMs`: each tag answers once, some time within it. */
export function readField(
  tags: readonly FieldTag[],
  options: z.output<typeof llrpSimulatorOptionsSchema>,
  random: Random,
  atMs: number,
) {
  const { sensitivityDbm, rssiNoiseDb, dwellMs, region } = options;
  const channelIndex = integerBetween(random, 1, channelsMhz[region].length);
  return tags
    .map((tag) => ({ ...tag, channelIndex, rssiDbm: gaussian(random, tag.rssiDbm, rssiNoiseDb) }))
    .filter(({ rssiDbm }) => random() < readChance(rssiDbm, sensitivityDbm))
    .map((tag) => ({ ...tag, atMs: atMs - between(random, 0, dwellMs) }))
    .sort((left, right) => left.atMs - right.atMs);
}
