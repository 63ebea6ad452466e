// For suites that run a second time, on PostgreSQL: one server for all of them.

import type { TestProject } from "vitest/node";
import { hasPostgres, PostgresServer } from "./postgres-server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    postgresUrl: string | undefined;
  }
}

/** Starts the server and says where it is; gives what ends it. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | void> {
  if (!hasPostgres) return;
  const server = await PostgresServer.start();
  project.provide("postgresUrl", server.url("").replace(/\/$/, ""));
  return () => server.stop();
}
