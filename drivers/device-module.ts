// What every device folder exports: the schema of its options, the speed its port usually has, and
// the driver made from options.

import { z } from "zod";
import { GatewayError } from "../contract/errors.ts";
import type { Driver } from "./driver.ts";

/** A kind of device, as the registry hands it out. */
export interface DeviceModule {
  readonly optionsSchema: z.ZodType;
  /** Serial speed where the port's configuration names none. */
  readonly baudRateDefault: number;
  /** Whether the device has no identifying command, so that the configuration is believed. */
  readonly isTakenOnTrust: boolean;
  /** Whether it is reached by network only, so that a serial line need not be asked for it. */
  readonly isOnNetwork: boolean;
  /** Makes a driver; each `run` of it starts afresh. CONFIG_INVALID when the options do not fit. */
  createDriver(options: unknown): Driver;
}

/** Ties a schema to the driver that takes its output. */
export function defineDevice<Schema extends z.ZodType>(parts: {
  optionsSchema: Schema;
  baudRateDefault: number;
  isTakenOnTrust?: boolean;
  isOnNetwork?: boolean;
  createDriver: (options: z.output<Schema>) => Driver;
}): DeviceModule {
  const { optionsSchema, baudRateDefault, isTakenOnTrust = false, isOnNetwork = false } = parts;
  return {
    optionsSchema,
    baudRateDefault,
    isTakenOnTrust,
    isOnNetwork,
    createDriver(options) {
      const parsed = optionsSchema.safeParse(options);
      if (parsed.success) return parts.createDriver(parsed.data);
      throw new GatewayError("CONFIG_INVALID", `options:\n${z.prettifyError(parsed.error)}`);
    },
  };
}
