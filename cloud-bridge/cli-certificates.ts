// `gondola-bridge ca init|server`, `enroll`, `renew`, `enroll-consumer`, `revoke`: certificates of a chain.

import { open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import { commandKeyOf } from "../contract/signed-command.ts";
import { idSchema } from "../contract/units.ts";
import type { Identity } from "./broker-identity.ts";
import { systemClock } from "./clock.ts";

const folderOption = ["--ca <folder>", "folder of the authority", "ca"] as const;

interface CaOption {
  readonly ca: string;
}

interface EnrolOptions extends CaOption {
  readonly commandKey?: string;
  readonly out?: string;
}

interface RevokeOptions extends CaOption {
  readonly file?: string;
}

/** Adds them to the program. */
export function addCertificateCommands(program: Command, print: (text: string) => void): void {
  addAuthority(program, print);
  addClients(program, print);
  addRevoke(program, print);
}

function addAuthority(program: Command, print: (text: string) => void): void {
  const ca = program.command("ca").description("the chain's own certificate authority");
  ca.command("init")
    .description("make one; its keys are a secret")
    .option(...folderOption)
    .action(async ({ ca: folder }: CaOption) => {
      const { CertificateAuthority } = await import("./certificate-authority.ts");
      await CertificateAuthority.create(folder, systemClock.nowMs());
      print(`made: ${folder}/ca.pem and ca-key.pem, revoked.pem (nothing is)\n`);
    });
  ca.command("server")
    .description(
      "a certificate of the broker, for the names and addresses that edges use; renewed, it keeps its key",
    )
    .argument("<names...>", "like broker.example 192.0.2.7")
    .option(...folderOption)
    .action(async (names: string[], { ca: folder }: CaOption) => {
      const { CertificateAuthority } = await import("./certificate-authority.ts");
      const authority = await CertificateAuthority.open(folder);
      const keyFile = join(folder, "server-key.pem");
      const before = await readFile(keyFile, "utf8").catch(() => undefined);
      const { certificate, key } = await authority.issueServer(names, systemClock.nowMs(), before);
      if (before === undefined) await writeSecret(keyFile, async () => key);
      await writeFile(join(folder, "server.pem"), certificate);
      print(`written: ${folder}/server.pem and server-key.pem\n`);
    });
}

function addClients(program: Command, print: (text: string) => void): void {
  program
    .command("enroll")
    .description("all that an edge needs to come in, in one file: broker.enrolmentFile of the edge")
    .argument("<store>", "id of its store")
    .argument("<edge>", "id of the edge")
    .option(...folderOption)
    .option("--command-key <file>", "public key (FILE.pub of command-key): commands must be signed")
    .option("--out <file>", "file to write (default: STORE-EDGE.enrolment.json)")
    .action(async (store: string, edge: string, options: EnrolOptions) => {
      const { storeId, edgeId } = edgeOf(store, edge);
      const { CertificateAuthority } = await import("./certificate-authority.ts");
      const authority = await CertificateAuthority.open(options.ca);
      const key = await commandKeyIn(options.commandKey);
      const file = options.out ?? `${storeId}-${edgeId}.enrolment.json`;
      await writeSecret(file, async () => {
        const enrolment = await authority.enrol(storeId, edgeId, systemClock.nowMs());
        return `${JSON.stringify({ ...enrolment, ...key }, null, 2)}\n`;
      });
      print(`written: ${file}, a secret of that edge alone\n`);
    });
  program
    .command("renew")
    .description("a later certificate for the key that an edge has, to be sent to it")
    .argument("<store>", "id of its store")
    .argument("<edge>", "id of the edge")
    .option(...folderOption)
    .option("--out <file>", "file to write (default: STORE-EDGE.pem)")
    .action(async (store: string, edge: string, { ca, out }: EnrolOptions) => {
      const { storeId, edgeId } = edgeOf(store, edge);
      const { CertificateAuthority } = await import("./certificate-authority.ts");
      const authority = await CertificateAuthority.open(ca);
      const certificate = await authority.renew(storeId, edgeId, systemClock.nowMs());
      const file = out ?? `${storeId}-${edgeId}.pem`;
      await writeFile(file, certificate);
      const command = `gondola-bridge command ${storeId} ${edgeId} renew-certificate ${file}`;
      print(`written: ${file}; no secret. Send it: ${command}\n`);
    });
  program
    .command("enroll-consumer")
    .description("certificate and key of somebody who reads all stores: a web shop, an ERP")
    .argument("<name>", "its name")
    .option(...folderOption)
    .option("--commands", "it may command edges as well")
    .action(async (name: string, { ca: folder, commands }: CaOption & { commands?: true }) => {
      const { CertificateAuthority } = await import("./certificate-authority.ts");
      const authority = await CertificateAuthority.open(folder);
      const kind = commands === true ? "operator" : "consumer";
      const identity: Identity = { kind, name: checkedId("name", name) };
      await writeSecret(`${name}-key.pem`, async () => {
        const issuance = await authority.issueClient(identity, systemClock.nowMs());
        await writeFile(`${name}.pem`, issuance.certificate);
        return issuance.key;
      });
      print(`written: ${name}.pem and ${name}-key.pem\n`);
    });
}

function addRevoke(program: Command, print: (text: string) => void): void {
  program
    .command("revoke")
    .description(
      "lets an edge (STORE EDGE), or a consumer or operator (NAME), come in no more; a running broker sees it in 10 s",
    )
    .argument("<name>", "its name; of an edge the id of its store")
    .argument("[edge]", "id of the edge")
    .option(...folderOption)
    .option("--file <file>", "the broker's passwordsFile, where it asks for passwords")
    .action(async (name: string, edge: string | undefined, { ca: folder, file }: RevokeOptions) => {
      const identities = revoked(name, edge);
      if (file !== undefined) {
        const { revokePassword } = await import("./cli-passwords.ts");
        const isGone = await revokePassword(file, edge === undefined ? name : `${name}:${edge}`);
        print(`${isGone ? 1 : 0} passwords revoked: ${file}\n`);
        if (!isGone) process.exitCode = 1;
        return;
      }
      const { CertificateAuthority } = await import("./certificate-authority.ts");
      const authority = await CertificateAuthority.open(folder);
      let count = 0;
      for (const one of identities) count += await authority.revoke(one, systemClock.nowMs());
      print(`${count} certificates revoked: ${folder}/revoked.pem\n`);
      if (count === 0) process.exitCode = 1;
    });
}

/** Who is meant: an edge, or whoever has that name. */
function revoked(name: string, edge: string | undefined): Identity[] {
  if (edge !== undefined) return [{ kind: "edge", ...edgeOf(name, edge) }];
  const id = checkedId("name", name);
  return [
    { kind: "consumer", name: id },
    { kind: "operator", name: id },
  ];
}

async function commandKeyIn(file: string | undefined): Promise<{ commandKey?: string }> {
  if (file === undefined) return {};
  try {
    const commandKey = await readFile(file, "utf8");
    commandKeyOf(commandKey);
    return { commandKey };
  } catch (error) {
    const message = `--command-key ${file}: ${errorMessageOf(error)}`;
    throw new GatewayError("CONFIG_INVALID", message, { cause: error });
  }
}

function edgeOf(store: string, edge: string) {
  return { storeId: checkedId("store", store), edgeId: checkedId("edge", edge) };
}

function checkedId(what: string, text: string): string {
  const id = idSchema.safeParse(text);
  if (id.success) return id.data;
  throw new GatewayError("CONFIG_INVALID", `${what} "${text}": an id is 1-32 of a-z, 0-9 and -`);
}

/** Makes a new file of a secret. The file comes first: what is issued and lost would pass for the one in use (`renew`). */
async function writeSecret(file: string, make: () => Promise<string>): Promise<void> {
  const handle = await open(file, "wx", 0o600).catch((error) => {
    const message = `${file} is not written: ${errorMessageOf(error)}`;
    throw new GatewayError("CONFIG_INVALID", message, { cause: error });
  });
  try {
    await handle.writeFile(await make());
  } catch (error) {
    await rm(file);
    throw error;
  } finally {
    await handle.close();
  }
}
