// The commands of the chain's authority, as a technician types them.

import "reflect-metadata";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { X509Crl } from "@peculiar/x509";
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

test("an enrolment that cannot be written is not issued: what is renewed is the certificate in use", async () => {
  await type("ca", "init");
  const [out, renewed] = [join(folder.path, "e1.json"), join(folder.path, "e1.pem")];
  await type("enroll", "s1", "e1", "--out", out);
  await expect(type("enroll", "s1", "e1", "--out", out)).rejects.toThrow("is not written");
  await type("renew", "s1", "e1", "--out", renewed);
  const { key } = JSON.parse(readFileSync(out, "utf8"));
  const certificate = new X509Certificate(readFileSync(renewed));
  expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
});

test("nothing is left in the place of a secret that was not issued", async () => {
  await type("ca", "init");
  const out = join(folder.path, "feed.json");
  await expect(type("enroll", "s1", "feed-till", "--out", out)).rejects.toThrow("feed-");
  expect(existsSync(out)).toBe(false);
});

test("commands beside each other all stand on the list: each can be revoked", async () => {
  await type("ca", "init");
  const edges = Array.from({ length: 8 }, (_, index) => `e${index}`);
  const file = (edge: string) => ["--out", join(folder.path, `${edge}.json`)];
  await Promise.all(edges.map((edge) => type("enroll", "s1", edge, ...file(edge))));
  const printed = await Promise.all(edges.map((edge) => type("revoke", "s1", edge)));
  for (const line of printed) expect(line).toMatch(/^1 certificates revoked/);
  const list = new X509Crl(readFileSync(join(ca(), "revoked.pem"), "utf8"));
  expect(list.entries).toHaveLength(edges.length);
});
