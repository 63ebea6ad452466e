// How an edge and its broker show each other who they are: certificates from files, read anew for every connection, so
// that a renewed one needs no restart. One that was sent (certificate-renewal.ts) goes before the configured one.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { enrolmentSchema } from "../contract/enrolment.ts";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";

/** Where the broker is, and what both show. */
export interface BrokerAddress {
  /** `mqtt://` or `mqtts://`, with user and password where the broker asks for them. */
  readonly url: string;
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** All three in one. */
  readonly enrolmentFile?: string | undefined;
  readonly passwordFile?: string | undefined;
  /** Where a certificate is kept that was sent to this edge; there may be none yet. */
  readonly renewedFile?: string | undefined;
}

/** As TLS takes them, PEM; and the password. */
export interface Certificates {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly password?: string;
}

/** An own certificate that ends sooner is told. */
const endingDays = 30;
const dayMs = 86_400_000;

/** Reads what is to be shown; rejects where a configured file cannot be read, or is no enrolment. */
export async function readCertificates(address: BrokerAddress): Promise<Certificates> {
  const configured = await readConfigured(address);
  const { renewedFile } = address;
  const renewed = renewedFile && (await readFile(renewedFile, "utf8").catch(() => undefined));
  if (!renewed || refusalOfRenewed(renewed, configured) !== undefined) return configured;
  return { ...configured, cert: renewed };
}

/** Why a certificate does not go before the one that is shown. */
export function refusalOfRenewed(renewed: string, shown: Certificates): string | undefined {
  if (shown.cert === undefined || shown.key === undefined) return "this edge shows no certificate";
  try {
    const [before, after] = [new X509Certificate(shown.cert), new X509Certificate(renewed)];
    if (!after.checkPrivateKey(createPrivateKey(shown.key))) return "it is not of this edge's key";
    if (after.subject !== before.subject || after.subjectAltName !== before.subjectAltName) {
      return `it is of ${after.subject}, this edge is ${before.subject}`;
    }
    if (Date.parse(after.validTo) <= Date.parse(before.validTo)) {
      return `it ends on ${after.validTo}, the one in use on ${before.validTo}`;
    }
    const { ca } = shown;
    const isIssued = ca === undefined || after.verify(new X509Certificate(ca).publicKey);
    return isIssued ? undefined : "this edge's authority did not issue it";
  } catch (error) {
    return `it cannot be read: ${errorMessageOf(error)}`;
  }
}

/** The broker of a configuration, and where a certificate that is sent is kept. */
export function brokerAddressOf<Broker extends BrokerAddress>(config: {
  readonly broker: Broker;
  readonly dataDir: string;
}): Broker & { readonly renewedFile: string } {
  return { ...config.broker, renewedFile: renewedFileIn(config.dataDir) };
}

/** The file of a certificate that was sent, in the data folder. */
export function renewedFileIn(dataDir: string): string {
  return join(dataDir, "renewed-certificate.pem");
}

async function readConfigured(address: BrokerAddress): Promise<Certificates> {
  const { caFile, certFile, keyFile, enrolmentFile, passwordFile } = address;
  if (enrolmentFile !== undefined) return await readEnrolment(enrolmentFile);
  return {
    ...(passwordFile === undefined
      ? {}
      : { password: (await readFile(passwordFile, "utf8")).trim() }),
    ...(caFile === undefined ? {} : { ca: await readFile(caFile, "utf8") }),
    ...(certFile === undefined ? {} : { cert: await readFile(certFile, "utf8") }),
    ...(keyFile === undefined ? {} : { key: await readFile(keyFile, "utf8") }),
  };
}

async function readEnrolment(file: string): Promise<Certificates> {
  const text = await readFile(file, "utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = enrolmentSchema.safeParse(value);
  if (!parsed.success) {
    const message = `${file} is no enrolment: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`;
    throw new GatewayError("CONFIG_INVALID", message);
  }
  const { ca, certificate: cert, key } = parsed.data;
  return { ca, cert, key };
}

/** What is to be said of an own certificate that ends soon, or has ended. */
export function endingOf({ cert }: Certificates, nowMs: number): string | undefined {
  if (cert === undefined) return undefined;
  let endsAtMs: number;
  try {
    endsAtMs = Date.parse(new X509Certificate(cert).validTo);
  } catch {
    return "this edge's certificate cannot be read: have it issued anew (gondola-bridge enroll)";
  }
  if (endsAtMs - nowMs > endingDays * dayMs) return undefined;
  const day = new Date(endsAtMs).toISOString().slice(0, 10);
  const ends = endsAtMs < nowMs ? "ended" : "ends";
  return `this edge's certificate ${ends} on ${day}: have it issued anew (gondola-bridge enroll)`;
}
