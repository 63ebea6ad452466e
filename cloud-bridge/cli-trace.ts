// `gondola-bridge prove` and `check-proof`: a proof of one entry from a ledger, and a stranger's check of it.

import type { Command } from "commander";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import { type Proof, proofSchema } from "../contract/proof.ts";
import { toCount } from "./cli-count.ts";
import { type LedgerOptions, withLedger } from "./cli-ledger.ts";
import { print } from "./cli-print.ts";
import { systemClock } from "./clock.ts";
import type { Ledger } from "./ledger/types.ts";
import { readPublicKey, readSigningKey, readText } from "./trace/key-file.ts";
import { checkProof, proofOfParts, signHead } from "./trace/proof.ts";

interface ProveOptions extends LedgerOptions {
  readonly store: string;
  readonly entry: number;
  readonly key: string;
  readonly since?: number;
}

interface CheckOptions {
  readonly publicKey?: string;
  readonly earlier?: string;
  readonly json?: true;
}

/** Adds the options of `prove` to its command. */
export function addProve(command: Command): void {
  command
    .description("prove to a stranger that an entry stands in a store's ledger; prints JSON")
    .requiredOption("--store <id>", "store")
    .requiredOption("--entry <number>", "number of the entry", toCount)
    .requiredOption("--key <file>", "Ed25519 private key (PEM) that vouches for the ledger")
    .option("--since <size>", "prove too that nothing before entry <size> has changed", toCount)
    .action(async (options: ProveOptions) => {
      const proof = await withLedger(options, (ledger) => prove(ledger, options));
      process.stdout.write(`${JSON.stringify(proof, null, 2)}\n`);
    });
}

/** Adds `check-proof`; `onWrong` is told that a proof does not hold. */
export function addCheckProof(program: Command, onWrong: () => void): void {
  program
    .command("check-proof")
    .argument("<file>", "what `prove` printed")
    .option("--public-key <file>", "public key (PEM) of the chain, from a place that you trust")
    .option("--earlier <file>", "an earlier proof of the same store: nothing before it has changed")
    .option("--json", "print JSON")
    .description("check a proof; exit code 1 when it does not hold. Needs no ledger")
    .action(async (file: string, options: CheckOptions) => {
      const proof = await readProof(file);
      const earlier = options.earlier === undefined ? undefined : await readProof(options.earlier);
      const publicKey =
        options.publicKey === undefined ? undefined : await readPublicKey(options.publicKey);
      const result = checkProof(proof, { publicKey, earlier });
      print(options, result, result.ok ? textOf(proof, result) : `NOT PROVEN: ${result.reason}`);
      if (!result.ok) onWrong();
    });
}

async function prove(ledger: Ledger, options: ProveOptions): Promise<Proof> {
  const { store: storeId, entry: entryNumber, since: earlierSize } = options;
  const privateKey = await readSigningKey(options.key);
  const tree = await ledger.tree.snapshot(storeId);
  const treeSize = tree?.treeSize ?? 0;
  const size = `store ${storeId} has ${treeSize} entries`;
  if (earlierSize !== undefined && earlierSize > treeSize) {
    throw new GatewayError("CONFIG_INVALID", `--since ${earlierSize}: ${size}`);
  }
  const entry = await ledger.tree.entry(storeId, entryNumber);
  if (tree === undefined || entry === undefined || entryNumber > treeSize) {
    throw new GatewayError("CONFIG_INVALID", `--entry ${entryNumber}: ${size}`);
  }
  const [parts] = await ledger.tree.proofParts(tree, [entry], earlierSize);
  const proof = proofOfParts(parts!, signHead(tree, privateKey, systemClock.nowMs()));
  // Nobody vouches for what does not hold.
  const result = checkProof(proof, { publicKey: undefined, earlier: undefined });
  if (result.ok) return proof;
  const message = `entry ${entryNumber} of ${storeId}: ${result.reason}; see gondola-bridge verify`;
  throw new GatewayError("LEDGER_CORRUPT", message);
}

function textOf({ head, entry }: Proof, { vouchedBy }: { vouchedBy: string }): string {
  const { storeId, entryNumber, item, serial, quantity, from, to, reason, occurredAtMs } = entry;
  const what = serial === undefined ? `${quantity} x ${item}` : `${item} serial ${serial}`;
  const lines = [
    `proven: entry ${entryNumber} of ${head.treeSize} of store ${storeId}`,
    `  ${what}, ${from.location} -> ${to.location}, ${reason}`,
    `  happened ${new Date(occurredAtMs).toISOString()}`,
    `  ledger as of ${new Date(head.signedAtMs).toISOString()}, root ${head.rootHash}`,
  ];
  if (vouchedBy === "own_key") {
    lines.push("  signed with the key in the proof; say --public-key FILE to know whose it is");
  }
  return lines.join("\n");
}

async function readProof(file: string): Promise<Proof> {
  const result = proofSchema.safeParse(await parsedJson(file));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue?.path.join(".") || "(whole)";
  throw new GatewayError("CONFIG_INVALID", `${file} is no proof: ${where}: ${issue?.message}`);
}

async function parsedJson(file: string): Promise<unknown> {
  const text = await readText(file);
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = `${file} is no proof: ${errorMessageOf(error)}`;
    throw new GatewayError("CONFIG_INVALID", message, { cause: error });
  }
}
