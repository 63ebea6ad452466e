// A serial port without hardware: the master side of a pseudo-terminal, with a stable link to the
// slave that drivers open. It runs in a process of its own: to unplug the device, end the process.

import { writeSync } from "node:fs";
import { lstat, readlink, symlink, unlink } from "node:fs/promises";
import type { ReadStream } from "node:tty";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import type { DeviceLink } from "./device-link.ts";

/** What `open` of the package returns; its own declarations leave it out. */
interface OpenedPty {
  readonly fd: number;
  readonly ptsName: string;
  readonly master: ReadStream;
  readonly slave: ReadStream;
  kill: () => void;
}

/** Makes a pty and links `linkPath` to it. DRIVER_NATIVE_MISSING, or DRIVER_PORT_FAILED for the link. */
export async function openPty(
  linkPath: string,
  onReceived: (bytes: Uint8Array) => void,
): Promise<DeviceLink> {
  const pty = (await loadLibrary()).open({ encoding: null });
  // Its destroy() signals process -1, which is every process: never called, and disarmed.
  pty.kill = () => undefined;
  // No echo of what the device says before a driver has set the line; then the library's own reader
  // has to go, or it swallows what is meant for the driver.
  pty.slave.setRawMode(true);
  pty.slave.destroy();
  pty.master.on("data", onReceived);
  await link(pty.ptsName, linkPath);
  return {
    address: linkPath,
    write: (bytes) => writeWhatFits(pty.fd, bytes),
    close: async () => {
      pty.master.destroy();
      const target = await readlink(linkPath).catch(() => undefined);
      if (target === pty.ptsName) await unlink(linkPath);
    },
  };
}

// The master's own write blocks the process while nobody reads the slave. A direct one fails when
// the kernel's buffer is full, and what does not fit is lost: an overrun, as on a real UART.
function writeWhatFits(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return;
      throw error;
    }
  }
}

// A link left by a process that was killed is replaced; anything else at that path is not ours.
async function link(target: string, linkPath: string): Promise<void> {
  try {
    const found = await lstat(linkPath).catch(() => undefined);
    if (found?.isSymbolicLink()) await unlink(linkPath);
    await symlink(target, linkPath);
  } catch (error) {
    const message = `cannot link ${linkPath} to ${target}: ${errorMessageOf(error)}`;
    throw new GatewayError("DRIVER_PORT_FAILED", message, { cause: error });
  }
}

async function loadLibrary(): Promise<{ open(options: { encoding: null }): OpenedPty }> {
  try {
    const library: unknown = await import("@lydell/node-pty");
    return library as { open(options: { encoding: null }): OpenedPty };
  } catch (error) {
    const message = `package @lydell/node-pty does not load (${errorMessageOf(error)})`;
    throw new GatewayError("DRIVER_NATIVE_MISSING", message, { cause: error });
  }
}
