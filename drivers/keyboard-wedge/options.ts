// Settings of a scanner that is a keyboard: its layout, how it is read, and how it frames a scan.

import { z } from "zod";
import { scanFormatSchema } from "../serial-scanner/codec.ts";
import { layouts } from "./tables.ts";

export const keyboardWedgeOptionsSchema = scanFormatSchema.extend({
  /** The country that the scanner itself is set to. */
  layout: z.enum(layouts).default("us"),
  /** `boot` for a port `{ hid }`, `evdev` for a port `{ input }`. */
  source: z.enum(["boot", "evdev"]).default("boot"),
  reportId: z.int().min(1).max(255).optional(),
  eventSizeBytes: z.union([z.literal(24), z.literal(16)]).default(24),
  interKeyTimeoutMs: z.int().min(20).max(5000).default(300),
  prefix: z
    .union([z.enum(["none", "aim"]), z.strictObject({ text: z.string().min(1).max(32) })])
    .default("none"),
  /** Enter, Tab, or a pause of `pauseMs`. */
  suffix: z.enum(["cr", "tab", "none"]).default("cr"),
});
export type KeyboardWedgeOptions = z.infer<typeof keyboardWedgeOptionsSchema>;
