// The record and sensing's state as they stand in the file, each with a check of its own: disks flip bits that no check of
// pages sees. (Events have their chain.) Everything here works inside somebody else's job.

import { z } from "zod";
import { canonicalJson, nextDigest } from "../../contract/digest.ts";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import { digestSchema } from "../../contract/units.ts";
import { type OutboxRecord, outboxRecordSchema } from "./schema.ts";
import type { Sql } from "./sqlite.ts";

/** The check of a record's row. Files that are older have none. */
const checkedSchema = z.looseObject({ check: digestSchema.optional() });

const recordCheck = (record: object) => nextDigest("record", canonicalJson(record));

/** The text of a record's row. */
export function recordText(record: OutboxRecord): string {
  return canonicalJson({ ...record, check: recordCheck(record) });
}

/** The record of a file, checked; GatewayError OUTBOX_CORRUPT where it cannot be read. */
export async function readRecord(sql: Sql): Promise<OutboxRecord> {
  const row = await sql.get<{ record: string }>("SELECT record FROM outbox");
  try {
    // As it stands there: what this version adds to it was not written.
    const { check, ...record } = checkedSchema.parse(JSON.parse(row?.record ?? ""));
    if (check !== undefined && check !== recordCheck(record)) {
      throw new Error("it is not what was written");
    }
    return outboxRecordSchema.parse(record);
  } catch (error) {
    const message = `the outbox's record cannot be read: ${errorMessageOf(error)}`;
    throw new GatewayError("OUTBOX_CORRUPT", message, { cause: error });
  }
}

const checkLength = 16;
const stateCheck = (key: string, value: string) => nextDigest(key, value).slice(0, checkLength);

/** Reads sensing's state; `damagedCount` of its values are not what was stored, and are left out. */
export async function readState(
  sql: Sql,
): Promise<{ state: Map<string, string>; damagedCount: number }> {
  const rows = await sql.all<{ key: string; value: string }>("SELECT key, value FROM state");
  const state = new Map<string, string>();
  for (const { key, value: text } of rows) {
    const value = text.slice(checkLength);
    if (text === stateCheck(key, value) + value) state.set(key, value);
  }
  return { state, damagedCount: rows.length - state.size };
}

const upsertState = `INSERT INTO state (key, value)
  SELECT value ->> 0, value ->> 1 FROM json_each(?) WHERE true
  ON CONFLICT (key) DO UPDATE SET value = excluded.value`;
const deleteState = "DELETE FROM state WHERE key IN (SELECT value FROM json_each(?))";

/** Writes the last value of each key; `null` deletes it. */
export async function writeState(
  sql: Sql,
  changes: ReadonlyMap<string, string | null>,
): Promise<void> {
  const kept: [string, string][] = [];
  const gone: string[] = [];
  for (const [key, value] of changes) {
    if (value === null) gone.push(key);
    else kept.push([key, stateCheck(key, value) + value]);
  }
  if (kept.length > 0) await sql.run(upsertState, JSON.stringify(kept));
  if (gone.length > 0) await sql.run(deleteState, JSON.stringify(gone));
}

/** Writes the whole state anew, and nothing else stays. */
export async function replaceState(sql: Sql, state: ReadonlyMap<string, string>): Promise<void> {
  await sql.exec("DELETE FROM state");
  await writeState(sql, state);
}

/** Gives the values of version 1 of the tables, which had none, their checks. */
export async function checkState(sql: Sql): Promise<void> {
  const rows = await sql.all<{ key: string; value: string }>("SELECT key, value FROM state");
  await replaceState(sql, new Map(rows.map(({ key, value }) => [key, value])));
}
