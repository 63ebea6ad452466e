// The topics as an AsyncAPI document, for tools of integrators.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { asyncApiDocument } from "../../contract/asyncapi.ts";
import { softwareVersion } from "../version.ts";
import { described } from "./route.ts";

/** What every AsyncAPI document has. */
const documentSchema = z.looseObject({
  asyncapi: z.string(),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  channels: z.record(z.string(), z.looseObject({ address: z.string() })),
});

/** Adds /asyncapi.json. */
export function addAsyncApiRoute(app: FastifyInstance): void {
  let text: string | undefined;
  const schema = {
    ...{ summary: "The MQTT topics as an AsyncAPI document", tags: ["bridge"] },
    response: { 200: described("The document", documentSchema) },
  };
  app.get("/asyncapi.json", { schema }, async (_request, reply) => {
    text ??= JSON.stringify(asyncApiDocument(softwareVersion()));
    return await reply.type("application/json").send(text);
  });
}
