// Certificates of the embedded broker: read at the start, and again when a file changes, so that a renewed certificate
// or a revoked client needs no restart.

import { readFile, stat } from "node:fs/promises";
import type { SecureContextOptions } from "node:tls";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import type { Clock } from "./clock.ts";
import type { BrokerTlsSettings } from "./config.ts";

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

/**
 * Looks at the files now, and calls `onChange` whenever one has changed since, again where it said that it could not
 * take them (a file is half written, or wrong). The returned function ends it.
 */
export async function watchTls(
  settings: BrokerTlsSettings,
  clock: Clock,
  onChange: () => Promise<boolean>,
): Promise<() => void> {
  const { certFile, keyFile, clientCaFile, revokedFile } = settings;
  const files = [
    certFile,
    keyFile,
    clientCaFile,
    ...(revokedFile === undefined ? [] : [revokedFile]),
  ];
  const look = async () => {
    const stats = await Promise.all(files.map((file) => stat(file).catch(() => undefined)));
    return stats.map((one) => `${one?.mtimeMs} ${one?.size} ${one?.ino}`).join();
  };
  let seen = await look();
  let isOver = false;
  let cancel: (() => void) | undefined;
  const wait = () => {
    if (!isOver) cancel = clock.timer(settings.lookIntervalMs, () => void turn());
  };
  const turn = async () => {
    const now = await look();
    if (!isOver && now !== seen && (await onChange())) seen = now;
    wait();
  };
  wait();
  return () => {
    isOver = true;
    cancel?.();
  };
}
