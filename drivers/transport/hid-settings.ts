// How a HID device and an event node are named in a configuration, and which device a name fits.

import { z } from "zod";

const usbIdSchema = z.int().min(1).max(0xffff);
const devicePathSchema = z
  .string()
  .max(4096)
  .regex(/^\/[^\0]+$/, "a device is an absolute path");

/** A HID device: by its USB ids (write them as 0x0922), or by a path. */
export const hidSettingsSchema = z
  .strictObject({
    vendorId: usbIdSchema.optional(),
    productId: usbIdSchema.optional(),
    serialNumber: z.string().min(1).max(256).optional(),
    /** Interface of a device that has several, from 0. */
    interfaceNumber: z.int().min(0).max(31).optional(),
    /** A stable link to a hidraw node, instead of the ids. */
    path: devicePathSchema.optional(),
    /** Sent once after opening: id and data in hex. Honeywell's HID POS mode wants `fe01`. */
    featureReports: z
      .array(z.string().regex(/^([0-9A-Fa-f]{2}){1,64}$/, "a report is bytes in hex"))
      .max(8)
      .default([]),
    /** Keeps the kernel from typing what a scanner sends as a keyboard into a login prompt. */
    silenceKeyboard: z.boolean().default(true),
  })
  .refine(
    ({ vendorId, productId, path }) =>
      path === undefined
        ? vendorId !== undefined && productId !== undefined
        : vendorId === undefined && productId === undefined,
    { message: "name vendorId and productId, or a path" },
  );
export type HidSettings = z.output<typeof hidSettingsSchema>;

/** An event node, like /dev/input/by-id/usb-...-event-kbd. */
export const inputSettingsSchema = z.strictObject({ path: devicePathSchema });
export type InputSettings = z.output<typeof inputSettingsSchema>;

/** What tells HID devices apart; of the settings, or of one that is there. */
interface HidIdentity {
  readonly vendorId?: number | undefined;
  readonly productId?: number | undefined;
  readonly path?: string | undefined;
}

/** The device in words: its path, or its ids in hex as `lsusb` prints them. */
export function hidName({ vendorId, productId, path }: HidIdentity): string {
  if (vendorId === undefined || productId === undefined) return path ?? "HID device";
  return [vendorId, productId].map((id) => id.toString(16).padStart(4, "0")).join(":");
}

/** Whether the device that is there is the one configured by its ids. */
export function matchesHid(
  settings: HidSettings,
  device: HidIdentity & {
    readonly serialNumber?: string | undefined;
    readonly interface?: number | undefined;
  },
): boolean {
  const { vendorId, productId, serialNumber, interfaceNumber } = settings;
  return (
    vendorId !== undefined &&
    device.vendorId === vendorId &&
    device.productId === productId &&
    (serialNumber === undefined || device.serialNumber === serialNumber) &&
    (interfaceNumber === undefined || device.interface === interfaceNumber)
  );
}
