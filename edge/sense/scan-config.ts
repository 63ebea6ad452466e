// Settings of a barcode scanner, and the command barcodes that change what it does.

import { z } from "zod";
import {
  restrictedCountries as countries,
  restrictedRuleSchema,
  restrictedRulesOf,
} from "../../contract/gs1/restricted-rule.ts";
import { durationMsSchema, idSchema, locationSchema } from "../../contract/units.ts";

export const workflows = ["sell", "receive", "return", "count"] as const;
/** What a scan means. */
export type Workflow = (typeof workflows)[number];

/** A scanner. */
export const scannerConfigSchema = z
  .strictObject({
    deviceId: idSchema,
    workflow: z.enum(workflows),
    /** Where it works: receives and returns go there, a count covers it, a till stands there. */
    location: locationSchema.optional(),
    /** The same code within this time is the scanner repeating itself; 0 takes every one. */
    repeatMs: durationMsSchema.max(10_000).default(300),
    /** Command barcodes are `PREFIX` + `SELL`, `RECEIVE`, `RETURN` or `COUNT` (+ `:location`), or `END`. */
    commandPrefix: z.string().min(2).max(40).default("GONDOLA:"),
    /** How the labels that the store prints itself are read: rules of a country by its name, or one's own. */
    restrictedNumbers: z
      .union([z.enum(countries), z.array(restrictedRuleSchema).max(50)])
      .default([])
      .transform((rules) => (typeof rules === "string" ? restrictedRulesOf[rules] : rules)),
    /** A count that nobody goes on with for this long is given up. */
    countTimeoutMs: durationMsSchema.min(10_000).max(86_400_000).default(1_800_000),
  })
  .refine(({ workflow, location }) => workflow === "sell" || location !== undefined, {
    message: "receive, return and count need the location they work at",
    path: ["location"],
  });
export type ScannerConfig = z.infer<typeof scannerConfigSchema>;

/** A command barcode. */
export type ScanCommand =
  | { readonly kind: "workflow"; readonly workflow: Workflow; readonly location?: string }
  | { readonly kind: "end" };

/** Reads what stands behind the prefix; undefined when it is no command. */
export function parseScanCommand(text: string): ScanCommand | undefined {
  if (text === "END") return { kind: "end" };
  const [name = "", ...rest] = text.split(":");
  const workflow = workflows.find((one) => one.toUpperCase() === name);
  if (workflow === undefined) return undefined;
  return rest.length === 0
    ? { kind: "workflow", workflow }
    : { kind: "workflow", workflow, location: rest.join(":") };
}
