// `gondola-bridge token add|list|revoke`: who may use the HTTP API.

import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { GatewayError } from "../contract/errors.ts";
import { newToken, parseTokens, tokensText } from "./api/tokens.ts";
import { tableText } from "./cli-print.ts";
import { replaceSecretFile } from "./secret-file.ts";

interface FileOption {
  readonly file: string;
}

/** Adds the commands; a running bridge sees a change within a second. */
export function addTokenCommands(program: Command, print: (text: string) => void): void {
  const token = program.command("token").description("tokens of the HTTP API");
  const fileOption = ["--file <file>", "http.tokensFile of the configuration"] as const;
  token
    .command("add")
    .description("make a token; it is printed once and stored as a hash")
    .argument("<name>", "stands as the actor in entries, claims and alerts")
    .requiredOption("--role <role>", "what it may do, as in cloud-bridge/api/roles.ts")
    .requiredOption("--stores <ids>", "store ids with commas between them, or all")
    .requiredOption(...fileOption)
    .action(async (name: string, options: FileOption & { role: string; stores: string }) => {
      const tokens = await readTokens(options.file, true);
      if (tokens.some((one) => one.name === name)) {
        throw new GatewayError("CONFIG_INVALID", `there is a token ${name}; revoke it first`);
      }
      const made = newToken({ name, role: options.role, stores: options.stores });
      await replaceSecretFile(options.file, tokensText([...tokens, made.token]));
      print(`${made.secret}\n`);
    });
  token
    .command("list")
    .description("names, roles and stores")
    .requiredOption(...fileOption)
    .action(async ({ file }: FileOption) => {
      const rows = (await readTokens(file, false)).map(({ name, role, stores }) => {
        return { name, role, stores: String(stores) };
      });
      print(`${tableText(rows, "there are no tokens")}\n`);
    });
  token
    .command("revoke")
    .description("lets a token in no more")
    .argument("<name>", "its name")
    .requiredOption(...fileOption)
    .action(async (name: string, { file }: FileOption) => {
      const tokens = await readTokens(file, false);
      const others = tokens.filter((one) => one.name !== name);
      if (others.length === tokens.length) {
        throw new GatewayError("CONFIG_INVALID", `there is no token ${name} in ${file}`);
      }
      await replaceSecretFile(file, tokensText(others));
      print(`token ${name} is revoked\n`);
    });
}

async function readTokens(file: string, mayLack: boolean) {
  try {
    return parseTokens(await readFile(file, "utf8"), file);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    if (mayLack && (error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new GatewayError("CONFIG_UNREADABLE", `${file} cannot be read`, { cause: error });
  }
}
