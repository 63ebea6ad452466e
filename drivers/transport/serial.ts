// A serial port through the `serialport` package, which is loaded only when a serial device is
// configured. The path is resolved anew at every open: after re-plugging ttyUSB0 may be ttyUSB1.

import { realpath } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { SerialPort } from "serialport";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import { Inbox } from "./inbox.ts";
import { explainOpenError, lostError } from "./serial-error.ts";
import { endReadsAtHangUp } from "./serial-read.ts";
import type { Transport } from "./transport.ts";

/** Further tries after these times tell a port that is held from one that was closed just now. */
const staleLockDelaysMs = [50, 100, 200];

/** How a serial line is set. */
export interface SerialSettings {
  readonly path: string;
  readonly baudRate: number;
  readonly dataBits: 7 | 8;
  readonly parity: "none" | "even" | "odd";
  readonly stopBits: 1 | 2;
}

/**
 * Opens a serial port exclusively and drops what it had buffered. DRIVER_PORT_MISSING, _BUSY (names
 * the holder), _DENIED (names the group), _FAILED, or DRIVER_NATIVE_MISSING without the package.
 */
export async function openSerial(settings: SerialSettings): Promise<Transport> {
  const library = await loadLibrary();
  const device = await realpath(settings.path).catch(() => undefined);
  if (device === undefined) throw await explainOpenError(settings.path, device, undefined);
  const port = new library.SerialPort({
    ...settings,
    path: device,
    autoOpen: false,
    lock: true,
    // Dropping DTR on close resets Arduino-type boards at the next open.
    hupcl: false,
  });
  const open = () => called((done) => port.open(done));
  // A handle of our own that was closed just now keeps its lock while a last read of it ends.
  await staleLockDelaysMs
    .reduce((opened, delayMs) => opened.catch(() => pause(delayMs).then(open)), open())
    .catch(async (error: unknown) => {
      throw await explainOpenError(settings.path, device, error);
    });
  if (port.port !== undefined) endReadsAtHangUp(port.port);
  // CDC scanners send only with DTR; ptys and some bridges have no such lines and refuse. What the
  // kernel kept from before the open is of no use, and no harm either if it cannot be dropped.
  await called((done) => port.set({ dtr: true, rts: true }, done)).catch(ignored);
  await called((done) => port.flush(done)).catch(ignored);
  return transportOf(port, settings.path);
}

function transportOf(port: SerialPort, path: string): Transport {
  const inbox = new Inbox(port);
  const lost = (cause: unknown) => lostError(path, cause);
  port.on("data", (chunk: Buffer) => inbox.push(chunk));
  port.on("error", (error: Error) => inbox.fail(lost(error)));
  port.on("end", () => inbox.fail(lost("end of file")));
  port.on("close", (error: Error | null) => inbox.fail(lost(error ?? "closed")));
  return {
    chunks: inbox,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        if (!port.isOpen) return reject(lost("closed"));
        port.write(Buffer.from(bytes), (error) => (error ? reject(lost(error)) : resolve()));
      }),
    close: async () => {
      inbox.end();
      if (port.isOpen) await called((done) => port.close(done)).catch(ignored);
      else if (port.closing) await new Promise((resolve) => port.once("close", resolve));
    },
  };
}

async function loadLibrary(): Promise<typeof import("serialport")> {
  try {
    return await import("serialport");
  } catch (error) {
    const message = `package serialport does not load (${errorMessageOf(error)}); run: npm run setup`;
    throw new GatewayError("DRIVER_NATIVE_MISSING", message, { cause: error });
  }
}

function called(call: (done: (error: Error | null | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error ? reject(error) : resolve()));
  });
}

/** For what may fail without harm; each use says why. */
const ignored = () => undefined;
