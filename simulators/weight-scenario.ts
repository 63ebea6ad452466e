// A scenario of a weight shelf, as a file has it.

import { z } from "zod";
import { loadYamlFile } from "./yaml-file.ts";

const shareSchema = z.number().min(0).max(1);

export const shelfScenarioSchema = z.strictObject({
  description: z.string().min(1).max(300),
  /** How much the surroundings disturb: 1 is as the references have it. */
  climate: z.number().min(0).max(5),
  use: z
    .strictObject({
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
      holdShare: shareSchema.optional(),
      returnOneShare: shareSchema.optional(),
      swapShare: shareSchema.optional(),
      hasTwins: z.boolean().optional(),
      apartShare: shareSchema.optional(),
    })
    .refine(({ columnCount, apartShare = 0 }) => 2 * columnCount * apartShare < 2, {
      message: "so many products that far apart do not fit between a tin of tea and a bottle",
      path: ["apartShare"],
    }),
  /** Settings of the shelf that are not the defaults. */
  shelf: z.record(z.string(), z.unknown()).default({}),
});
export type ShelfScenario = z.infer<typeof shelfScenarioSchema>;

/** Reads and checks a file; errors as `loadYamlFile`. */
export function loadShelfScenario(file: string): Promise<ShelfScenario> {
  return loadYamlFile(shelfScenarioSchema, file);
}
