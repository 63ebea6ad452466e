// The topics as an AsyncAPI document, for tools of integrators.

import type { FastifyInstance } from "fastify";
import { asyncApiDocument } from "../../contract/asyncapi.ts";
import { softwareVersion } from "../version.ts";

/** Adds /asyncapi.json. */
export function addAsyncApiRoute(app: FastifyInstance): void {
  let text: string | undefined;
  const schema = { summary: "The MQTT topics as an AsyncAPI document", tags: ["bridge"] };
  app.get("/asyncapi.json", { schema }, async (_request, reply) => {
    text ??= JSON.stringify(asyncApiDocument(softwareVersion()));
    return await reply.type("application/json").send(text);
  });
}
