// How a GPIO chip is named in a configuration. Its lines are named by the device that uses them.

import { z } from "zod";

/** Resistor inside the chip: `as_is` leaves what the device tree or the boot firmware set. */
export const biases = ["as_is", "pull_up", "pull_down", "disabled"] as const;
export type Bias = (typeof biases)[number];

/** Level of a line as it is measured: 1 is high, whatever that means. */
export type Level = 0 | 1;

/** Lines are counted from 0 on each chip; no chip that is sold has more. */
export const lineOffsetMax = 1023;

/** A GPIO chip: by its label, which stays, or by its name, which is numbered in the order of finding. */
export const gpioSettingsSchema = z.strictObject({
  /** `pinctrl-rp1` (Raspberry Pi 5), `pinctrl-bcm2711` (4), `pinctrl-bcm2835` (older), or `gpiochip0`. */
  chip: z.string().regex(/^[!-~]{1,64}$/, "a chip is its label, as `gpiodetect` prints it"),
  /** `auto`: sysfs where it can be written and is enough, otherwise the tools of libgpiod. */
  via: z.enum(["auto", "sysfs", "tools"]).default("auto"),
});
export type GpioSettings = z.output<typeof gpioSettingsSchema>;
