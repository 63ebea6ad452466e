// A device on the network that speaks its serial dialect over a plain TCP connection.

import { connect, type Socket } from "node:net";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import { Inbox } from "./inbox.ts";
import type { Transport } from "./transport.ts";

/** A connection that is not there after this time will not come. */
const connectTimeoutMs = 5_000;
/** First TCP keep-alive probe: notices a peer that vanished without a word. */
const keepAliveDelayMs = 10_000;
/** A peer that does not answer our FIN within this time is cut off. */
const closeTimeoutMs = 1_000;

/** Codes of connect(2) and getaddrinfo that mean: nobody is there. */
const missingCodes = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"];

/** Connects: DRIVER_PORT_MISSING when nothing answers there, DRIVER_PORT_FAILED otherwise. */
export async function openTcp(options: { host: string; port: number }): Promise<Transport> {
  const where = `${options.host}:${options.port}`;
  const socket = await connected(options, where);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAliveDelayMs);
  const inbox = new Inbox(socket);
  let reason = "the device closed the connection";
  const lost = (cause?: unknown) =>
    new GatewayError("DRIVER_PORT_LOST", `${where}: ${reason}`, { cause, retryable: true });
  socket.on("data", (chunk) => inbox.push(chunk));
  socket.on("end", () => inbox.fail(lost()));
  socket.on("error", (error) => {
    reason = error.message;
  });
  socket.on("close", () => inbox.fail(lost()));
  return {
    chunks: inbox,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        socket.write(bytes, (error) => (error ? reject(lost(error)) : resolve()));
      }),
    close: () => {
      inbox.end();
      return closed(socket);
    },
  };
}

function connected(options: { host: string; port: number }, where: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(options);
    const give = (error: NodeJS.ErrnoException) => {
      socket.destroy();
      const missing = missingCodes.includes(error.code ?? "");
      const message = `nothing answers at ${where} (${errorMessageOf(error)}): is the device on, and is this its address?`;
      reject(
        new GatewayError(missing ? "DRIVER_PORT_MISSING" : "DRIVER_PORT_FAILED", message, {
          cause: error,
          retryable: true,
        }),
      );
    };
    socket.once("error", give);
    socket.setTimeout(connectTimeoutMs, () => {
      const message = `no answer within ${connectTimeoutMs} ms`;
      give(Object.assign(new Error(message), { code: "EHOSTUNREACH" }));
    });
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.removeListener("error", give);
      resolve(socket);
    });
  });
}

function closed(socket: Socket): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
    socket.setTimeout(closeTimeoutMs, () => socket.destroy());
    socket.resume();
    socket.end();
    if (socket.readableEnded) socket.destroy();
  });
}
