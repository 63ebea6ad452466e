// Who may come in and who no more, by the commands, with passwords and with certificates.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { BrokerPasswords } from "../../cloud-bridge/broker-passwords.ts";
import { CertificateAuthority } from "../../cloud-bridge/certificate-authority.ts";
import { addCertificateCommands } from "../../cloud-bridge/cli-certificates.ts";

const cli = fileURLToPath(new URL("../../cloud-bridge/cli.ts", import.meta.url));
const password = "correct horse battery staple";
let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-cli-passwords-"));
  file = join(folder, "passwords");
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => {
  process.exitCode = undefined;
});

/** Sets a password as a person does; gives the exit code and what was said. */
async function setPassword(...words: string[]) {
  const child = spawn(process.execPath, [
    ...["--import", "tsx", cli, "password", ...words, "--file", file],
  ]);
  const said: string[] = [];
  child.stdout.on("data", (text) => said.push(String(text)));
  child.stderr.on("data", (text) => said.push(String(text)));
  child.stdin.on("error", () => undefined).end(`${password}\n`);
  const code = await new Promise((resolve) => child.on("close", resolve));
  return { code, said: said.join("") };
}

/** Revokes in this process; gives what was printed and the exit code. */
async function revoke(...words: string[]) {
  const said: string[] = [];
  const program = new Command().exitOverride();
  addCertificateCommands(program, (text) => said.push(text));
  process.exitCode = undefined;
  await program.parseAsync(["revoke", ...words], { from: "user" });
  return { code: process.exitCode ?? 0, said: said.join("") };
}

async function kindOf(name: string) {
  const passwords = await BrokerPasswords.open(file, () => 0);
  const check = await passwords.check(name, Buffer.from(password), "a");
  return check.kind === "known" ? check.identity.kind : check.kind;
}

test("with passwords: an edge, a consumer and an operator are set, and revoked", async () => {
  expect(await setPassword("s1:e1")).toMatchObject({ code: 0 });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await setPassword("shop")).toMatchObject({ code: 0 });
  const operator = await setPassword("office", "--commands");
  expect(operator).toMatchObject({ code: 0, said: expect.stringContaining("operator office") });
  const wrong = await setPassword("s1:e1", "--commands");
  expect(wrong).toMatchObject({ code: 2, said: expect.stringContaining("needs a name") });
  expect([await kindOf("s1:e1"), await kindOf("shop"), await kindOf("office")]).toEqual([
    ...["edge", "consumer", "operator"],
  ]);
  expect(await revoke("office", "--file", file)).toMatchObject({ code: 0 });
  expect(await revoke("office", "--file", file)).toMatchObject({ code: 1 });
  expect(await revoke("s1", "e1", "--file", file)).toMatchObject({ code: 0 });
  expect([await kindOf("s1:e1"), await kindOf("shop"), await kindOf("office")]).toEqual([
    ...["wrong", "consumer", "wrong"],
  ]);
  expect((await readFile(file, "utf8")).trim().split("\n")).toHaveLength(1);
}, 120_000);

test("with certificates: an edge, a consumer and an operator are revoked, each alone", async () => {
  const ca = join(folder, "ca");
  const authority = await CertificateAuthority.create(ca, Date.now());
  await authority.enrol("s1", "e1", Date.now());
  for (const identity of [
    { kind: "consumer", name: "shop" },
    { kind: "operator", name: "office" },
  ] as const)
    await authority.issueClient(identity, Date.now());
  const one = { code: 0, said: expect.stringMatching(/^1 certificates revoked/) };
  expect(await revoke("office", "--ca", ca)).toMatchObject(one);
  expect(await revoke("office", "--ca", ca)).toMatchObject({ code: 1 });
  expect(await revoke("s1", "e1", "--ca", ca)).toMatchObject(one);
  expect(await revoke("shop", "--ca", ca)).toMatchObject(one);
  await expect(revoke("No Name", "--ca", ca)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});
