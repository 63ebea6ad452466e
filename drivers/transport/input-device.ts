// An event node of the Linux input system (/dev/input/event*), read as a stream of `struct
// input_event`. For keyboards that have no hidraw node; it cannot be kept from typing into the
// console from here (EVIOCGRAB is an ioctl), see the README of keyboard-wedge.

import { createReadStream } from "node:fs";
import { realpath } from "node:fs/promises";
import { GatewayError } from "../../contract/errors.ts";
import type { InputSettings } from "./hid-settings.ts";
import { Inbox } from "./inbox.ts";
import { isInhibited } from "./keyboard-silence.ts";
import { explainOpenError, lostError } from "./serial-error.ts";
import type { Transport } from "./transport.ts";

/** Events of one read. */
const readSizeBytes = 24 * 64;

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
  const stream = createReadStream(device, { highWaterMark: readSizeBytes });
  const inbox = new Inbox(stream);
  const lost = (cause: unknown) => lostError(path, cause);
  await new Promise<void>((resolve, reject) => {
    stream.once("open", () => resolve());
    stream.once("error", (cause) => void explain(path, device, cause).then(reject));
  });
  stream.on("data", (chunk) => inbox.push(Buffer.from(chunk)));
  stream.on("error", (error) => inbox.fail(lost(error)));
  stream.on("end", () => inbox.fail(lost("end of file")));
  return {
    chunks: inbox,
    write: async () => {
      throw new GatewayError("DRIVER_PORT_FAILED", `${path} is only read`);
    },
    // A read that waits for a key ends with the next key or with the device: it is not waited for.
    close: async () => {
      inbox.end();
      stream.destroy();
    },
  };
}

async function explain(path: string, device: string, cause: unknown): Promise<GatewayError> {
  return explainOpenError(path, device, cause).catch(() => missing(path));
}

function missing(path: string): GatewayError {
  const message = `${path} does not exist: is the device plugged in? See /dev/input/by-id`;
  return new GatewayError("DRIVER_PORT_MISSING", message, { retryable: true });
}
