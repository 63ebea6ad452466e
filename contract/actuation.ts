// What an output (a lamp, a buzzer, a lock) can be told to do. Everything ends by itself or by the next
// command, and an output that is told nothing is at rest.

import { z } from "zod";

/** Shortest time between two changes: what a relay and a slow board can follow. */
const phaseMsMin = 100;
const phaseMsSchema = z.int().min(phaseMsMin).max(60_000);
/** How long an action lasts; absent: until the next command, or the output's own limit. */
const lastsMsSchema = z.int().min(phaseMsMin).max(86_400_000).optional();

export const outputActionSchema = z.discriminatedUnion("type", [
  /** Back to rest. */
  z.strictObject({ type: z.literal("rest") }),
  z.strictObject({ type: z.literal("on"), durationMs: lastsMsSchema }),
  z.strictObject({ type: z.literal("off"), durationMs: lastsMsSchema }),
  z.strictObject({
    type: z.literal("blink"),
    onMs: phaseMsSchema.default(500),
    offMs: phaseMsSchema.default(500),
    durationMs: lastsMsSchema,
  }),
  z.strictObject({
    type: z.literal("beeps"),
    count: z.int().min(1).max(20),
    onMs: phaseMsSchema.default(100),
    offMs: phaseMsSchema.default(100),
  }),
]);
export type OutputAction = z.output<typeof outputActionSchema>;

/** Which output does what. */
export const outputCommandSchema = z.strictObject({
  output: z.string().min(1).max(64),
  action: outputActionSchema,
});
export type OutputCommand = z.output<typeof outputCommandSchema>;
