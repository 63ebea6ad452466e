// `gondola-bridge password`, and what `revoke` does for a broker with passwords: the file of small installations.

import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import { identityOfName, withoutPassword, withPassword } from "./broker-passwords.ts";
import { replaceSecretFile } from "./secret-file.ts";

interface PasswordOptions {
  readonly file: string;
  readonly commands?: boolean;
}

/** Adds the command to the program. */
export function addPasswordCommand(program: Command, print: (text: string) => void): void {
  program
    .command("password")
    .description(
      "set the password of an edge (STORE:EDGE) or of somebody who reads all stores (NAME), read from standard input",
    )
    .argument("<name>", "STORE:EDGE or NAME")
    .requiredOption("--file <file>", "the broker's passwordsFile")
    .option("--commands", "NAME may command edges as well")
    .action(async (name: string, { file, commands = false }: PasswordOptions) => {
      const kind = identityOfName(name, commands)?.kind;
      if (kind === undefined) {
        const message = `"${name}": an edge is STORE:EDGE, a consumer a name; --commands needs a name`;
        throw new GatewayError("CONFIG_INVALID", message);
      }
      const password = (await textOfInput()).replace(/\r?\n$/, "");
      const before = await textOf(file, "");
      await replaceSecretFile(file, await withPassword(before, file, { name, commands, password }));
      print(`set: ${kind} ${name} in ${file}; a running broker takes it at once\n`);
    });
}

/** Takes a client out of the file; whether it was there. */
export async function revokePassword(file: string, name: string): Promise<boolean> {
  const left = withoutPassword(await textOf(file), file, name);
  if (left === undefined) return false;
  await replaceSecretFile(file, left);
  return true;
}

async function textOf(file: string, missing?: string): Promise<string> {
  return await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" && missing !== undefined) return missing;
    throw new GatewayError("CONFIG_UNREADABLE", errorMessageOf(error), { cause: error });
  });
}

async function textOfInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
