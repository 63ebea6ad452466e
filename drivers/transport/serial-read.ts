// A read for `serialport` on Linux that ends when the device went. The library's own takes a read of
// nothing for "try again": when a hang-up (an unplugged adapter, a pty without its master) is first
// seen by read(2), which then gives 0 bytes for ever, it spins until memory is used up and reports
// nothing (serialport/bindings-cpp#162, and #1939 of node-serialport).

import { read } from "node:fs";
import { promisify } from "node:util";

const readFile = promisify(read);

/** What is used of the binding's open port; only Linux's has a poller. */
interface PolledPort {
  readonly fd: number | null;
  readonly poller: { once(event: "readable", done: (error: Error | null) => void): unknown };
  read(
    buffer: Buffer,
    offset: number,
    length: number,
  ): Promise<{ buffer: Buffer; bytesRead: number }>;
}

/** Replaces an open port's read. Ports of other systems are left as they are. */
export function endReadsAtHangUp(port: object): void {
  if (!isPolled(port)) return;
  port.read = async (buffer, offset, length) => {
    for (;;) {
      const bytesRead = await readOnce(port, buffer, offset, length);
      if (bytesRead === undefined) await readable(port);
      else if (bytesRead > 0) return { buffer, bytesRead };
      // The line is set to give at least one byte (VMIN 1) or EAGAIN: nothing is the end.
      else throw new Error("hang-up");
    }
  };
}

// Number of bytes; undefined when there are none yet.
async function readOnce(
  port: PolledPort,
  buffer: Buffer,
  offset: number,
  length: number,
): Promise<number | undefined> {
  try {
    refuseClosed(port);
    return (await readFile(port.fd, buffer, offset, length, null)).bytesRead;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EAGAIN" || code === "EINTR") return undefined;
    throw error;
  }
}

// Rejects with `canceled` when the port is closed meanwhile.
function readable(port: PolledPort): Promise<void> {
  return new Promise((resolve, reject) => {
    // Closed during the read: its poller is freed memory, and asking it crashes the process.
    refuseClosed(port);
    port.poller.once("readable", (failure) => (failure ? reject(failure) : resolve()));
  });
}

function refuseClosed(port: PolledPort): asserts port is PolledPort & { fd: number } {
  if (port.fd === null) throw Object.assign(new Error("port is closed"), { canceled: true });
}

function isPolled(port: object): port is PolledPort {
  return "poller" in port && "fd" in port && "read" in port;
}
