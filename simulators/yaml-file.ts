// A YAML file of the simulators, read and checked.

import { readFile } from "node:fs/promises";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";

/** Reads and checks a file. CONFIG_UNREADABLE, CONFIG_INVALID with every path that does not fit. */
export async function loadYamlFile<Schema extends z.ZodType>(
  schema: Schema,
  file: string,
): Promise<z.output<Schema>> {
  let value: unknown;
  try {
    value = parseYaml(await readFile(file, "utf8"));
  } catch (error) {
    const message = `${file}: ${errorMessageOf(error)}`;
    throw new GatewayError("CONFIG_UNREADABLE", message, { cause: error });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new GatewayError("CONFIG_INVALID", `${file}:\n${z.prettifyError(result.error)}`);
}
