// `gondola-edge devices`: what is plugged in, under which stable path, and which driver fits. Looks only at
// what the kernel and udev say, and opens nothing.

import { readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { listGpioChips } from "../../drivers/transport/gpio.ts";
import { attributeOf, usbFolderOf } from "./sysfs.ts";

/** A port, a HID device or a GPIO chip that is there. */
export interface PluggedDevice {
  /** `/dev/ttyUSB0`, `/dev/hidraw1`. */
  readonly path: string;
  /** The name to put into a configuration; absent where udev made none. */
  readonly stablePath?: string;
  /** `0403:6001` */
  readonly usbId?: string;
  readonly product?: string;
  /** Kind of driver, or what to do to find out. */
  readonly fits: string;
}

/** What is known of USB ids (vendor, or vendor and product), from the makers' own lists. */
const hints: readonly (readonly [pattern: RegExp, fits: string])[] = [
  [/^11ca:0212$/, "m100"],
  [/^(05e0|0c2e|0536|05f9|1eab|1f3a):/, "serial-scanner"],
  [/^(2341|2a03|1b4f|16c0):/, "load-cell-board, perhaps: gondola-edge probe PORT"],
  [/^(0403|10c4|1a86|067b):/, "a USB bridge, anything may be behind it: gondola-edge probe PORT"],
];
const unknownFits = "not known: gondola-edge probe PORT";
const hidHints: readonly (readonly [pattern: RegExp, fits: string])[] = [
  [/^(0922|0eb8|1446):/, "hid-scale"],
  [/^(05e0|0c2e|05f9|1eab|0536):/, "hid-scanner, or keyboard-wedge if it is set to be a keyboard"],
];
const hidUnknownFits = "hid-scale, hid-scanner or keyboard-wedge, by what it is";

/** Everything that is there; `root` is `/` but in tests. */
export async function listDevices(root: string): Promise<PluggedDevice[]> {
  const links = await stableLinks(root);
  const ttys = (await names(join(root, "sys/class/tty"))).filter((name) =>
    /^tty(USB|ACM|AMA)\d+$/.test(name),
  );
  const serial = ttys.map(async (name): Promise<PluggedDevice> => {
    const usb = await usbOf(join(root, "sys/class/tty", name, "device"));
    const stablePath = links.get(name);
    const hint = hints.find(([pattern]) => pattern.test(usb?.usbId ?? ""))?.[1];
    return {
      path: `/dev/${name}`,
      ...(stablePath === undefined ? {} : { stablePath }),
      ...usb,
      fits: hint ?? unknownFits,
    };
  });
  const hids = (await names(join(root, "sys/class/hidraw"))).map((name) => hidOf(root, name));
  return [...(await Promise.all([...serial, ...hids])), ...(await gpioChips(root))];
}

async function gpioChips(root: string): Promise<PluggedDevice[]> {
  // The tools look at this machine, whatever the root is.
  const chips = await listGpioChips({ sysfs: join(root, "sys") }, root === "/");
  return chips.map(({ name, label, lineCount }) => ({
    path: `/dev/${name}`,
    stablePath: `{ gpio: { chip: ${label === "" ? name : label} } }`,
    product: `${label}, ${lineCount} lines`,
    fits: "gpio-input, gpio-output",
  }));
}

async function names(folder: string): Promise<string[]> {
  const found = await readdir(folder).catch(() => []);
  return found.sort();
}

/** Links by the device they lead to; by-id where there is one, as it follows the device to another socket. */
async function stableLinks(root: string): Promise<Map<string, string>> {
  const links = new Map<string, string>();
  for (const folder of ["dev/serial/by-path", "dev/serial/by-id"]) {
    for (const name of await names(join(root, folder))) {
      const target = await realpath(join(root, folder, name)).catch(() => undefined);
      if (target !== undefined) links.set(target.replace(/^.*\//, ""), `/${folder}/${name}`);
    }
  }
  return links;
}

async function usbOf(link: string): Promise<Pick<PluggedDevice, "usbId" | "product"> | undefined> {
  const folder = await usbFolderOf(link);
  if (folder === undefined) return undefined;
  const read = (name: string) => attributeOf(join(folder, name));
  const words = [await read("manufacturer"), await read("product")];
  const usbId = `${await read("idVendor")}:${await read("idProduct")}`;
  return { usbId, product: words.filter(Boolean).join(" ") };
}

// HID_ID=0003:00000922:00008003, HID_NAME=... (hid core, uevent of the device).
async function hidOf(root: string, name: string): Promise<PluggedDevice> {
  const uevent = (await attributeOf(join(root, "sys/class/hidraw", name, "device/uevent"))) ?? "";
  const [, vendor, product] = /^HID_ID=\w+:(?:0000)?(\w{4}):(?:0000)?(\w{4})/m.exec(uevent) ?? [];
  const title = /^HID_NAME=(.*)$/m.exec(uevent)?.[1];
  const hint = hidHints.find(([pattern]) => pattern.test(`${vendor}:`.toLowerCase()))?.[1];
  return {
    path: `/dev/${name}`,
    ...(vendor === undefined ? {} : { usbId: `${vendor}:${product}`.toLowerCase() }),
    ...(title === undefined ? {} : { product: title }),
    fits: hint ?? hidUnknownFits,
  };
}

/** The list for people. */
export function deviceLines(devices: readonly PluggedDevice[]): string {
  if (devices.length === 0) {
    return "No serial, HID or GPIO device is plugged in, or this user may not see /sys.\n";
  }
  return devices
    .map(({ path, stablePath, usbId, product, fits }) => {
      const title = [usbId, product].filter(Boolean).join(" ");
      const [vendorId, productId] = (usbId ?? "").split(":");
      const hid = `{ hid: { vendorId: 0x${vendorId}, productId: 0x${productId} } }`;
      const isHid = path.startsWith("/dev/hidraw") && usbId !== undefined;
      const stable = isHid ? hid : (stablePath ?? "no stable name: is udev running?");
      return `${path}  ${title}\n  configure as: ${stable}\n  driver: ${fits}\n`;
    })
    .join("");
}
