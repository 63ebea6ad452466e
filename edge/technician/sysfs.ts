// What /sys says of a device. Everything takes a path, so that a test can hand in a tree of its own.

import { readFile, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";

/** How far above a port its USB device is looked for. */
const parentCountMax = 6;

/** An attribute without its line end; undefined where there is none. */
export async function attributeOf(file: string): Promise<string | undefined> {
  const content = await readFile(file, "utf8").catch(() => undefined);
  return content?.trim();
}

/** The folder of the USB device behind a link like `/sys/class/tty/ttyUSB0/device`; undefined where there is none. */
export async function usbFolderOf(link: string): Promise<string | undefined> {
  let folder = await realpath(link).catch(() => undefined);
  for (let up = 0; folder !== undefined && up < parentCountMax; up += 1) {
    if ((await attributeOf(join(folder, "idVendor"))) !== undefined) return folder;
    folder = dirname(folder);
  }
  return undefined;
}
