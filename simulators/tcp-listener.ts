// A device behind a serial-to-network converter: listens on loopback and serves one driver at a time,
// as the real ones do.

import { createServer, type Socket } from "node:net";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import type { DeviceLink } from "./device-link.ts";

/** Bytes that may wait for a driver that does not read; more are lost. */
const waitingSizeBytesMax = 64 * 1024;

/** The device behind a listener. */
export interface ListeningDevice {
  receive(bytes: Uint8Array): void;
  connected(): void;
  disconnected(): void;
  /** What a second driver is told before it is cut off. */
  refusal(): Uint8Array | undefined;
}

/** Listens on 127.0.0.1. Port 0 takes any free one. DRIVER_PORT_FAILED when the port is taken. */
export async function openTcpListener(port: number, device: ListeningDevice): Promise<DeviceLink> {
  let driver: Socket | undefined;
  const server = createServer((socket) => {
    // A driver that is cut off shows as an error and then as a close; the close is what counts.
    socket.on("error", () => socket.destroy());
    if (driver !== undefined) {
      const refusal = device.refusal();
      if (refusal === undefined) socket.destroy();
      else socket.end(refusal).resume();
      return;
    }
    driver = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => device.receive(bytes));
    socket.on("close", () => {
      driver = undefined;
      device.disconnected();
    });
    device.connected();
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
    address: `127.0.0.1:${address.port}`,
    write: (bytes) => {
      if (driver !== undefined && driver.writableLength < waitingSizeBytesMax) driver.write(bytes);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        driver?.destroy();
      }),
  };
}
