// What every device folder exports: the schema of its options, the speed its port usually has, and
// the driver made from options.

import { z } from "zod";
import { GatewayError } from "../contract/errors.ts";
import type { Driver } from "./driver.ts";

/** How a serial line is set; what is left out is as usual: the kind's speed, eight bits, no parity, one stop bit. */
export interface LineSettings {
  readonly baudRate?: number;
  readonly dataBits?: 7 | 8;
  readonly parity?: "none" | "even" | "odd";
}

/** A kind of device, as the registry hands it out. */
export interface DeviceModule {
  readonly optionsSchema: z.ZodType;
  /** Serial speed where the port's configuration names none. */
  readonly baudRateDefault: number;
  /** Settings that devices of this kind are met with beside the usual one; a search tries them last. */
  readonly otherSettings: readonly LineSettings[];
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
  otherSettings?: readonly LineSettings[];
  isTakenOnTrust?: boolean;
  isOnNetwork?: boolean;
  createDriver: (options: z.output<Schema>) => Driver;
}): DeviceModule {
  return {
    optionsSchema: parts.optionsSchema,
    baudRateDefault: parts.baudRateDefault,
    otherSettings: parts.otherSettings ?? [],
    isTakenOnTrust: parts.isTakenOnTrust ?? false,
    isOnNetwork: parts.isOnNetwork ?? false,
    createDriver(options) {
      const parsed = parts.optionsSchema.safeParse(options);
      if (parsed.success) return parts.createDriver(parsed.data);
      throw new GatewayError("CONFIG_INVALID", `options:\n${z.prettifyError(parsed.error)}`);
    },
  };
}
