// A scanner that is a keyboard types into whatever has the console: bar codes become log-ins. Reading
// hidraw does not stop that, and EVIOCGRAB is an ioctl that Node cannot make. Linux 5.11 and later can
// inhibit an input device: hidraw still gets its reports, the console and X do not.

import { readdir, readFile, realpath, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";

/**
 * Inhibits every input device behind a hidraw node; nothing where it has none. DRIVER_PORT_DENIED
 * names the udev rule that does it, DRIVER_PORT_FAILED a kernel that cannot.
 */
export async function silenceKeyboard(
  path: string,
  settings: { readonly silenceKeyboard: boolean },
  sysfs = "/sys",
): Promise<void> {
  if (!settings.silenceKeyboard || process.platform !== "linux") return;
  const node = basename(await realpath(path).catch(() => path));
  const folder = join(sysfs, "class/hidraw", node, "device/input");
  for (const name of await readdir(folder).catch(() => [])) {
    if (/^input\d+$/.test(name)) await inhibit(join(folder, name, "inhibited"), path);
  }
}

async function inhibit(attribute: string, path: string): Promise<void> {
  const state = await readFile(attribute, "utf8").catch(() => undefined);
  if (state?.trim() === "1") return;
  if (state === undefined) {
    const message =
      `${path} is a keyboard and this kernel cannot silence it (Linux 5.11 can): its codes would land ` +
      "in a login prompt. Mask getty@tty1.service and set silenceKeyboard: false";
    throw new GatewayError("DRIVER_PORT_FAILED", message, { retryable: true });
  }
  await writeFile(attribute, "1").catch((cause: unknown) => {
    const message =
      `${path} is a keyboard whose codes would land in a login prompt (${errorMessageOf(cause)}). ` +
      'A udev rule silences it: ACTION=="add", SUBSYSTEM=="input", KERNEL=="input*", ' +
      'ATTRS{idVendor}=="VENDOR", ATTRS{idProduct}=="PRODUCT", ATTR{inhibited}="1"';
    throw new GatewayError("DRIVER_PORT_DENIED", message, { cause, retryable: true });
  });
}

/** Whether the input device behind an event node is inhibited; false where that cannot be told. */
export async function isInhibited(path: string, sysfs = "/sys"): Promise<boolean> {
  const node = basename(await realpath(path).catch(() => path));
  const attribute = join(sysfs, "class/input", node, "device/inhibited");
  return (await readFile(attribute, "utf8").catch(() => "0")).trim() === "1";
}
