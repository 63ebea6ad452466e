// `gondola-bridge command-key` and `command`: what a person or a script asks of an edge, signed.

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
} from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import type { Command as Program } from "commander";
import { z } from "zod";
import type { Reply } from "../contract/delivery.ts";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import {
  commandLifetimeMsMax,
  signCommand,
  signedCommandSchema,
} from "../contract/signed-command.ts";
import { toCount } from "./cli-count.ts";
import { systemClock } from "./clock.ts";
import { type CommandBroker, sendCommand } from "./command-sender.ts";
import { readSecret } from "./secret-file.ts";

interface CommandOptions {
  readonly url: string;
  readonly key: string;
  readonly with: string;
  readonly counter?: number;
  readonly waitMs: number;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly user?: string;
  readonly passwordFile?: string;
}

/** Adds them to the program; `onRefused` hears that the edge did not do it. */
export function addCommandCommands(
  program: Program,
  print: (text: string) => void,
  onRefused: () => void,
): void {
  program
    .command("command-key")
    .description("make a key pair for commands: the private half signs, edges know the public one")
    .option(
      "--out <file>",
      "file of the private key; the public one is FILE.pub",
      "command-key.pem",
    )
    .action(async ({ out }: { out: string }) => {
      await makeCommandKey(out);
      print(`made: ${out}, a secret, and ${out}.pub for the edges (commandKeyFile, or enroll)\n`);
    });
  program
    .command("command")
    .description("sign a command, send it to an edge, and print the edge's reply")
    .argument("<store>", "id of its store")
    .argument("<edge>", "id of the edge")
    .argument(
      "<command>",
      "status, hello-request, count, workflow, actuate, tare, rewind, apply-config or renew-certificate",
    )
    .argument(
      "[file]",
      "of apply-config: the edge's configuration to be; of renew-certificate: what `renew` wrote",
    )
    .requiredOption("--key <file>", "private key, as command-key made it")
    .requiredOption("--url <url>", "the broker: mqtt://host:port or mqtts://host:port")
    .option("--with <json>", 'what the command needs, like {"location":"s1/floor"}', "{}")
    .option("--counter <number>", "larger than any before (default: the time in ms)", toCount)
    .option("--wait-ms <ms>", "how long to wait for the reply", toCount, 10_000)
    .option("--ca-file <file>", "authority of the broker's certificate (PEM)")
    .option("--cert-file <file>", "own certificate (PEM), as enroll-consumer --commands made it")
    .option("--key-file <file>", "its key (PEM)")
    .option(
      "--user <name>",
      "user, where the broker asks for a password: NAME of `password NAME --commands`",
    )
    .option("--password-file <file>", "a file with its password")
    .action(
      async (
        storeId: string,
        edgeId: string,
        name: string,
        file: string | undefined,
        options: CommandOptions,
      ) => {
        const body = await bodyOf(name, file, options.with);
        const reply = await command(storeId, edgeId, body, options);
        print(`${JSON.stringify(reply)}\n`);
        if (!reply.ok) onRefused();
      },
    );
}

/** Makes a key pair; an existing file stays as it is. */
export async function makeCommandKey(file: string): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519", {
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  try {
    await writeFile(file, privateKey, { flag: "wx", mode: 0o600 });
    await writeFile(`${file}.pub`, publicKey, { flag: "wx" }).catch(async (error) => {
      // Two halves that do not belong together would be worse than none.
      await rm(file);
      throw error;
    });
  } catch (error) {
    const message = `no key is made: ${errorMessageOf(error)}`;
    throw new GatewayError("CONFIG_INVALID", message, { cause: error });
  }
}

async function command(
  storeId: string,
  edgeId: string,
  body: object,
  options: CommandOptions,
): Promise<Reply> {
  const nowMs = systemClock.nowMs();
  const unsigned = signedCommandSchema.omit({ signature: true }).safeParse({
    storeId,
    edgeId,
    counter: options.counter ?? nowMs,
    expiresAtMs: nowMs + Math.min(options.waitMs, commandLifetimeMsMax),
    command: body,
  });
  if (!unsigned.success) {
    throw new GatewayError("CONFIG_INVALID", z.prettifyError(unsigned.error));
  }
  const signed = signCommand(unsigned.data, await readPrivateKey(options.key));
  return await sendCommand(signed, await brokerOf(options), options.waitMs, systemClock);
}

async function bodyOf(name: string, file: string | undefined, text: string): Promise<object> {
  const field = name === "renew-certificate" ? "certificate" : "config";
  const content = file === undefined ? {} : { [field]: await readText(file) };
  try {
    const details = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
    return { ...details, ...content, id: randomUUID(), command: name.replaceAll("-", "_") };
  } catch (error) {
    const message = `--with is a JSON object: ${errorMessageOf(error)}`;
    throw new GatewayError("CONFIG_INVALID", message, { cause: error });
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new GatewayError("CONFIG_UNREADABLE", errorMessageOf(error), { cause: error });
  }
}

async function readPrivateKey(file: string): Promise<KeyObject> {
  const pem = await readSecret(file, "--key");
  try {
    const key = createPrivateKey(pem);
    if (createPublicKey(key).asymmetricKeyType === "ed25519") return key;
  } catch {
    // Said below, and never with the file's content.
  }
  throw new GatewayError("CONFIG_INVALID", `--key ${file}: no private Ed25519 key as PEM`);
}

async function brokerOf(options: CommandOptions): Promise<CommandBroker> {
  const { url, caFile, certFile, keyFile, user, passwordFile } = options;
  if (!/^mqtts?:\/\/[^\s@]+$/.test(url)) {
    throw new GatewayError("CONFIG_INVALID", `--url ${url}: mqtt://host:port or mqtts://host:port`);
  }
  const text = async (file: string | undefined, setting: string) =>
    file === undefined ? undefined : await readSecret(file, setting);
  return {
    url,
    ca: await text(caFile, "--ca-file"),
    cert: await text(certFile, "--cert-file"),
    key: await text(keyFile, "--key-file"),
    username: user,
    password: await text(passwordFile, "--password-file"),
  };
}
