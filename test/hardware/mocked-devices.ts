// Devices as the kernel shows them, for umockdev: entries of sysfs and udev, recordings of what a device
// node says, and the answers of a HID device to ioctls. Written by hand from the documents of udev, hidraw
// and the devices; what they say is not made by our encoders.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { descriptorBytes, scaleDescriptor, scannerDescriptor } from "./descriptors.ts";

/** USB ids of the mocked HID scale. */
export const hidScaleIds = { vendorId: 0x0922, productId: 0x8003 } as const;
/** USB ids of the mocked HID POS scanner. */
export const hidScannerIds = { vendorId: 0x0c2e, productId: 0x0200 } as const;
/** The stable name of the mocked reader's USB adapter. */
export const readerLink = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0";

const bus = "/devices/pci0000:00/0000:00:14.0/usb1";
/** A script's clock starts with the process: nothing is said before it had time to open its devices. */
const startMs = 2000;

/** A HID device as sysfs has it: the node, the HID device, its interface, its USB device. */
interface MockedHid {
  readonly node: string;
  readonly minor: number;
  readonly usbPort: string;
  readonly ids: { readonly vendorId: number; readonly productId: number };
  readonly product: string;
  readonly descriptor: string;
}

const scale: MockedHid = {
  node: "hidraw0",
  minor: 0,
  usbPort: "1-1",
  ids: hidScaleIds,
  product: "Postal Scale",
  descriptor: scaleDescriptor,
};
const scanner: MockedHid = {
  node: "hidraw1",
  minor: 1,
  usbPort: "1-3",
  ids: hidScannerIds,
  product: "Scanner",
  descriptor: scannerDescriptor,
};

const hex4 = (value: number) => value.toString(16).toUpperCase().padStart(4, "0");

function hidEntries({ node, minor, usbPort, ids, product, descriptor }: MockedHid): string {
  const vendor = hex4(ids.vendorId);
  const model = hex4(ids.productId);
  const hid = `0003:${vendor}:${model}.000${minor + 1}`;
  return `P: ${bus}/${usbPort}/${usbPort}:1.0/${hid}/hidraw/${node}
N: ${node}
L: device=../../../${hid}
E: DEVNAME=/dev/${node}
E: MAJOR=246
E: MINOR=${minor}
E: SUBSYSTEM=hidraw
A: dev=246:${minor}

P: ${bus}/${usbPort}/${usbPort}:1.0/${hid}
E: SUBSYSTEM=hid
E: DRIVER=hid-generic
E: HID_ID=0003:0000${vendor}:0000${model}
E: HID_NAME=Mock ${product}
E: HID_PHYS=usb-0000:00:14.0-${usbPort}/input0
E: HID_UNIQ=0000042
H: report_descriptor=${descriptorBytes(descriptor).toString("hex").toUpperCase()}

P: ${bus}/${usbPort}/${usbPort}:1.0
E: SUBSYSTEM=usb
E: DEVTYPE=usb_interface
E: DRIVER=usbhid
A: bInterfaceNumber=00

P: ${bus}/${usbPort}
N: bus/usb/001/00${minor + 2}
E: DEVNAME=/dev/bus/usb/001/00${minor + 2}
E: DEVTYPE=usb_device
E: SUBSYSTEM=usb
A: idVendor=${vendor.toLowerCase()}\\n
A: idProduct=${model.toLowerCase()}\\n
A: manufacturer=Mock\\n
A: product=${product}\\n
A: serial=0000042\\n
`;
}

/** A UHF module behind an FTDI adapter, with what udev knows of it. */
const readerEntries = `P: ${bus}/1-2/1-2:1.0/ttyUSB0/tty/ttyUSB0
N: ttyUSB0
S: ${readerLink.slice("/dev/".length)}
L: device=../../../ttyUSB0
E: DEVNAME=/dev/ttyUSB0
E: MAJOR=188
E: MINOR=0
E: SUBSYSTEM=tty
E: ID_BUS=usb
E: ID_VENDOR_ENC=FTDI
E: ID_VENDOR_ID=0403
E: ID_MODEL_ID=6001
E: ID_SERIAL_SHORT=A50285BI
E: DEVLINKS=${readerLink}
A: dev=188:0

P: ${bus}/1-2/1-2:1.0/ttyUSB0
E: SUBSYSTEM=usb-serial
E: DRIVER=ftdi_sio

P: ${bus}/1-2
N: bus/usb/001/009
E: DEVNAME=/dev/bus/usb/001/009
E: DEVTYPE=usb_device
E: SUBSYSTEM=usb
A: idVendor=0403\\n
A: idProduct=6001\\n
A: manufacturer=FTDI\\n
A: product=FT232R USB UART\\n
A: serial=A50285BI\\n
`;

/** Bytes of a script: what is below a space is written as a control character. */
function scriptLine(operation: "r" | "w", delayMs: number, bytes: Buffer): string {
  const text = [...bytes].map((byte) => {
    if (byte < 0x20) return `^${String.fromCharCode(byte + 0x40)}`;
    return byte === 0x5e ? "^`" : String.fromCharCode(byte);
  });
  return `${operation} ${delayMs} ${text.join("")}\n`;
}

const fromHex = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");

/** Reports: 1,089 g at rest, then in motion, then over the limit. */
const scaleScript = [
  scriptLine("r", startMs, fromHex("03 04 02 00 41 04")),
  scriptLine("r", 200, fromHex("03 03 02 00 53 04")),
  scriptLine("r", 200, fromHex("03 06 02 00 53 04")),
].join("");

/** An EAN-13 in one report: 02, length, AIM identifier, data, zeros. */
const scannerScript = scriptLine(
  "r",
  startMs,
  Buffer.concat([Buffer.from("\x02\x0d]E09506000134352"), Buffer.alloc(64 - 18)]),
);

/** The host's commands and a UHF module's answers: no stop, hardware "V10", region ETSI, then two reads of one poll. */
const readerScript = [
  scriptLine("w", 0, fromHex("bb 00 28 00 00 28 7e")),
  scriptLine("w", 0, fromHex("bb 00 03 00 01 00 04 7e")),
  scriptLine("r", 50, fromHex("bb 01 03 00 04 00 56 31 30 bf 7e")),
  scriptLine("w", 0, fromHex("bb 00 08 00 00 08 7e")),
  scriptLine("r", 50, fromHex("bb 01 08 00 01 03 0d 7e")),
  scriptLine("w", 0, fromHex("bb 00 27 00 03 22 ff ff 4a 7e")),
  scriptLine("r", 50, fromHex("bb 02 22 00 0d ce 20 00 e2 00 34 12 dc 03 01 18 00 00 3f 7e")),
  scriptLine("r", 90, fromHex("bb 02 22 00 0d ce 20 00 e2 00 34 12 dc 03 01 18 00 00 3f 7e")),
].join("");

/** hidraw's ioctls (linux/hidraw.h): size of the descriptor, the descriptor in its 4,096 bytes, bus and ids. */
function hidIoctls({ node, ids, descriptor }: MockedHid): string {
  const bytes = descriptorBytes(descriptor);
  const size = `${bytes.length.toString(16).toUpperCase().padStart(2, "0")}000000`;
  const padded = bytes
    .toString("hex")
    .toUpperCase()
    .padEnd(2 * 4096, "0");
  const little = (value: number) => hex4(value).replace(/(..)(..)/, "$2$1");
  return `@DEV /dev/${node}
HIDIOCGRDESCSIZE 0 ${size}
HIDIOCGRDESC 0 ${size}${padded}
HIDIOCGRAWINFO 0 03000000${little(ids.vendorId)}${little(ids.productId)}
`;
}

/** Writes the files and gives umockdev-run's arguments for them. */
export function mockedDevices(folder: string): string[] {
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, "latin1");
    return join(folder, name);
  };
  return [
    ...[scale, scanner].flatMap((hid) => [
      ...["-d", file(`${hid.node}.umockdev`, hidEntries(hid))],
      ...["-i", `/dev/${hid.node}=${file(`${hid.node}.ioctl`, hidIoctls(hid))}`],
    ]),
    ...["-s", `/dev/${scale.node}=${file("scale.script", scaleScript)}`],
    ...["-s", `/dev/${scanner.node}=${file("scanner.script", scannerScript)}`],
    ...["-d", file("reader.umockdev", readerEntries)],
    ...["-s", `/dev/ttyUSB0=${file("reader.script", readerScript)}`],
  ];
}
