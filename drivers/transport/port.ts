// Where a device hangs, as the configuration says it: a serial path or a network address.

import { realpathSync } from "node:fs";
import { z } from "zod";
import { openGpio } from "./gpio.ts";
import { gpioSettingsSchema } from "./gpio-settings.ts";
import { openHid } from "./hid.ts";
import { hidName, hidSettingsSchema, inputSettingsSchema } from "./hid-settings.ts";
import { openHttp } from "./http.ts";
import { openInputDevice } from "./input-device.ts";
import { openMqtt } from "./mqtt.ts";
import { httpSettingsSchema, mqttSettingsSchema } from "./network-settings.ts";
import { openSerial } from "./serial.ts";
import { openTcp } from "./tcp.ts";
import type { Transport } from "./transport.ts";

/** A serial line. Without `baudRate` the speed is the device kind's usual one. */
export const serialPortSchema = z.strictObject({
  path: z
    .string()
    .max(4096)
    .regex(/^\/[^\0]+$/, "a serial port is an absolute path, like /dev/serial/by-id/usb-..."),
  /** Bits per second. */
  baudRate: z.int().min(300).max(4_000_000).optional(),
  dataBits: z.union([z.literal(7), z.literal(8)]).default(8),
  parity: z.enum(["none", "even", "odd"]).default("none"),
  stopBits: z.union([z.literal(1), z.literal(2)]).default(1),
});

/** A device that speaks its serial dialect over TCP. */
export const tcpPortSchema = z.strictObject({
  host: z.string().regex(/^[0-9A-Za-z.:_-]{1,253}$/, "a host is a name or an address"),
  port: z.int().min(1).max(65_535),
});

/** A GPIO chip, whose lines several devices may share. */
export const gpioPortSchema = z.strictObject({ gpio: gpioSettingsSchema });
/** A HID device, read report by report. */
export const hidPortSchema = z.strictObject({ hid: hidSettingsSchema });
/** An event node of the Linux input system. */
export const inputPortSchema = z.strictObject({ input: inputSettingsSchema });

/** A stream that a device sends as the body of an HTTP answer. */
export const httpPortSchema = z.strictObject({ http: httpSettingsSchema });

/** What a device publishes at a broker. */
export const mqttPortSchema = z.strictObject({ mqtt: mqttSettingsSchema });

/** A device's port: `{ path, baudRate? }`, `{ host, port }`, `{ gpio }`, `{ hid }`, `{ input }`, `{ http }` or `{ mqtt }`. */
export const portConfigSchema = z.union([
  serialPortSchema,
  tcpPortSchema,
  gpioPortSchema,
  hidPortSchema,
  inputPortSchema,
  httpPortSchema,
  mqttPortSchema,
]);
export type PortConfig = z.infer<typeof portConfigSchema>;

/** Opens it; errors as the transports say. */
export function openPort(config: PortConfig, baudRateDefault: number): Promise<Transport> {
  if ("host" in config) return openTcp(config);
  if ("gpio" in config) return openGpio(config.gpio);
  if ("hid" in config) return openHid(config.hid);
  if ("input" in config) return openInputDevice(config.input);
  if ("http" in config) return openHttp(config.http);
  if ("mqtt" in config) return openMqtt(config.mqtt);
  return openSerial({ ...config, baudRate: config.baudRate ?? baudRateDefault });
}

/** Whether several devices may have the port: of a GPIO chip each has lines of its own. */
export function isShared(config: PortConfig): boolean {
  return "gpio" in config;
}

/** Two configurations with the same key are the same port, whatever links they are reached by. */
export function portKey(config: PortConfig): string {
  if ("host" in config) return `${config.host.toLowerCase()}:${config.port}`;
  if ("gpio" in config) return `GPIO chip ${config.gpio.chip}`;
  if ("http" in config) return config.http.url;
  if ("mqtt" in config) return `${config.mqtt.url} ${config.mqtt.topic}`;
  if ("hid" in config && config.hid.path === undefined) {
    const { serialNumber, interfaceNumber } = config.hid;
    return ["hid", hidName(config.hid), serialNumber, interfaceNumber].join(" ").trimEnd();
  }
  if ("hid" in config) return realPathOf(config.hid.path ?? "");
  return realPathOf("input" in config ? config.input.path : config.path);
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** A warning for a path that may be another device after a restart; undefined when it is a stable one. */
export function portWarning(config: PortConfig): string | undefined {
  if ("host" in config || "http" in config || "mqtt" in config) return undefined;
  if ("gpio" in config) {
    const { chip } = config.gpio;
    if (!/^gpiochip\d+$/.test(chip)) return undefined;
    return `${chip} is numbered in the order of finding; use its label, as gpiodetect prints it`;
  }
  if ("hid" in config || "input" in config) {
    const path = "hid" in config ? config.hid.path : config.input.path;
    if (path === undefined || !/^\/dev\/(hidraw|input\/event)\d+$/.test(path)) return undefined;
    const better = "hid" in config ? "vendorId and productId" : "its link in /dev/input/by-id";
    return `${path} is numbered in the order of plugging; use ${better}`;
  }
  if (!/^\/dev\/tty(USB|ACM)\d+$/.test(config.path)) return undefined;
  return (
    `${config.path} is numbered in the order of plugging and may be another device tomorrow; ` +
    "use its link in /dev/serial/by-id (or by-path, for adapters without a serial number)"
  );
}
