// Settings of the inputs of a GPIO chip: light beams, door contacts, buttons.

import { z } from "zod";
import {
  areDistinct,
  hasOneAddress,
  lineAddressShape,
  lineNameSchema,
} from "../gpio-line-options.ts";
import { biases } from "../transport/gpio-settings.ts";

/** Most lines of one device. */
const lineCountMax = 32;

const lineSchema = z
  .strictObject({
    name: lineNameSchema,
    ...lineAddressShape,
    /** Whether a low line means active: contacts to ground, most beams. */
    isActiveLow: z.boolean().default(false),
    /** Resistor inside the chip. Anything but `as_is` needs the tools of libgpiod. */
    bias: z.enum(biases).default("as_is"),
    /** A level counts when it stood for so long; 5 to 20 for light beams, 0 for none. */
    debounceMs: z.int().min(0).max(1000).default(10),
    /** A line that does not move for so long is said to be stuck. Absent: never. */
    stuckAfterMs: z.int().min(1000).max(604_800_000).optional(),
    /** A beam may be clear all night, but not blocked: `active`. `any` where there is always traffic. */
    stuckWhen: z.enum(["active", "any"]).default("active"),
    /** A line with more edges chatters: it is not believed until it is quiet. */
    edgesPerSecondMax: z.int().min(2).max(1000).default(100),
  })
  .refine(hasOneAddress, { message: "name the line's offset or its lineName" });
export type InputLine = z.output<typeof lineSchema>;

export const gpioInputOptionsSchema = z.strictObject({
  lines: z
    .array(lineSchema)
    .max(lineCountMax)
    .refine((lines) => areDistinct(lines.map(({ name }) => name)), "a name is there twice")
    .refine((lines) => areDistinct(lines.map(({ offset }) => offset)), "an offset is there twice")
    .default([]),
  /** How long the chip may take to hand out a line; a tool that has to start is slow on a small board. */
  answerTimeoutMs: z.int().min(100).max(60_000).default(5000),
  /** A chip that said nothing for so long is asked whether it is there. */
  aliveIntervalMs: z.int().min(1000).max(3_600_000).default(30_000),
});
export type GpioInputOptions = z.output<typeof gpioInputOptionsSchema>;
