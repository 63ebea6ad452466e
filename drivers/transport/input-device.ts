// An event node of the Linux input system (/dev/input/event*), read as a stream of `struct
// input_event`. For keyboards that have no hidraw node; it cannot be kept from typing into the
// console from here (EVIOCGRAB is an ioctl), see the README of keyboard-wedge.

import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { GatewayError } from "../../contract/errors.ts";
import type { InputSettings } from "./hid-settings.ts";
import { Inbox } from "./inbox.ts";
import { isInhibited } from "./keyboard-silence.ts";
import { explainOpenError, lostError } from "./serial-error.ts";
import type { Transport } from "./transport.ts";

/** Events of one read: what the kernel keeps of a keyboard. */
const readSizeBytes = 24 * 64;
/** It keeps 64 events; the fastest scanners make 3 in a millisecond. */
const pollIntervalMs = 8;

/**
 * Opens an event node for reading. DRIVER_PORT_MISSING, _DENIED (names the group), _FAILED (also for
 * one that is inhibited and would stay silent). Writing is DRIVER_PORT_FAILED.
 */
export async function openInputDevice({ path }: InputSettings): Promise<Transport> {
  const device = await realpath(path).catch(() => undefined);
  if (device === undefined) throw missing(path);
  if (await isInhibited(device)) {
    const message = `${path} is inhibited (a udev rule does it): read it as { hid: ... } instead`;
    throw new GatewayError("DRIVER_PORT_FAILED", message, { retryable: true });
  }
  // A read that waits for a key would keep a thread of Node's pool and, after the stop, the process.
  const handle = await open(device, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    async (cause: unknown) => {
      throw await explain(path, device, cause);
    },
  );
  let isPaused = false;
  const setPaused = (value: boolean) => () => {
    isPaused = value;
  };
  const inbox = new Inbox({ pause: setPaused(true), resume: setPaused(false) });
  const reading = readAll(handle, inbox, () => isPaused).catch((cause: unknown) => {
    inbox.fail(lostError(path, cause));
  });
  return {
    chunks: inbox,
    write: async () => {
      throw new GatewayError("DRIVER_PORT_FAILED", `${path} is only read`);
    },
    close: async () => {
      inbox.end();
      await reading;
      await handle.close();
    },
  };
}

/** Reads until the inbox is closed; rejects when the device goes. */
async function readAll(handle: FileHandle, inbox: Inbox, isPaused: () => boolean): Promise<void> {
  const buffer = Buffer.alloc(readSizeBytes);
  while (!inbox.isClosed) {
    const size = isPaused() ? undefined : await readOnce(handle, buffer);
    if (size === undefined) await pause(pollIntervalMs);
    else if (size === 0) throw new Error("end of file");
    else inbox.push(Uint8Array.from(buffer.subarray(0, size)));
  }
}

/** Number of bytes; undefined when there are none now. */
async function readOnce(handle: FileHandle, buffer: Buffer): Promise<number | undefined> {
  try {
    return (await handle.read(buffer)).bytesRead;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
    throw error;
  }
}

async function explain(path: string, device: string, cause: unknown): Promise<GatewayError> {
  return explainOpenError(path, device, cause).catch(() => missing(path));
}

function missing(path: string): GatewayError {
  const message = `${path} does not exist: is the device plugged in? See /dev/input/by-id`;
  return new GatewayError("DRIVER_PORT_MISSING", message, { retryable: true });
}
