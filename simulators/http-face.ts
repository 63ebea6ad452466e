// A simulated reader behind an HTTP server: its events are the body of one endless answer, its other paths
// are requests that it answers one by one.

import { createServer, type ServerResponse } from "node:http";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import { jsonOf, readAnswer, readRequest } from "../drivers/transport/exchange.ts";
import type { DeviceLink } from "./device-link.ts";

/** Bytes that may wait for an edge that does not read; more are lost. */
const waitingSizeBytesMax = 64 * 1024;

/** Listens on 127.0.0.1. Port 0 takes any free one. DRIVER_PORT_FAILED when the port is taken. */
export async function openHttpFace(
  port: number,
  streamPath: string,
  onReceived: (bytes: Uint8Array) => void,
): Promise<DeviceLink> {
  const streams = new Set<ServerResponse>();
  const asked: { readonly path: string; readonly response: ServerResponse }[] = [];
  const server = createServer((incoming, response) => {
    incoming.resume();
    const { method, url: path } = incoming;
    if (method === "GET" && path === streamPath) {
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
      streams.add(response);
      response.on("close", () => streams.delete(response));
      return;
    }
    const bytes = Buffer.from(JSON.stringify({ method, path }));
    const request = readRequest(bytes);
    if (request === undefined) {
      response.writeHead(404).end();
      return;
    }
    asked.push({ path: request.path, response });
    onReceived(bytes);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const message = `cannot listen on 127.0.0.1:${port}: ${errorMessageOf(error)}`;
      reject(new GatewayError("DRIVER_PORT_FAILED", message, { cause: error }));
    });
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address() as { port: number };
  return {
    address: `http://127.0.0.1:${address.port}${streamPath}`,
    write: (bytes) => {
      const answer = readAnswer(jsonOf(Buffer.from(bytes).toString()));
      if (answer === undefined) {
        for (const stream of streams) {
          if (stream.writableLength < waitingSizeBytesMax) stream.write(bytes);
        }
        return;
      }
      const at = asked.findIndex(({ path }) => path === answer.answerTo);
      const [waiting] = at < 0 ? [] : asked.splice(at, 1);
      const body = answer.body === undefined ? undefined : JSON.stringify(answer.body);
      waiting?.response
        .writeHead(answer.statusCode, { "content-type": "application/json" })
        .end(body);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
