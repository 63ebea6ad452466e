// The API's description: OpenAPI 3.1 at /openapi.json, to be browsed at /docs with the page's files from the
// package, so that it opens without the internet.

import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { softwareVersion } from "../version.ts";

/** Prepares the description; routes that are added afterwards are in it. */
export async function addDescription(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Gondola",
        version: softwareVersion(),
        description:
          "The chain's stock: read it, promise from it, correct it. Errors are problem documents (RFC 9457). " +
          "Lists are {items, next}; next goes back as cursor.",
      },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
  });
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
  await app.register(swaggerUi, { routePrefix: "/docs" });
}
