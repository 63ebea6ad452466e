// A device behind a serial-to-network converter: listens on loopback and serves one driver at a time,
// as the real ones do.

import { createServer, type Socket } from "node:net";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import type { DeviceLink } from "./device-link.ts";

/** Bytes that may wait for a driver that does not read; more are lost. */
const waitingSizeBytesMax = 64 * 1024;

/** Listens on 127.0.0.1. Port 0 takes any free one. DRIVER_PORT_FAILED when the port is taken. */
export async function openTcpListener(
  port: number,
  onReceived: (bytes: Uint8Array) => void,
): Promise<DeviceLink> {
  let driver: Socket | undefined;
  const server = createServer((socket) => {
    if (driver !== undefined) {
      socket.destroy();
      return;
    }
    driver = socket;
    socket.setNoDelay(true);
    socket.on("data", onReceived);
    // A driver that is cut off shows as an error and then as a close; the close is what counts.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      driver = undefined;
    });
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
