// Certificates of the embedded broker: read at the start, and again when a file changes, so that a renewed certificate
// or a revoked client needs no restart.

import { readFile } from "node:fs/promises";
import type { SecureContextOptions } from "node:tls";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import type { Clock } from "./clock.ts";
import type { BrokerTlsSettings } from "./config.ts";
import { watchFiles } from "./file-watch.ts";

/** Reads all files. CONFIG_UNREADABLE naming the one that cannot be read. */
export async function readTls(settings: BrokerTlsSettings): Promise<SecureContextOptions> {
  const { certFile, keyFile, clientCaFile, revokedFile } = settings;
  return {
    cert: await text(certFile),
    key: await text(keyFile),
    ca: await text(clientCaFile),
    ...(revokedFile === undefined ? {} : { crl: await text(revokedFile) }),
    minVersion: "TLSv1.2",
  };
}

async function text(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new GatewayError("CONFIG_UNREADABLE", errorMessageOf(error), { cause: error });
  }
}

/** Calls `onChange` when one of the files has changed; see `watchFiles`. */
export function watchTls(
  settings: BrokerTlsSettings,
  clock: Clock,
  onChange: () => Promise<boolean>,
): Promise<() => void> {
  const { certFile, keyFile, clientCaFile, revokedFile, lookIntervalMs: intervalMs } = settings;
  const revoked = revokedFile === undefined ? [] : [revokedFile];
  const files = [certFile, keyFile, clientCaFile, ...revoked];
  return watchFiles(files, { intervalMs, clock }, onChange);
}
