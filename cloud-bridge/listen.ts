// Listening on a TCP port with an error that says who has it.

import type { AddressInfo, Server } from "node:net";
import { type ErrorCode, errorMessageOf, GatewayError } from "../contract/errors.ts";
import { portHolder } from "./port-holder.ts";

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** What it is called when another process has the port. */
  readonly busyCode: ErrorCode;
}

/**
 * Listens and gives the port (port 0: any free one). Throws `busyCode` naming the process that holds
 * the port, LISTEN_FAILED for anything else.
 */
export async function listen(server: Server, options: ListenOptions): Promise<number> {
  const { host, port } = options;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (error) {
    throw await listenError(error, options);
  }
  return (server.address() as AddressInfo).port;
}

/** What a failed `listen` means to the person at the machine. */
export async function listenError(error: unknown, options: ListenOptions): Promise<GatewayError> {
  const { host, port, busyCode } = options;
  const where = `${host}:${port}`;
  if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") {
    const message = `cannot listen on ${where}: ${errorMessageOf(error)}`;
    return new GatewayError("LISTEN_FAILED", message, { cause: error });
  }
  const holder = (await portHolder(port)) ?? "a process of another user";
  const message = `port ${where} is in use by ${holder}; stop it or configure another port`;
  return new GatewayError(busyCode, message, { cause: error });
}
