// Secrets that the bridge reads from files: never in a configuration, never in a log.

import { readFile } from "node:fs/promises";
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
