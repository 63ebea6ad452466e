// Settings of a barcode scanner, and the command barcodes that change what it does.

import { z } from "zod";
import { type Workflow, workflows } from "../../contract/delivery.ts";
import {
  restrictedCountries as countries,
  restrictedRuleSchema,
  restrictedRulesOf,
} from "../../contract/gs1/restricted-rule.ts";
import { durationMsSchema, type Gtin, idSchema, locationSchema } from "../../contract/units.ts";
import { signalSchema } from "./machine.ts";

/** What scans mean from now on; without a location, at the device's configured place. */
export interface WorkOrder {
  readonly workflow: Workflow;
  readonly location?: string | undefined;
  /** Of the transfer or the delivery. */
  readonly referenceId?: string | undefined;
  /** What a delivery should bring. */
  readonly expected?: readonly { readonly gtin: Gtin; readonly quantity: number }[] | undefined;
}

/** Workflows that need no place: a till sells wherever it stands, a look-up moves nothing. */
export const placelessWorkflows: readonly Workflow[] = ["sell", "look_up"];

/** A scanner. */
export const scannerConfigSchema = z
  .strictObject({
    deviceId: idSchema,
    workflow: z.enum(workflows),
    /** Where it works: receives and returns go there, a count covers it, a till stands there. */
    location: locationSchema.optional(),
    /** The same code within this time is the scanner repeating itself; 0 takes every one. */
    repeatMs: durationMsSchema.max(10_000).default(300),
    /** What is heard or seen where a scan is refused: not known, not expected, too many. */
    refusalSignal: signalSchema.optional(),
    /** The same where one is taken. */
    takenSignal: signalSchema.optional(),
    /** Command barcodes are `PREFIX` + workflow (+ `:location`) (+ `#reference`), or `END`: `GONDOLA:TRANSFER_OUT#T-17`. */
    commandPrefix: z.string().min(2).max(40).default("GONDOLA:"),
    /** How the labels that the store prints itself are read: rules of a country by its name, or one's own. */
    restrictedNumbers: z
      .union([z.enum(countries), z.array(restrictedRuleSchema).max(50)])
      .default([])
      .transform((rules) => (typeof rules === "string" ? restrictedRulesOf[rules] : rules)),
    /** A count that nobody goes on with for this long is given up, a delivery is closed. */
    countTimeoutMs: durationMsSchema.min(10_000).max(86_400_000).default(1_800_000),
  })
  .refine(
    ({ workflow, location }) => placelessWorkflows.includes(workflow) || location !== undefined,
    { message: "this workflow needs the location it works at", path: ["location"] },
  )
  .refine(({ workflow }) => !/^transfer/.test(workflow), {
    message: "a transfer has a number: it is begun by a command barcode or a message",
    path: ["workflow"],
  });
export type ScannerConfig = z.infer<typeof scannerConfigSchema>;

/** A command barcode. */
export type ScanCommand = ({ readonly kind: "workflow" } & WorkOrder) | { readonly kind: "end" };

/** Reads what stands behind the prefix; undefined when it is no command. */
export function parseScanCommand(text: string): ScanCommand | undefined {
  if (text === "END") return { kind: "end" };
  const [, name, location, referenceId] = /^([A-Z_]+)(?::([^#]*))?(?:#(.*))?$/.exec(text) ?? [];
  const workflow = workflows.find((one) => one.toUpperCase() === name);
  if (workflow === undefined) return undefined;
  return { kind: "workflow", workflow, location, referenceId };
}
