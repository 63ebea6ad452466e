// A tree like /sys and /dev of a machine with a USB bridge, an Arduino and a HID scale, made in a folder.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { deviceLines, listDevices } from "../../../edge/technician/devices.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "gondola-sysfs-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function file(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), `${text}\n`);
}

function link(path: string, target: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(join(root, target), join(root, path));
}

function plugUsbSerial(name: string, vendor: string, product: string, title: string): void {
  const usb = `sys/devices/pci/usb1/${name}-port`;
  file(`${usb}/idVendor`, vendor);
  file(`${usb}/idProduct`, product);
  file(`${usb}/product`, title);
  file(`${usb}/1-1:1.0/${name}/uevent`, "");
  link(`sys/class/tty/${name}/device`, `${usb}/1-1:1.0/${name}`);
  file(`dev/${name}`, "");
}

test("serial ports have their stable name, their USB id and the driver that fits", async () => {
  plugUsbSerial("ttyUSB0", "0403", "6001", "FT232R");
  plugUsbSerial("ttyACM3", "05e0", "1701", "Barcode Scanner");
  file("sys/class/tty/ttyS0/uevent", "");
  link("dev/serial/by-id/usb-FTDI_FT232R_A5-if00-port0", "dev/ttyUSB0");
  link("dev/serial/by-path/pci-0-usb-0:1:1.0-port0", "dev/ttyUSB0");
  link("dev/serial/by-path/pci-0-usb-0:2:1.0", "dev/ttyACM3");
  expect(await listDevices(root)).toEqual([
    {
      path: "/dev/ttyACM3",
      stablePath: "/dev/serial/by-path/pci-0-usb-0:2:1.0",
      usbId: "05e0:1701",
      product: "Barcode Scanner",
      fits: "serial-scanner",
    },
    {
      path: "/dev/ttyUSB0",
      stablePath: "/dev/serial/by-id/usb-FTDI_FT232R_A5-if00-port0",
      usbId: "0403:6001",
      product: "FT232R",
      fits: "a USB bridge, anything may be behind it: gondola-edge probe PORT",
    },
  ]);
});

test("HID devices are told by their name", async () => {
  const uevent = "HID_ID=0003:00000922:00008003\nHID_NAME=DYMO M10 10 lb USB Postal Scale";
  file("sys/class/hidraw/hidraw0/device/uevent", uevent);
  const devices = await listDevices(root);
  expect(devices).toMatchObject([
    { path: "/dev/hidraw0", usbId: "0922:8003", product: "DYMO M10 10 lb USB Postal Scale" },
  ]);
});

test("GPIO chips are told by their label", async () => {
  const entry = "sys/devices/platform/fe200000.gpio/gpio/gpiochip512";
  for (const [name, text] of [
    ["label", "pinctrl-bcm2711"],
    ["base", "512"],
    ["ngpio", "58"],
  ]) {
    file(`${entry}/${name}`, text ?? "");
  }
  link("sys/class/gpio/gpiochip512", entry);
  file("sys/devices/platform/fe200000.gpio/gpiochip0/dev", "254:0");
  link("sys/bus/gpio/devices/gpiochip0", "sys/devices/platform/fe200000.gpio/gpiochip0");
  expect(deviceLines(await listDevices(root))).toBe(
    "/dev/gpiochip0  pinctrl-bcm2711, 58 lines\n" +
      "  configure as: { gpio: { chip: pinctrl-bcm2711 } }\n  driver: gpio-input, gpio-output\n",
  );
});

test("a port without a stable name, and a machine without any port, are said", async () => {
  plugUsbSerial("ttyUSB1", "ffff", "0001", "Thing");
  expect(deviceLines(await listDevices(root))).toContain("no stable name: is udev running?");
  rmSync(root, { recursive: true });
  expect(deviceLines(await listDevices(root))).toContain("No serial, HID or GPIO device");
  mkdirSync(root);
});
