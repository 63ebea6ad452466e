// How an edge and its broker show each other who they are: certificates from files, read anew for every connection, so
// that a renewed one needs no restart.

import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { enrolmentSchema } from "../contract/enrolment.ts";
import { GatewayError } from "../contract/errors.ts";

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

/** Reads what is configured; rejects where a file cannot be read, or is no enrolment. */
export async function readCertificates(address: BrokerAddress): Promise<Certificates> {
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
