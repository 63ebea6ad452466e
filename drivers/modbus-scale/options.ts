// Settings of a Modbus RTU weight transmitter.

import { z } from "zod";
import { channelCountMax, registerMapSchema, registerMaps } from "./codec.ts";
import { registerCountMax } from "./frame.ts";

const mapNames = Object.keys(registerMaps) as (keyof typeof registerMaps)[];

export const modbusScaleOptionsSchema = z
  .strictObject({
    /** Address on the RS-485 line. */
    address: z.int().min(1).max(247).default(1),
    /** Channels that are read; channel n is cell n. */
    channelCount: z.int().min(1).max(channelCountMax).default(1),
    /** A known device, or a map of one's own. */
    map: z
      .union([z.enum(mapNames), registerMapSchema])
      .default("multi-channel")
      .transform((map) => (typeof map === "string" ? registerMaps[map] : map)),
    /** What one count of a weight register weighs: 0.1 where the device shows one decimal of a gram, 1000 where it holds kilograms. */
    gramsPerCount: z.number().min(1e-6).max(1e6).default(1),
    /** Most registers that are asked for at once; some devices give one channel only. */
    registerCountMax: z.int().min(2).max(registerCountMax).default(registerCountMax),
    /** How often all channels are read. */
    pollPeriodMs: z.int().min(10).max(60_000).default(100),
    /** How long the device may take to answer. */
    answerTimeoutMs: z.int().min(20).max(10_000).default(500),
    /** Silence before each question: 3.5 characters at least, 4 ms at 9600 baud. */
    silenceMs: z.int().min(2).max(1000).default(5),
  })
  .refine(
    ({ map, channelCount }) =>
      Math.max(map.register + 1, map.status?.register ?? 0) +
        (channelCount - 1) * map.registerStepCount <=
      65_535,
    { path: ["channelCount"], message: "the last channel lies beyond register 65535" },
  );
export type ModbusScaleOptions = z.infer<typeof modbusScaleOptionsSchema>;
