// Prints the JSON Schema of everything on the wire: `npm run schema`.

import { z } from "zod";
import {
  answerSchema,
  batchSchema,
  edgeStatusSchema,
  healthSchema,
  replySchema,
} from "./delivery.ts";
import { gapSchema, stockEventSchema } from "./event.ts";
import { planSchema } from "./plan.ts";
import { readingSchema } from "./reading.ts";
import { commandMessageSchema } from "./signed-command.ts";
import { soldSchema } from "./sold.ts";
import { alertSchema, entrySchema, stockLevelSchema } from "./stock.ts";

/** Messages by their names. */
export const wireSchemas = {
  Reading: readingSchema,
  Event: stockEventSchema,
  Gap: gapSchema,
  Batch: batchSchema,
  Answer: answerSchema,
  EdgeStatus: edgeStatusSchema,
  Health: healthSchema,
  Command: commandMessageSchema,
  Reply: replySchema,
  Plan: planSchema,
  Sold: soldSchema,
  StockLevel: stockLevelSchema,
  Entry: entrySchema,
  Alert: alertSchema,
};

/** One JSON Schema document (draft 2020-12) with a definition for each message; every `$ref` stays in it. */
export function exportJsonSchema(): object {
  const $defs = definitionsOf(wireSchemas, "draft-2020-12");
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Gondola wire 1",
    $defs,
  };
}

/** A definition of each schema; references lead to `#/$defs/{name}`. */
export function definitionsOf(
  schemas: Readonly<Record<string, z.ZodType>>,
  target: "draft-2020-12" | "draft-7",
): Record<string, object> {
  const definitions: Record<string, object> = {};
  for (const [name, schema] of Object.entries(schemas)) {
    // Zod refers to the parts of a schema from that schema's own root; here they move to the document's.
    const text = JSON.stringify(z.toJSONSchema(schema, { io: "input", target }));
    const moved = text
      .replaceAll("#/definitions/", "#/$defs/")
      .replaceAll("__schema", `${name}_part`);
    const own = JSON.parse(moved);
    const { $schema: _dialect, $defs, definitions: parts = $defs, ...definition } = own;
    Object.assign(definitions, { [name]: definition }, parts);
  }
  return definitions;
}

if (
  process.argv[1]?.endsWith("schema-export.ts") ||
  process.argv[1]?.endsWith("schema-export.js")
) {
  process.stdout.write(`${JSON.stringify(exportJsonSchema(), null, 2)}\n`);
}
