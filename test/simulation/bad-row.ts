// Puts a row into an outbox file that no edge would write: damage that keeps the chain intact, or the
// work of a faulty version.

import { canonicalJson } from "../../contract/digest.ts";
import { chainBody, insertRows } from "../../edge/buffer/rows.ts";
import { SqliteFile } from "../../edge/buffer/sqlite.ts";
import { readRecord, recordText } from "../../edge/buffer/stored.ts";

/**
 * Appends a row to the closed outbox in `file`. `bad_row`: readable, but no event; it belongs in
 * quarantine. `unreadable_row`: without a sequence, so that no batch with it can be read.
 */
export async function appendBadRow(
  file: string,
  kind: "bad_row" | "unreadable_row",
): Promise<void> {
  const sqlite = await SqliteFile.open({ file, mode: "write", synchronous: "OFF" });
  try {
    await sqlite.write(async (sql) => {
      const before = await readRecord(sql);
      const after = { ...before };
      const sequence = kind === "bad_row" ? { sequence: before.lastSequence + 1 } : {};
      const body = canonicalJson({ type: "moved", quantity: "many", ...sequence });
      await insertRows(sql, [chainBody(after, body, before.wallAtMs, null)]);
      await sql.run("UPDATE outbox SET record = ?", recordText(after));
    });
  } finally {
    await sqlite.close();
  }
}
