// `gondola-edge decode epc|barcode|llrp|frame`: what is given as arguments or as lines of standard input.

import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { GatewayError } from "../../contract/errors.ts";
import {
  type CompanyPrefixTable,
  parseCompanyPrefixTable,
} from "../../contract/gs1/company-prefix.ts";
import { systemClock as clock } from "../../drivers/clock.ts";
import type { Decoding } from "./decode.ts";

type Print = (text: string) => void;
type Decode = (text: string) => Decoding[] | Promise<Decoding[]>;

/** Adds `decode` with its four kinds of input. */
export function addDecode(program: Command, print: Print): void {
  const decode = program
    .command("decode")
    .description(
      "what a tag, a label or a frame says: JSON lines; exit code 1 where one is refused",
    );
  addEpc(decode, print);
  addBarcode(decode, print);
  addFrames(decode, print);
}

function addEpc(decode: Command, print: Print): void {
  decode
    .command("epc")
    .description("EPC memory in hex")
    .argument("[hex...]", "without it: lines of standard input")
    .option("--pc", "a PC word stands before the EPC")
    .action(async (given: string[], options: { pc?: boolean }) => {
      const { decodeEpcText } = await import("./decode.ts");
      await decodeInputs(given, (text) => [decodeEpcText(text, options.pc === true)], print);
    });
}

function addBarcode(decode: Command, print: Print): void {
  decode
    .command("barcode")
    .description("what a scanner read; {GS} stands for the group separator")
    .argument("[text...]", "without it: lines of standard input")
    .option("--symbology <id>", "AIM identifier, like ]d2")
    .option(
      "--company-prefixes <file>",
      "GS1's table of company prefix lengths (gcpprefixformatlist.json or .xml): prints URN and readable SSCC too",
    )
    .action(async (given: string[], options: { symbology?: string; companyPrefixes?: string }) => {
      const { decodeBarcodeText } = await import("./decode.ts");
      const { symbology, companyPrefixes: file } = options;
      const companyPrefixes = file === undefined ? undefined : await readTable(file);
      const how = { symbology, companyPrefixes };
      await decodeInputs(given, (text) => [decodeBarcodeText(text, how, clock.nowMs())], print);
    });
}

function addFrames(decode: Command, print: Print): void {
  const decodeKind = async (kind: string, given: string[]) => {
    const { decodeFrames } = await import("./decode.ts");
    await decodeInputs(given, (text) => decodeFrames(kind, text), print);
  };
  decode
    .command("llrp")
    .description("LLRP messages in hex, with their parameters by name")
    .argument("[hex...]", "without it: lines of standard input")
    .action((given: string[]) => decodeKind("llrp", given));
  decode
    .command("frame")
    .description("bytes of a device in hex; lines and JSON objects also as they are")
    .argument("<kind>", "kind of device")
    .argument("[bytes...]", "without it: lines of standard input")
    .action(decodeKind);
}

async function readTable(file: string): Promise<CompanyPrefixTable> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const { message } = error as Error;
    throw new GatewayError("CONFIG_UNREADABLE", `--company-prefixes: ${message}`, { cause: error });
  }
  const parsed = parseCompanyPrefixTable(text);
  if (parsed.ok) return parsed.table;
  throw new GatewayError("CONFIG_INVALID", `--company-prefixes ${file}: ${parsed.reason}`);
}

/** Decodes what is given, or standard input line by line; exit code 1 where something is refused or nothing came. */
async function decodeInputs(given: readonly string[], decode: Decode, print: Print): Promise<void> {
  const { decodeAll } = await import("./decode.ts");
  const inputs = given.length > 0 ? given : await linesOfStandardInput();
  if (inputs.length === 0) process.stderr.write("decode: nothing on standard input\n");
  const refusalCount = await decodeAll(inputs, decode, print);
  if (refusalCount > 0 || inputs.length === 0) process.exitCode = 1;
}

async function linesOfStandardInput(): Promise<string[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks)
    .toString("utf8")
    .split(/\r?\n/)
    .filter((line) => line !== "");
}
