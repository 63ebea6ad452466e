// Names of a reader's general purpose inputs, as the options of several kinds of readers have them.

import { z } from "zod";
import type { InputReading } from "../contract/reading.ts";

/** Names of inputs and which level is active; inputs that are not listed are `gpi-1`, `gpi-2`, ... */
export const inputNamesSchema = z
  .array(
    z.strictObject({
      port: z.int().min(1).max(255),
      line: z.string().min(1).max(64),
      isActiveLow: z.boolean().default(false),
    }),
  )
  .max(32)
  .refine((inputs) => new Set(inputs.map(({ port }) => port)).size === inputs.length, {
    message: "a port is named twice",
  })
  .default([]);
export type InputNames = z.output<typeof inputNamesSchema>;

/** What a reading says of an input at this level. */
export function inputNamed(
  inputs: InputNames,
  port: number,
  isHigh: boolean,
): Pick<InputReading, "line" | "active"> {
  const input = inputs.find((each) => each.port === port);
  return { line: input?.line ?? `gpi-${port}`, active: isHigh !== (input?.isActiveLow ?? false) };
}
