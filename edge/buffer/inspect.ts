// A look at an outbox file from outside, also while the daemon runs.

import { GatewayError } from "../../contract/errors.ts";
import { type OutboxFacts, readFacts } from "./facts.ts";
import { exists } from "./identity.ts";
import { SqliteFile } from "./sqlite.ts";
import { readRecord } from "./stored.ts";

/** Reads the facts of the outbox in `file`; GatewayError OUTBOX_FAILED or OUTBOX_CORRUPT. */
export async function inspectOutbox(file: string): Promise<OutboxFacts> {
  if (!(await exists(file))) {
    const message = `there is no outbox at ${file}: did the edge run with this data directory?`;
    throw new GatewayError("OUTBOX_FAILED", message);
  }
  const sqlite = await SqliteFile.open({ file, mode: "read" });
  try {
    return await sqlite.read(async (sql) => readFacts(sql, await readRecord(sql)));
  } finally {
    await sqlite.close();
  }
}
