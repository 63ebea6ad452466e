// Every kind of device, one line each. A driver and its native packages load only when configured.

import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import type { DeviceModule } from "./device-module.ts";

const loaders: Readonly<Record<string, () => Promise<{ device: DeviceModule }>>> = {
  "ascii-scale": () => import("./ascii-scale/driver.ts"),
  chafon: () => import("./chafon/driver.ts"),
  "gpio-input": () => import("./gpio-input/driver.ts"),
  "gpio-output": () => import("./gpio-output/driver.ts"),
  "hid-scale": () => import("./hid-scale/driver.ts"),
  "hid-scanner": () => import("./hid-scanner/driver.ts"),
  "impinj-iot": () => import("./impinj-iot/driver.ts"),
  "keyboard-wedge": () => import("./keyboard-wedge/driver.ts"),
  llrp: () => import("./llrp/driver.ts"),
  "load-cell-board": () => import("./load-cell-board/driver.ts"),
  m100: () => import("./m100/driver.ts"),
  mercury: () => import("./mercury/driver.ts"),
  "modbus-scale": () => import("./modbus-scale/driver.ts"),
  "mt-sics": () => import("./mt-sics/driver.ts"),
  r2000: () => import("./r2000/driver.ts"),
  "serial-scanner": () => import("./serial-scanner/driver.ts"),
  "ssi-scanner": () => import("./ssi-scanner/driver.ts"),
  toledo: () => import("./toledo/driver.ts"),
  "zebra-iot": () => import("./zebra-iot/driver.ts"),
};

/** The kinds that `findDevice` knows. */
export const deviceKinds: readonly string[] = Object.keys(loaders);

/** Loads a kind. DRIVER_KIND_UNKNOWN names the known ones; DRIVER_NATIVE_MISSING a missing package. */
export async function findDevice(kind: string): Promise<DeviceModule> {
  const load = Object.hasOwn(loaders, kind) ? loaders[kind] : undefined;
  if (load === undefined) {
    const message = `no device of kind "${kind}"; the kinds are ${deviceKinds.join(", ")}`;
    throw new GatewayError("DRIVER_KIND_UNKNOWN", message);
  }
  try {
    return (await load()).device;
  } catch (error) {
    const message = `the driver ${kind} does not load (${errorMessageOf(error)}); run: npm run setup`;
    throw new GatewayError("DRIVER_NATIVE_MISSING", message, { cause: error });
  }
}
