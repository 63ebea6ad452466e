// A scenario of a weight shelf, as a file has it.

import { readFile } from "node:fs/promises";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";

const shareSchema = z.number().min(0).max(1);

export const shelfScenarioSchema = z.strictObject({
  description: z.string().min(1).max(300),
  /** How much the surroundings disturb: 1 is as the references have it. */
  climate: z.number().min(0).max(5),
  use: z.strictObject({
    columnCount: z.int().min(1).max(40),
    hasCellPerColumn: z.boolean(),
    actionCount: z.int().min(1).max(10_000),
    gapMs: z.int().min(100).max(600_000),
    overlapShare: shareSchema,
    putbackShare: shareSchema,
    wrongPlaceShare: shareSchema,
    touchShare: shareSchema,
    restockShare: shareSchema,
    slowLiftShare: shareSchema,
    unitSdShare: shareSchema,
  }),
  /** Settings of the shelf that are not the defaults. */
  shelf: z.record(z.string(), z.unknown()).default({}),
});
export type ShelfScenario = z.infer<typeof shelfScenarioSchema>;

/** Reads and checks a file. CONFIG_UNREADABLE, CONFIG_INVALID with every path that does not fit. */
export async function loadShelfScenario(file: string): Promise<ShelfScenario> {
  let value: unknown;
  try {
    value = parseYaml(await readFile(file, "utf8"));
  } catch (error) {
    const message = `${file}: ${errorMessageOf(error)}`;
    throw new GatewayError("CONFIG_UNREADABLE", message, { cause: error });
  }
  const result = shelfScenarioSchema.safeParse(value);
  if (result.success) return result.data;
  throw new GatewayError("CONFIG_INVALID", `${file}:\n${z.prettifyError(result.error)}`);
}
