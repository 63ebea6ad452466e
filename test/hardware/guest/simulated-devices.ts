// The devices of the guest: what they are, the simulators behind them, and the edge's configuration. Simulators run
// here, at full speed; their bytes go over a port to the device's end of a USB device made by software.

import { systemClock } from "../../../drivers/clock.ts";
import { DeviceRunner, type SimulatedDevice } from "../../../simulators/device.ts";
import { HidScaleSimulator } from "../../../simulators/hid-scale.ts";
import { HidScannerSimulator } from "../../../simulators/hid-scanner.ts";
import { KeyboardWedgeSimulator } from "../../../simulators/keyboard-wedge.ts";
import { R2000Simulator } from "../../../simulators/r2000.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { SerialScannerSimulator } from "../../../simulators/serial-scanner.ts";
import {
  descriptorBytes,
  keyboardDescriptor,
  scaleDescriptor,
  scannerDescriptor,
} from "../descriptors.ts";
import type { Machine } from "./machine.ts";

/** Names of udev for what is not found by USB ids. */
export const links = {
  reader: "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_R2000-if00-port0",
  cdc: "/dev/serial/by-id/usb-Gondola_Desk_Scanner_7-if00",
  keys: "/dev/input/by-id/usb-QEMU_QEMU_USB_Keyboard_KEYS-event-kbd",
} as const;

/** QEMU's FTDI adapter, with the reader's bytes on a socket. */
export const readerAdapter = {
  driver: "usb-serial",
  id: "reader",
  chardev: "reader",
  bus: "xhci.0",
  serial: "R2000",
} as const;

/** QEMU's own keyboard: reports that are not made by our simulator. */
export const keyboard = { driver: "usb-kbd", id: "keys", bus: "xhci.0", serial: "KEYS" } as const;

/** Ports to the devices' ends of USB gadgets; the kernel makes four HID functions and no more. */
export const devicePorts = ["cdc", "scale", "scanner", "wedge"] as const;

/** What makes the gadgets, and what plugs each of them. */
export const gadgetCommands = [
  'gadget cdc 0x0525 0xa4a7 Gondola "Desk Scanner" 7',
  "acm_function cdc",
  'gadget scale 0x0922 0x8003 Gondola "Postal Scale" 8',
  `hid_function scale 0 ${hex(scaleDescriptor)} 6`,
  // As makers of scanners have it: HID POS and a keyboard in one device.
  'gadget scanner 0x0c2e 0x0200 Gondola "POS Scanner" 9',
  `hid_function scanner 0 ${hex(scannerDescriptor)} 64`,
  `hid_function scanner 1 ${hex(keyboardDescriptor)} 8 1`,
  // Of a maker that no udev rule knows.
  'gadget wedge 0x1d57 0x001c Gondola "Wedge Scanner" 10',
  `hid_function wedge 0 ${hex(keyboardDescriptor)} 8 1`,
];
export const plugCommands = {
  cdc: "plug cdc 0 && pump_line cdc cdc",
  scale: "plug scale 1 && pump_reports scale 0 scale 6",
  scanner: "plug scanner 2 && pump_reports scanner 0 scanner 64",
  wedge: "plug wedge 3 && pump_reports wedge 0 wedge 8",
} as const;

function hex(descriptor: string): string {
  return descriptorBytes(descriptor).toString("hex");
}

/** Chips by label: one is used through sysfs and onoff, one with the tools of libgpiod. */
export const gpioCommands = ["gpio_chip portal 16", "gpio_chip dock 8"];
const beam = { name: "beam-outer", offset: 3, debounceMs: 20 };
export const gpioDevices = {
  portal: {
    id: "portal",
    kind: "gpio-input",
    port: { gpio: { chip: "portal", via: "sysfs" } },
    options: { lines: [beam], aliveIntervalMs: 2000 },
  },
  lights: {
    id: "lights",
    kind: "gpio-output",
    port: { gpio: { chip: "portal", via: "sysfs" } },
    options: { outputs: [{ name: "red", offset: 5, isActiveLow: true }] },
  },
  dock: {
    id: "dock",
    kind: "gpio-input",
    port: { gpio: { chip: "dock", via: "tools" } },
    options: {
      lines: [{ ...beam, bias: "pull_down" }],
      answerTimeoutMs: 30_000,
      aliveIntervalMs: 2000,
    },
  },
} as const;

/** The edge's configuration; emulation is slow, so that answers may take longer. */
export function edgeConfig(dataDir: string, gpio: readonly (keyof typeof gpioDevices)[]) {
  const devices = [
    ...gpio.map((name) => gpioDevices[name]),
    {
      id: "reader",
      kind: "r2000",
      port: { path: links.reader },
      options: { restMs: 200, answerTimeoutMs: 8000, roundTimeoutMs: 8000 },
    },
    { id: "cdc", kind: "serial-scanner", port: { path: links.cdc } },
    { id: "scale", kind: "hid-scale", port: { hid: { vendorId: 0x0922, productId: 0x8003 } } },
    {
      id: "scanner",
      kind: "hid-scanner",
      port: { hid: { vendorId: 0x0c2e, productId: 0x0200, interfaceNumber: 0 } },
    },
    {
      id: "wedge",
      kind: "keyboard-wedge",
      port: { hid: { vendorId: 0x1d57, productId: 0x001c } },
      options: { interKeyTimeoutMs: 5000 },
    },
    {
      id: "keys",
      kind: "keyboard-wedge",
      port: { input: { path: links.keys } },
      options: { source: "evdev", interKeyTimeoutMs: 5000 },
    },
  ];
  const broker = { url: "mqtt://127.0.0.1:9" };
  return { storeId: "s0042", edgeId: "e-1", dataDir, broker, devices };
}

/** Runs a simulator on every port. */
export class SimulatedDevices {
  readonly #runners = new Map<string, DeviceRunner>();

  constructor(machine: Machine) {
    const random = seededRandom(1);
    const devices: Record<string, SimulatedDevice> = {
      reader: new R2000Simulator(random),
      cdc: new SerialScannerSimulator(random),
      scale: new HidScaleSimulator(random, { intervalMs: 500 }),
      scanner: new HidScannerSimulator(random),
      wedge: new KeyboardWedgeSimulator(random, { reportIntervalMs: 20 }),
    };
    for (const [name, device] of Object.entries(devices)) {
      const socket = machine.socket(name);
      const runner = new DeviceRunner(device, systemClock, (bytes) => socket.write(bytes));
      socket.on("data", (bytes: Buffer) => runner.receive(bytes));
      socket.on("close", () => runner.stop());
      runner.start();
      this.#runners.set(name, runner);
    }
  }

  /** Changes the world around a device. */
  control(name: string, message: object): void {
    this.#runners.get(name)?.control(message);
  }

  stop(): void {
    for (const runner of this.#runners.values()) runner.stop();
  }
}
