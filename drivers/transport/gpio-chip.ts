// What the two ways to a GPIO chip, sysfs and the tools of libgpiod, have in common.

import { GatewayError } from "../../contract/errors.ts";
import type { Bias, Level } from "./gpio-settings.ts";
import type { ChipEntry } from "./gpio-tool-text.ts";
import type { InboxSource } from "./inbox.ts";

/** Where the system is; a test hands in folders of its own. */
export interface GpioSystem {
  /** Root of sysfs. */
  readonly sysfs: string;
  /** Folder of the tools, looked into before the rest of the PATH. */
  readonly toolFolder?: string;
}

/** Level after an edge, and how long ago the edge was. */
export type OnEdge = (level: Level, ageUs: number) => void;

/** An open chip. Every method rejects with GatewayError; what happens later goes to the `onLost` it was opened with. */
export interface GpioChip extends ChipEntry, InboxSource {
  /** Offset of a line by its name. DRIVER_PORT_MISSING names the lines that have one. */
  find(lineName: string): Promise<number>;
  /** Makes a line an input, tells its level, and from then on its edges. */
  watch(offset: number, bias: Bias, onEdge: OnEdge): Promise<Level>;
  /** Makes a line an output with this level, or changes it. */
  drive(offset: number, level: Level): Promise<void>;
  /** Tells `onLost` when the chip is gone: nothing wakes up who waits for its edges. */
  check(): Promise<void>;
  /** Gives all lines back. */
  close(): Promise<void>;
}

/** Rule that gives GPIO chips to the gateway's group. */
const udevRule = 'SUBSYSTEM=="gpio", KERNEL=="gpiochip*", GROUP="dialout", MODE="0660"';

/** DRIVER_PORT_MISSING of a chip, with those that are there. */
export function chipMissing(wanted: string, there: readonly ChipEntry[]): GatewayError {
  const chips = there.map(({ name, label, lineCount }) => `${label} (${name}, ${lineCount} lines)`);
  const list = chips.length === 0 ? "none" : chips.slice(0, 16).join(", ");
  const message = `no GPIO chip ${wanted}; chips now, by label: ${list}`;
  return new GatewayError("DRIVER_PORT_MISSING", message, { retryable: true });
}

/** The chip of this label or name. DRIVER_PORT_MISSING, or CONFIG_INVALID where two have the label. */
export function chosenChip<Chip extends ChipEntry>(wanted: string, there: readonly Chip[]): Chip {
  const [chip, ...others] = there.filter(({ name, label }) => name === wanted || label === wanted);
  if (chip === undefined) throw chipMissing(wanted, there);
  if (others.length === 0) return chip;
  const names = [chip, ...others].map(({ name }) => name).join(", ");
  const message = `GPIO chips ${names} all have the label ${wanted}: name one of them instead`;
  throw new GatewayError("CONFIG_INVALID", message);
}

/** DRIVER_PORT_DENIED of something of GPIO. */
export function gpioDenied(what: string, cause?: unknown): GatewayError {
  const message =
    `no permission for ${what}. Put the gateway's user into its group (gpio on Raspberry Pi OS), ` +
    `or give it away by a udev rule: ${udevRule}`;
  return new GatewayError("DRIVER_PORT_DENIED", message, { cause, retryable: true });
}

/** DRIVER_PORT_BUSY of a line. */
export function lineBusy(offset: number, chip: string, consumer: string | undefined): GatewayError {
  const who = consumer ?? "the kernel or another program (gpioinfo names it)";
  const message = `line ${offset} of GPIO chip ${chip} is held by ${who}`;
  return new GatewayError("DRIVER_PORT_BUSY", message, { retryable: true });
}

/** CONFIG_INVALID of a line that the chip has not. */
export function lineMissing(offset: number, { label, lineCount }: ChipEntry): GatewayError {
  const message = `GPIO chip ${label} has lines 0 to ${lineCount - 1}, no line ${offset}`;
  return new GatewayError("CONFIG_INVALID", message);
}
