// A small file beside the outbox that says which outbox this is. When the outbox itself is damaged or
// gone, its successor can still name it. And the names under which damaged files are set aside.

import { readFile, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { atMsSchema, randomIdSchema } from "../../contract/units.ts";
import { syncFolder, writeKeptFile } from "../kept-file.ts";

const identitySchema = z.object({ outboxId: randomIdSchema, createdAtMs: atMsSchema });
/** Which outbox a file holds. */
export type Identity = z.infer<typeof identitySchema>;

const identityFile = (file: string) => `${file}.identity.json`;

/** Reads the identity; undefined where there is none or nobody can read it. */
export async function readIdentity(file: string): Promise<Identity | undefined> {
  try {
    return identitySchema.parse(JSON.parse(await readFile(identityFile(file), "utf8")));
  } catch {
    // A hint only: without it the successor does not know its predecessor's name.
    return undefined;
  }
}

/** Writes the identity in one step: a crash leaves the old one or the new one. */
export async function writeIdentity(file: string, identity: Identity): Promise<void> {
  const target = identityFile(file);
  const text = JSON.stringify({ outboxId: identity.outboxId, createdAtMs: identity.createdAtMs });
  await writeKeptFile(target, `${text}\n`);
}

/** Renames an outbox file, with its -wal and -shm, to a name with the time in it; never deletes. */
export async function setFilesAside(file: string, nowMs: number): Promise<string> {
  const time = new Date(nowMs).toISOString().replaceAll(/[-:.]/g, "");
  let target = `${file}.damaged-${time}`;
  for (let attempt = 2; await exists(target); attempt += 1) {
    target = `${file}.damaged-${time}-${attempt}`;
  }
  for (const suffix of ["", "-wal", "-shm"]) {
    if (await exists(`${file}${suffix}`)) await rename(`${file}${suffix}`, `${target}${suffix}`);
  }
  await syncFolder(dirname(file));
  return target;
}

/** Whether a file exists. */
export async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
