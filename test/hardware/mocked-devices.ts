// Devices as the kernel shows them, for umockdev: entries of sysfs and udev, recordings of what a device
// node says, and the answers of a HID device to ioctls. Written by hand from udev's and hidraw's documents.
// No serial port: umockdev 0.17 corrupts the heap in realpath(3), by which ports are resolved.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** USB ids of the mocked HID scale. */
export const hidScaleIds = { vendorId: 0x0922, productId: 0x8003 } as const;

const port = "/devices/pci0000:00/0000:00:14.0/usb1";

/** Report 3 of page 0x8D: status, unit, exponent, weight in two bytes. */
const reportDescriptor = "068D000920A10185030932A102150026FF007508950509408102C0C0";
const hidScale = `P: ${port}/1-1/1-1:1.0/0003:0922:8003.0001/hidraw/hidraw0
N: hidraw0
E: DEVNAME=/dev/hidraw0
E: MAJOR=246
E: MINOR=0
E: SUBSYSTEM=hidraw
A: dev=246:0

P: ${port}/1-1/1-1:1.0/0003:0922:8003.0001
E: SUBSYSTEM=hid
E: DRIVER=hid-generic
E: HID_ID=0003:00000922:00008003
E: HID_NAME=Mock Postal Scale
E: HID_PHYS=usb-0000:00:14.0-1/input0
E: HID_UNIQ=0000042
H: report_descriptor=${reportDescriptor}

P: ${port}/1-1/1-1:1.0
E: SUBSYSTEM=usb
E: DEVTYPE=usb_interface
E: DRIVER=usbhid
A: bInterfaceNumber=00

P: ${port}/1-1
N: bus/usb/001/002
E: DEVNAME=/dev/bus/usb/001/002
E: DEVTYPE=usb_device
E: SUBSYSTEM=usb
A: idVendor=0922\\n
A: idProduct=8003\\n
A: manufacturer=Mock\\n
A: product=Postal Scale\\n
A: serial=0000042\\n
`;

/** Reports: 1,089 g at rest, then in motion, then over the limit. */
const hidScript = `r 800 ^C^D^B^@A^D
r 200 ^C^C^B^@S^D
r 200 ^C^F^B^@S^D
`;

/** hidraw's ioctls (linux/hidraw.h): size of the descriptor, the descriptor in its 4,096 bytes, bus and ids. */
function hidIoctls(): string {
  const size = (reportDescriptor.length / 2).toString(16).toUpperCase().padStart(2, "0");
  const descriptor = `${size}000000${reportDescriptor.padEnd(2 * 4096, "0")}`;
  return `@DEV /dev/hidraw0
HIDIOCGRDESCSIZE 0 ${size}000000
HIDIOCGRDESC 0 ${descriptor}
HIDIOCGRAWINFO 0 0300000022090380
`;
}

/** Writes the files and gives umockdev-run's arguments for them. */
export function mockedDevices(folder: string): string[] {
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, "latin1");
    return join(folder, name);
  };
  return [
    ...["-d", file("hid.umockdev", hidScale)],
    ...["-i", `/dev/hidraw0=${file("hid.ioctl", hidIoctls())}`],
    ...["-s", `/dev/hidraw0=${file("hid.script", hidScript)}`],
  ];
}
