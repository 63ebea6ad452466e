import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CertificateAuthority } from "../../cloud-bridge/certificate-authority.ts";
import { keepRenewed } from "../../edge/certificate-renewal.ts";
import { readCertificates, renewedFileIn } from "../../edge/link-certificates.ts";

const dayMs = 86_400_000;
const nowMs = Date.now();
let folder: string;
let authority: CertificateAuthority;
let broker: { url: string; enrolmentFile: string; renewedFile: string };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-renewal-"));
  authority = await CertificateAuthority.create(join(folder, "ca"), nowMs);
  const enrolmentFile = join(folder, "enrolment.json");
  await writeFile(enrolmentFile, JSON.stringify(await authority.enrol("s0042", "edge-1", nowMs)));
  broker = { url: "mqtts://127.0.0.1:8883", enrolmentFile, renewedFile: renewedFileIn(folder) };
});
afterAll(() => rm(folder, { recursive: true }));

const renew = (days: number) => authority.renew("s0042", "edge-1", nowMs + days * dayMs);

test("a later one of the same key is shown, and outlives a newer start", async () => {
  const before = await readCertificates(broker);
  const renewed = await renew(700);
  expect(await keepRenewed(broker, renewed)).toMatch(/^good until 20\d\d-.*next connection/);
  expect(await readCertificates(broker)).toEqual({ ...before, cert: renewed });
  // An authority that was opened anew knows the key as well.
  const opened = await CertificateAuthority.open(join(folder, "ca"));
  const next = await opened.renew("s0042", "edge-1", nowMs + 800 * dayMs);
  await keepRenewed(broker, next);
  expect((await readCertificates(broker)).cert).toBe(next);
});

test.each<[string, () => Promise<string>, RegExp]>([
  ["no later end", () => renew(-100), /it ends on/],
  ["another edge's", () => issued("s0042", "edge-2"), /not of this edge's key/],
  ["another key", () => issued("s0042", "edge-1"), /not of this edge's key/],
  ["another authority's", () => foreign(), /authority did not issue it/],
  ["half of one", async () => (await renew(2_000)).slice(0, 300), /cannot be read/],
])("%s is refused, and what is shown stays", async (_name, make, reason) => {
  const shown = await readCertificates(broker);
  const kept = await readFile(broker.renewedFile, "utf8").catch(() => undefined);
  const refused = keepRenewed(broker, await make());
  await expect(refused).rejects.toMatchObject({ code: "CERTIFICATE_REFUSED" });
  await expect(refused).rejects.toThrow(reason);
  expect(await readCertificates(broker)).toEqual(shown);
  expect(await readFile(broker.renewedFile, "utf8").catch(() => undefined)).toBe(kept);
});

test("without room on the disk, or without a certificate of its own, it says so", async () => {
  const later = await renew(3_000);
  const nowhere = keepRenewed({ ...broker, renewedFile: join(folder, "no/where.pem") }, later);
  await expect(nowhere).rejects.toMatchObject({ code: "CERTIFICATE_REFUSED" });
  const plain = keepRenewed({ url: "mqtt://127.0.0.1", renewedFile: broker.renewedFile }, later);
  await expect(plain).rejects.toThrow("shows no certificate");
});

test("a damaged file, or one of a key that is gone, is not shown", async () => {
  const { cert } = await readCertificates({ ...broker, renewedFile: undefined });
  await writeFile(broker.renewedFile, "-----BEGIN CERTIFICATE-----\nx");
  expect((await readCertificates(broker)).cert).toBe(cert);
  await writeFile(broker.renewedFile, await renew(3_000));
  const fresh = await authority.enrol("s0042", "edge-1", nowMs + dayMs);
  await writeFile(broker.enrolmentFile, JSON.stringify(fresh));
  expect((await readCertificates(broker)).cert).toBe(fresh.certificate);
});

test("an authority that does not know the key says what to do", async () => {
  await expect(authority.renew("s0042", "edge-9", nowMs)).rejects.toThrow(/enroll it anew/);
  await authority.revoke({ kind: "edge", storeId: "s0042", edgeId: "edge-1" }, nowMs);
  await expect(renew(1)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

async function issued(storeId: string, edgeId: string): Promise<string> {
  return (await authority.issueClient({ kind: "edge", storeId, edgeId }, nowMs + 3_000 * dayMs))
    .certificate;
}

/** Of the same key and name, by somebody else. */
async function foreign(): Promise<string> {
  const other = await CertificateAuthority.create(join(folder, "other"), nowMs);
  await other.issueClient({ kind: "edge", storeId: "s0042", edgeId: "edge-1" }, nowMs);
  const own = JSON.parse(await readFile(join(folder, "ca/issued.json"), "utf8"));
  await writeFile(join(folder, "other/issued.json"), JSON.stringify(own.slice(0, 1)));
  const opened = await CertificateAuthority.open(join(folder, "other"));
  return await opened.renew("s0042", "edge-1", nowMs + 3_000 * dayMs);
}
