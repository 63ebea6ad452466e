import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CertificateAuthority } from "../../cloud-bridge/certificate-authority.ts";
import { edgeConfigSchema } from "../../edge/config.ts";
import { endingOf, readCertificates } from "../../edge/link-certificates.ts";

const dayMs = 86_400_000;
const nowMs = Date.now();
const url = "mqtts://127.0.0.1:8883";
let folder: string;
let enrolment: { ca: string; certificate: string; key: string };
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-certificates-"));
  const authority = await CertificateAuthority.create(file("ca"), nowMs);
  enrolment = await authority.enrol("s0042", "edge-1", nowMs);
  await writeFile(file("one.json"), JSON.stringify(enrolment));
  await writeFile(file("cert.pem"), enrolment.certificate);
  await writeFile(file("key.pem"), enrolment.key);
  await writeFile(file("bad.json"), JSON.stringify({ ...enrolment, key: "secret" }));
});
afterAll(() => rm(folder, { recursive: true }));

describe("what an edge shows", () => {
  test("comes from one file or from three, anew each time", async () => {
    const { ca, certificate: cert, key } = enrolment;
    const one = { url, enrolmentFile: file("one.json") };
    expect(await readCertificates(one)).toEqual({ ca, cert, key });
    const renewed = await (await CertificateAuthority.open(file("ca"))).enrol(
      "s0042",
      "edge-1",
      nowMs,
    );
    await writeFile(file("one.json"), JSON.stringify(renewed));
    expect(await readCertificates(one)).toEqual({
      ca,
      cert: renewed.certificate,
      key: renewed.key,
    });
    await writeFile(file("one.json"), JSON.stringify(enrolment));
    const three = { url, certFile: file("cert.pem"), keyFile: file("key.pem") };
    expect(await readCertificates(three)).toEqual({ cert, key });
    expect(await readCertificates({ url })).toEqual({});
    await writeFile(file("password"), "a secret of an edge\n");
    const byPassword = await readCertificates({ url, passwordFile: file("password") });
    expect(byPassword).toEqual({ password: "a secret of an edge" });
  });

  test("what cannot be read is named, and no secret with it", async () => {
    await expect(readCertificates({ url, caFile: file("none") })).rejects.toThrow("none");
    const bad = readCertificates({ url, enrolmentFile: file("bad.json") });
    await expect(bad).rejects.toThrow(/bad.json is no enrolment: .*PRIVATE KEY as PEM.*key/);
    await expect(bad).rejects.not.toThrow("secret");
    const noJson = readCertificates({ url, enrolmentFile: file("cert.pem") });
    await expect(noJson).rejects.toThrow("is no enrolment");
  });

  test("that it ends soon is told, and that it has ended", () => {
    const { certificate: cert } = enrolment;
    expect(endingOf({ cert }, nowMs)).toBeUndefined();
    expect(endingOf({}, nowMs)).toBeUndefined();
    expect(endingOf({ cert }, nowMs + 800 * dayMs)).toContain("ends on");
    expect(endingOf({ cert }, nowMs + 826 * dayMs)).toContain("ended on");
    expect(endingOf({ cert: "x" }, nowMs)).toContain("cannot be read");
  });
});

describe("the configuration", () => {
  const refusalOf = (broker: object) => {
    const config = { storeId: "s0042", edgeId: "edge-1", dataDir: "d", devices: [], broker };
    return edgeConfigSchema.safeParse(config).error?.issues[0]?.message;
  };
  test.each([
    [{ url, certFile: "c" }, "certFile and keyFile go together"],
    [{ url, enrolmentFile: "e", caFile: "c" }, "name either"],
    [{ url: "mqtt://b:1883", enrolmentFile: "e" }, "this broker is mqtt://"],
  ])("%o is refused: %s", (broker, message) => {
    expect(refusalOf(broker)).toContain(message);
  });

  test("takes them", () => {
    expect(refusalOf({ url, enrolmentFile: "e" })).toBeUndefined();
    expect(refusalOf({ url, caFile: "a", certFile: "c", keyFile: "k" })).toBeUndefined();
  });
});

test("the authority's files: secrets are for their owner alone, and nothing is made twice", async () => {
  await expect(CertificateAuthority.create(file("ca"), nowMs)).rejects.toThrow("already");
  await expect(CertificateAuthority.open(file("nowhere"))).rejects.toThrow("ca init");
  const again = await CertificateAuthority.open(file("ca"));
  expect(again.certificate).toBe(enrolment.ca);
  expect(await again.revoke({ kind: "edge", storeId: "s0042", edgeId: "edge-1" }, nowMs)).toBe(2);
  expect(await again.revoke({ kind: "edge", storeId: "s0042", edgeId: "edge-1" }, nowMs)).toBe(0);
  expect(await readFile(file("ca/revoked.pem"), "utf8")).toMatch(/^-----BEGIN X509 CRL-----/);
});
