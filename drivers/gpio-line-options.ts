// How the options of GPIO devices name a line: what inputs and outputs have in common.

import { z } from "zod";
import { inputReadingSchema } from "../contract/reading.ts";
import { lineOffsetMax } from "./transport/gpio-settings.ts";

/** A name for people and rules, like `beam-outer`. */
export const lineNameSchema = inputReadingSchema.shape.line.regex(
  /^[a-z0-9][a-z0-9-]*$/,
  "a line has a name like beam-outer",
);

/** Which line of the chip: by its number there, or by the name that the board gives it. */
export const lineAddressShape = {
  offset: z.int().min(0).max(lineOffsetMax).optional(),
  lineName: z
    .string()
    .regex(/^[ -~]{1,64}$/)
    .optional(),
};

/** Whether a line is named one way and not both. */
export function hasOneAddress(line: {
  readonly offset?: number | undefined;
  readonly lineName?: string | undefined;
}): boolean {
  return (line.offset === undefined) !== (line.lineName === undefined);
}

/** Whether no two have the same value where they have one. */
export function areDistinct(values: readonly unknown[]): boolean {
  const given = values.filter((value) => value !== undefined);
  return new Set(given).size === given.length;
}
