// The commands of the chain's authority, as a technician types them.

import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { Command } from "commander";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addCertificateCommands } from "../../cloud-bridge/cli-certificates.ts";
import { temporaryFolder } from "./temporary-folder.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

const ca = () => join(folder.path, "ca");
async function type(...words: string[]): Promise<string> {
  const program = new Command();
  let printed = "";
  addCertificateCommands(program, (text) => {
    printed += text;
  });
  await program.parseAsync([...words, "--ca", ca()], { from: "user" });
  return printed;
}

test("the broker's user reads what is no secret, and only its owner the keys", async () => {
  await type("ca", "init");
  await type("ca", "server", "broker.example");
  const mode = (path: string) => statSync(path).mode & 0o777;
  expect(mode(ca())).toBe(0o755);
  for (const file of readdirSync(ca())) {
    expect([file, mode(join(ca(), file))]).toEqual([file, file.includes("key") ? 0o600 : 0o644]);
  }
});

// A service holds the key as a credential, a copy of its start: a renewed certificate must fit it.
test("a renewed certificate of the broker keeps its key, and takes other names", async () => {
  await type("ca", "init");
  await type("ca", "server", "one.example");
  const read = (file: string) => readFileSync(join(ca(), file), "utf8");
  const [before, key] = [new X509Certificate(read("server.pem")), read("server-key.pem")];
  await type("ca", "server", "two.example", "192.0.2.7");
  const after = new X509Certificate(read("server.pem"));
  expect(read("server-key.pem")).toBe(key);
  expect(after.serialNumber).not.toBe(before.serialNumber);
  expect(after.subjectAltName).toBe("DNS:two.example, IP Address:192.0.2.7");
  expect(() => createSecureContext({ cert: read("server.pem"), key })).not.toThrow();
});
