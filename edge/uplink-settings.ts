// Settings of the uplink and of the link below it: the times of DESIGN section 6, with their ranges.

import { z } from "zod";
import { durationMsSchema } from "../contract/units.ts";

/** How the uplink paces itself. */
export const uplinkSettingsSchema = z.strictObject({
  /** How long the first message waits for its answer; each time-out doubles the range of the next wait. */
  answerTimeoutMs: durationMsSchema.min(100).max(60_000).default(5_000),
  /** The longest wait for an answer, and the pause while the bridge does not speak our version. */
  answerTimeoutMsMax: durationMsSchema.min(1_000).max(3_600_000).default(300_000),
  /** An idle edge says hello this often. */
  helloIntervalMs: durationMsSchema.min(1_000).max(86_400_000).default(600_000),
  /** Least time between two batches with events; 0 sends as fast as the ledger answers. */
  batchIntervalMsMin: durationMsSchema.max(60_000).default(0),
});
export type UplinkSettings = z.infer<typeof uplinkSettingsSchema>;

/** How the connection to the broker is kept. */
export const linkSettingsSchema = z.strictObject({
  /** How long the broker may take to answer the connect, and the subscriptions. */
  connectTimeoutMs: durationMsSchema.min(100).max(120_000).default(10_000),
  /** A link is taken for dead when the broker is silent for one and a half of this. */
  keepaliveMs: durationMsSchema.min(1_000).max(600_000).default(20_000),
  /** The first wait before connecting again; it doubles, with full jitter, up to the longest. */
  reconnectDelayMs: durationMsSchema.min(10).max(60_000).default(1_000),
  reconnectDelayMsMax: durationMsSchema.min(10).max(3_600_000).default(60_000),
  /** At the latest after this time the broker is asked again for the plan and the list of what is sold that it keeps. */
  retainedIntervalMs: durationMsSchema.min(100).max(604_800_000).default(3_600_000),
});
export type LinkSettings = z.infer<typeof linkSettingsSchema>;
