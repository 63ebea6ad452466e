// Settings of the outputs of a GPIO chip: stack lights, buzzers, relays.

import { z } from "zod";
import {
  areDistinct,
  hasOneAddress,
  lineAddressShape,
  lineNameSchema,
} from "../gpio-line-options.ts";

/** Most outputs of one device. */
const outputCountMax = 32;

const outputSchema = z
  .strictObject({
    name: lineNameSchema,
    ...lineAddressShape,
    /** Whether a low line switches it on: most relay boards. */
    isActiveLow: z.boolean().default(false),
    /** Driven at the start, at the end, and whenever nothing is to be done: what does no harm. */
    rest: z.enum(["off", "on"]).default("off"),
    /** No action lasts longer, whatever was commanded; then the output is at rest. */
    actionMsMax: z.int().min(100).max(604_800_000).default(86_400_000),
  })
  .refine(hasOneAddress, { message: "name the line's offset or its lineName" });
export type OutputLine = z.output<typeof outputSchema>;

export const gpioOutputOptionsSchema = z.strictObject({
  outputs: z
    .array(outputSchema)
    .max(outputCountMax)
    .refine((outputs) => areDistinct(outputs.map(({ name }) => name)), "a name is there twice")
    .refine(
      (outputs) => areDistinct(outputs.map(({ offset }) => offset)),
      "an offset is there twice",
    )
    .default([]),
  /** How long the chip may take to drive a line; a tool that has to start is slow on a small board. */
  answerTimeoutMs: z.int().min(100).max(60_000).default(5000),
  /** A chip that said nothing for so long is asked whether it is there. */
  aliveIntervalMs: z.int().min(1000).max(3_600_000).default(30_000),
});
export type GpioOutputOptions = z.output<typeof gpioOutputOptionsSchema>;
