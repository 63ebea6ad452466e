// Prints the JSON Schema of everything on the wire: `npm run schema`.

import { z } from "zod";
import {
  answerSchema,
  batchSchema,
  commandSchema,
  edgeStatusSchema,
  healthSchema,
  replySchema,
} from "./delivery.ts";
import { gapSchema, stockEventSchema } from "./event.ts";
import { planSchema } from "./plan.ts";
import { readingSchema } from "./reading.ts";
import { alertSchema, entrySchema, stockLevelSchema } from "./stock.ts";

const schemas = {
  Reading: readingSchema,
  Event: stockEventSchema,
  Gap: gapSchema,
  Batch: batchSchema,
  Answer: answerSchema,
  EdgeStatus: edgeStatusSchema,
  Health: healthSchema,
  Command: commandSchema,
  Reply: replySchema,
  Plan: planSchema,
  StockLevel: stockLevelSchema,
  Entry: entrySchema,
  Alert: alertSchema,
};

/** One JSON Schema document (draft 2020-12) with a definition for each message. */
export function exportJsonSchema(): object {
  const $defs = Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      z.toJSONSchema(schema, { io: "input" }),
    ]),
  );
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Gondola wire 1",
    $defs,
  };
}

if (
  process.argv[1]?.endsWith("schema-export.ts") ||
  process.argv[1]?.endsWith("schema-export.js")
) {
  process.stdout.write(`${JSON.stringify(exportJsonSchema(), null, 2)}\n`);
}
