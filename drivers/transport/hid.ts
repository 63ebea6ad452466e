// A HID device through the `node-hid` package (hidraw on Linux), which is loaded only when one is
// configured. A chunk is one input report, with its id first where the device numbers its reports.
// Found by what it is, not by hidraw3: that number changes when the device is plugged anew.

import { realpath } from "node:fs/promises";
import type { Device, HIDAsync } from "node-hid";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import { type HidSettings, hidName, matchesHid } from "./hid-settings.ts";
import { Inbox, type InboxSource } from "./inbox.ts";
import { silenceKeyboard } from "./keyboard-silence.ts";
import { explainOpenError, lostError } from "./serial-error.ts";
import type { Transport } from "./transport.ts";

/** What is used of the library; a test hands in its own. */
export interface HidLibrary {
  devicesAsync(): Promise<Device[]>;
  readonly HIDAsync: { open(path: string): Promise<OpenHid> };
}

/** What is used of an open device. `error` carries a string, and no close follows it (node-hid#520). */
export interface OpenHid extends InboxSource {
  on(event: "data", listener: (report: Buffer) => void): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  write(report: Buffer): Promise<number>;
  sendFeatureReport(report: Buffer): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens a HID device. DRIVER_PORT_MISSING (names those that are there), _DENIED (names the udev
 * rule), _BUSY, _FAILED, or DRIVER_NATIVE_MISSING without the package.
 */
export async function openHid(settings: HidSettings, injected?: HidLibrary): Promise<Transport> {
  const library = injected ?? (await loadLibrary());
  const name = hidName(settings);
  const devices = await library.devicesAsync().catch((cause: unknown) => {
    const message = `HID devices cannot be listed: ${errorMessageOf(cause)}`;
    throw new GatewayError("DRIVER_PORT_FAILED", message, { cause, retryable: true });
  });
  const linked =
    settings.path === undefined ? undefined : await realpath(settings.path).catch(() => undefined);
  const found = devices.find((device) => isConfigured(settings, linked, device));
  const path = linked ?? found?.path;
  if (path === undefined) throw missing(name, devices);
  await silenceKeyboard(path, settings);
  const device = await library.HIDAsync.open(path).catch(async (cause: unknown) => {
    throw await explained(name, path, found?.vendorId, cause);
  });
  const transport = transportOf(device, name);
  try {
    for (const hex of settings.featureReports) {
      await device.sendFeatureReport(Buffer.from(hex, "hex"));
    }
  } catch (cause) {
    await transport.close();
    const message = `${name} refuses a feature report: ${errorMessageOf(cause)}`;
    throw new GatewayError("DRIVER_PORT_FAILED", message, { cause, retryable: true });
  }
  return transport;
}

function isConfigured(settings: HidSettings, linked: string | undefined, device: Device): boolean {
  return linked === undefined ? matchesHid(settings, device) : device.path === linked;
}

function transportOf(device: OpenHid, name: string): Transport {
  const inbox = new Inbox(device);
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= device.close().catch(() => undefined);
    return closing;
  };
  const lost = (cause: unknown) => lostError(name, cause);
  device.on("data", (report) => inbox.push(report));
  device.on("error", (error) => {
    inbox.fail(lost(error));
    void close();
  });
  return {
    chunks: inbox,
    write: async (report) => {
      if (inbox.isClosed) throw lost("closed");
      await device.write(Buffer.from(report)).catch((error: unknown) => {
        throw lost(error);
      });
    },
    close: () => {
      inbox.end();
      return close();
    },
  };
}

function missing(name: string, devices: readonly Device[]): GatewayError {
  const there = devices.map((device) => {
    const serial = device.serialNumber ? ` serial ${device.serialNumber}` : "";
    return `${hidName(device)}${serial} (${device.product ?? "no name"})`;
  });
  const list = there.length === 0 ? "none" : [...new Set(there)].slice(0, 16).join(", ");
  const message = `no HID device ${name}: is it plugged in? HID devices now: ${list}`;
  return new GatewayError("DRIVER_PORT_MISSING", message, { retryable: true });
}

async function explained(
  name: string,
  path: string,
  vendorId: number | undefined,
  cause: unknown,
): Promise<GatewayError> {
  const error = await explainOpenError(path, path, cause).catch(() => undefined);
  if (error?.code !== "DRIVER_PORT_DENIED") {
    if (error?.code === "DRIVER_PORT_BUSY") return error;
    const isGone = /ENOENT|No such/i.test(errorMessageOf(cause));
    const message = `${name} (${path}) cannot be opened: ${errorMessageOf(cause)}`;
    const code = isGone ? "DRIVER_PORT_MISSING" : "DRIVER_PORT_FAILED";
    return new GatewayError(code, message, { cause, retryable: true });
  }
  const vendor = vendorId === undefined ? "VENDOR" : vendorId.toString(16).padStart(4, "0");
  const rule = `SUBSYSTEM=="hidraw", ATTRS{idVendor}=="${vendor}", GROUP="dialout", MODE="0660"`;
  const message = `no permission for ${name} (${path}). A udev rule gives it: ${rule}`;
  return new GatewayError("DRIVER_PORT_DENIED", message, { cause, retryable: true });
}

async function loadLibrary(): Promise<HidLibrary> {
  try {
    const library = (await import("node-hid")).default;
    // On Linux the other driver, libusb, would take the device from the kernel.
    if (process.platform === "linux") library.setDriverType("hidraw");
    return library as HidLibrary & { HIDAsync: { open(path: string): Promise<HIDAsync> } };
  } catch (error) {
    const message = `package node-hid does not load (${errorMessageOf(error)}); run: npm run setup`;
    throw new GatewayError("DRIVER_NATIVE_MISSING", message, { cause: error });
  }
}
