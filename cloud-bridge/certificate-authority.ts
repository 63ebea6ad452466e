// The chain's own certificate authority, as files in a folder: it issues what the broker, edges and consumers show, and
// says which of that is not valid any more. Loaded by commands alone; the daemon only reads files.

import "reflect-metadata";
import { createPrivateKey, createPublicKey, randomBytes, type webcrypto } from "node:crypto";
import { mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as x509 from "@peculiar/x509";
import { z } from "zod";
import type { Enrolment } from "../contract/enrolment.ts";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import { type Identity, identityUri } from "./broker-identity.ts";
import { isFeed } from "./ledger/facts.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 86_400_000;
/** How long certificates are valid: of the authority, and of all that it issues. */
const authorityDays = 3650;
const issuedDays = 825;
/** Clocks of stores may be behind. */
const backdateMs = dayMs;
/** The list of what is revoked is good for as long as the authority: it is a file, and read when it changes. */
const files = {
  certificate: "ca.pem",
  key: "ca-key.pem",
  revoked: "revoked.pem",
  issued: "issued.json",
  lock: "changing",
};
const [lockWaitMs, lockWaitMsMax] = [50, 20_000];

const issuedSchema = z.array(
  z.strictObject({
    uri: z.string(),
    serialNumber: z.string(),
    /** SPKI, base64: of one that may be issued again for the same key. */
    publicKey: z.string().optional(),
    issuedAtMs: z.number(),
    revokedAtMs: z.number().optional(),
  }),
);
type Issued = z.infer<typeof issuedSchema>;

/** A certificate with its key, PEM. */
export interface Issuance {
  readonly certificate: string;
  readonly key: string;
}

/** Who a certificate is of. */
interface Subject {
  readonly name: string;
  readonly uri: string;
  readonly alternatives: readonly x509.JsonGeneralName[];
  readonly usage: x509.ExtendedKeyUsage;
}

/** The authority of a folder. */
export class CertificateAuthority {
  readonly #folder: string;
  readonly #certificate: x509.X509Certificate;
  readonly #key: webcrypto.CryptoKey;
  #issued: Issued;

  private constructor(
    folder: string,
    certificate: x509.X509Certificate,
    key: webcrypto.CryptoKey,
    issued: Issued,
  ) {
    this.#folder = folder;
    this.#certificate = certificate;
    this.#key = key;
    this.#issued = issued;
  }

  /** Makes an authority in a folder that has none. CONFIG_INVALID where there is one. */
  static async create(folder: string, nowMs: number): Promise<CertificateAuthority> {
    // Keys are for their owner alone; the broker, which has a user of its own, reads the rest.
    await mkdir(folder, { recursive: true, mode: 0o755 });
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerialNumber(),
      name: "CN=Gondola certificate authority",
      ...validity(nowMs, authorityDays),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(
          x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
          true,
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const fresh = { flag: "wx" as const };
    try {
      await writeFile(join(folder, files.key), await keyPem(keys.privateKey), {
        ...fresh,
        mode: 0o600,
      });
    } catch (error) {
      const message = `${folder} has an authority already: ${errorMessageOf(error)}`;
      throw new GatewayError("CONFIG_INVALID", message, { cause: error });
    }
    await writeFile(join(folder, files.certificate), certificate.toString("pem"));
    const authority = new CertificateAuthority(folder, certificate, keys.privateKey, []);
    await authority.#saveIssued();
    await authority.#saveRevoked(nowMs);
    return authority;
  }

  /** Opens the authority of a folder. CONFIG_UNREADABLE where there is none. */
  static async open(folder: string): Promise<CertificateAuthority> {
    try {
      const certificate = new x509.X509Certificate(
        await readFile(join(folder, files.certificate), "utf8"),
      );
      const pem = await readFile(join(folder, files.key), "utf8");
      const der = x509.PemConverter.decodeFirst(pem);
      const key = await crypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
      return new CertificateAuthority(folder, certificate, key, await readIssued(folder));
    } catch (error) {
      const message = `${folder} is no authority (gondola-bridge ca init): ${errorMessageOf(error)}`;
      throw new GatewayError("CONFIG_UNREADABLE", message, { cause: error });
    }
  }

  /** Its own certificate, PEM. */
  get certificate(): string {
    return this.#certificate.toString("pem");
  }

  /**
   * A certificate of the broker, for the names and addresses under which clients find it; with its key of before, which
   * a service that holds it as a credential cannot read anew, or a new one.
   */
  issueServer(names: readonly string[], nowMs: number, key?: string): Promise<Issuance> {
    const alternatives = names.map((name) => ({
      type: /^[0-9.]+$|:/.test(name) ? ("ip" as const) : ("dns" as const),
      value: name,
    }));
    const usage = x509.ExtendedKeyUsage.serverAuth;
    const uri = `server:${names.join()}`;
    return this.#issue({ name: `CN=${names[0]}`, uri, alternatives, usage }, nowMs, key);
  }

  /** A certificate of an edge or a consumer; one that it has already stays valid until it is revoked. */
  issueClient(identity: Identity, nowMs: number): Promise<Issuance> {
    return this.#issue(clientSubject(identity), nowMs);
  }

  /** All that an edge needs. CONFIG_INVALID for the name of a source over HTTP. */
  async enrol(storeId: string, edgeId: string, nowMs: number): Promise<Enrolment> {
    if (isFeed(edgeId)) {
      const message = `edge "${edgeId}": ids that begin with feed- are of sources over HTTP`;
      throw new GatewayError("CONFIG_INVALID", message);
    }
    const issuance = await this.issueClient({ kind: "edge", storeId, edgeId }, nowMs);
    return { storeId, edgeId, ca: this.certificate, ...issuance };
  }

  /** A later certificate for the key of an edge that came in before. CONFIG_INVALID where that key is not known. */
  async renew(storeId: string, edgeId: string, nowMs: number): Promise<string> {
    const identity = { kind: "edge", storeId, edgeId } as const;
    const uri = identityUri(identity);
    const last = this.#issued.findLast(
      (one) => one.uri === uri && one.revokedAtMs === undefined && one.publicKey !== undefined,
    );
    if (last?.publicKey === undefined) {
      const message = `of edge ${storeId} ${edgeId} no key is known here that is still valid: enroll it anew`;
      throw new GatewayError("CONFIG_INVALID", message);
    }
    const der = Buffer.from(last.publicKey, "base64");
    return await this.#sign(clientSubject(identity), await importPublic(der), nowMs);
  }

  /** From now on no certificate of that client is valid; gives how many there were. */
  async revoke(identity: Identity, nowMs: number): Promise<number> {
    const uri = identityUri(identity);
    return await this.#changing(async () => {
      const valid = this.#issued.filter((one) => one.uri === uri && one.revokedAtMs === undefined);
      for (const one of valid) one.revokedAtMs = nowMs;
      await this.#saveIssued();
      await this.#saveRevoked(nowMs);
      return valid.length;
    });
  }

  async #issue(subject: Subject, nowMs: number, key?: string): Promise<Issuance> {
    const keys = key === undefined ? await newKeys() : await keysOf(key);
    const certificate = await this.#sign(subject, keys.publicKey, nowMs);
    return { certificate, key: await keyPem(keys.privateKey) };
  }

  async #sign(subject: Subject, publicKey: webcrypto.CryptoKey, nowMs: number): Promise<string> {
    const { name, uri, alternatives, usage } = subject;
    const serialNumber = newSerialNumber();
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber,
      subject: name,
      issuer: this.#certificate.subject,
      ...validity(nowMs, issuedDays),
      signingAlgorithm: algorithm,
      publicKey,
      signingKey: this.#key,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        new x509.SubjectAlternativeNameExtension([...alternatives]),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate.publicKey),
      ],
    });
    const der = Buffer.from(await crypto.subtle.exportKey("spki", publicKey)).toString("base64");
    await this.#changing(async () => {
      this.#issued.push({ uri, serialNumber, publicKey: der, issuedAtMs: nowMs });
      await this.#saveIssued();
    });
    return certificate.toString("pem");
  }

  /** Commands beside each other change the folder one after the other: what is not on its list could not be revoked. */
  async #changing<T>(change: () => Promise<T>): Promise<T> {
    const lock = join(this.#folder, files.lock);
    for (let waitedMs = 0; !(await make(lock)); waitedMs += lockWaitMs) {
      if (waitedMs >= lockWaitMsMax) {
        const message = `${lock} is there: another command is at it, or was killed: then delete that file`;
        throw new GatewayError("CONFIG_INVALID", message);
      }
      await sleep(lockWaitMs);
    }
    try {
      this.#issued = await readIssued(this.#folder);
      return await change();
    } finally {
      await rm(lock);
    }
  }

  async #saveIssued(): Promise<void> {
    const text = `${JSON.stringify(this.#issued, null, 1)}\n`;
    await replaceFile(join(this.#folder, files.issued), text);
  }

  async #saveRevoked(nowMs: number): Promise<void> {
    const entries = this.#issued.flatMap(({ serialNumber, revokedAtMs }) =>
      revokedAtMs === undefined ? [] : [{ serialNumber, revocationDate: new Date(revokedAtMs) }],
    );
    const list = await x509.X509CrlGenerator.create({
      issuer: this.#certificate.subject,
      thisUpdate: new Date(nowMs - backdateMs),
      nextUpdate: this.#certificate.notAfter,
      entries,
      signingAlgorithm: algorithm,
      signingKey: this.#key,
    });
    // The library's own label is one that OpenSSL does not know (RFC 7468, 9).
    const pem = `${x509.PemConverter.encode(list.rawData, "X509 CRL")}\n`;
    await replaceFile(join(this.#folder, files.revoked), pem);
  }
}

async function readIssued(folder: string): Promise<Issued> {
  return issuedSchema.parse(JSON.parse(await readFile(join(folder, files.issued), "utf8")));
}

/** Makes an empty file; whether there was none. */
async function make(file: string): Promise<boolean> {
  try {
    await (await open(file, "wx")).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** A running broker reads the new file or the old one, never a half. */
async function replaceFile(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

/** The pair of a private key, PEM. */
async function keysOf(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const secret = createPrivateKey(pem).export({ format: "der", type: "pkcs8" });
  return {
    privateKey: await crypto.subtle.importKey("pkcs8", secret, algorithm, true, ["sign"]),
    publicKey: await importPublic(createPublicKey(pem).export({ format: "der", type: "spki" })),
  };
}

function importPublic(der: Buffer): Promise<webcrypto.CryptoKey> {
  return crypto.subtle.importKey("spki", der, algorithm, true, ["verify"]);
}

function clientSubject(identity: Identity): Subject {
  const uri = identityUri(identity);
  const name = `CN=${uri.slice("urn:gondola:".length).replaceAll(":", " ")}`;
  const usage = x509.ExtendedKeyUsage.clientAuth;
  return { name, uri, alternatives: [{ type: "url", value: uri }], usage };
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = await crypto.subtle.exportKey("pkcs8", key);
  return `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`;
}

function newSerialNumber(): string {
  // Positive, and at most 20 bytes (RFC 5280, 4.1.2.2).
  return `4${randomBytes(15).toString("hex").slice(1)}`;
}

function validity(nowMs: number, days: number) {
  return { notBefore: new Date(nowMs - backdateMs), notAfter: new Date(nowMs + days * dayMs) };
}
