// Secrets that stand in files: never in a configuration, never in a log.

import { chown, readFile, rename, stat, writeFile } from "node:fs/promises";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";

/** The text of a secret's file. CONFIG_UNREADABLE naming the setting. */
export async function readSecret(file: string, setting: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    const message = `${setting}: ${errorMessageOf(error)}`;
    throw new GatewayError("CONFIG_UNREADABLE", message, { cause: error });
  }
}

/** A running bridge reads the new file or the old one, never a half; it stays whose it was. CONFIG_INVALID. */
export async function replaceSecretFile(file: string, text: string): Promise<void> {
  const before = await stat(file).catch(() => undefined);
  const written = `${file}.new`;
  try {
    await writeFile(written, text, { mode: before?.mode ?? 0o600 });
    if (before !== undefined) await chown(written, before.uid, before.gid);
    await rename(written, file);
  } catch (error) {
    const message = `${file} is not written: ${errorMessageOf(error)}`;
    throw new GatewayError("CONFIG_INVALID", message, { cause: error });
  }
}
