// A unit that a customer brought back: received, inspected, and what becomes of it. Pure.

import { z } from "zod";
import { productClassSchema } from "../../../contract/catalogue.ts";
import type { Place } from "../../../contract/event.ts";

/** How a unit is after all, from as new to unusable. */
export const grades = ["A", "B", "C", "D"] as const;
export type Grade = (typeof grades)[number];

export const dispositions = ["resell", "refurbish", "outlet", "recycle"] as const;
export type Disposition = (typeof dispositions)[number];

/** Grade -> what may become of it. */
export const gradeAllows: Readonly<Record<Grade, readonly Disposition[]>> = {
  A: dispositions,
  B: dispositions,
  C: ["refurbish", "outlet", "recycle"],
  D: ["refurbish", "recycle"],
};

const valueShare = z
  .number({ error: "must be a number, 0..1" })
  .min(0, { error: "must be 0..1" })
  .max(1, { error: "must be 0..1" });

/** Class of products -> grade -> what share of the price it is worth; `*` is every other class. */
export const gradeValuesSchema = z
  .record(
    z.union([z.literal("*"), productClassSchema]),
    z.strictObject({ A: valueShare, B: valueShare, C: valueShare, D: valueShare }),
    { error: "must map classes (or *) to the shares of A, B, C and D" },
  )
  .default({ "*": { A: 1, B: 0.8, C: 0.5, D: 0 } })
  .refine((values) => Object.hasOwn(values, "*"), { error: "must say * for every other class" });
export type GradeValues = z.infer<typeof gradeValuesSchema>;

/** What share of its price a unit of a class is worth. */
export function valueShareOf(values: GradeValues, className: string | undefined, grade: Grade) {
  const own = className !== undefined && Object.hasOwn(values, className);
  return values[own ? className : "*"]![grade];
}

/** Reason codes of one inspection. */
export const reasonCountMax = 10;

/** What is known of the sale that is undone. */
export interface SaleFound {
  readonly storeId: string;
  readonly soldAtMs: number;
}

/** One unit that came back. */
export interface ReturnCase {
  readonly returnId: string;
  readonly storeId: string;
  readonly gtin: string;
  readonly serial?: string;
  /** The till's receipt or the order. */
  readonly receiptId?: string;
  /** Absent: no sale of it was found, and it was taken all the same. */
  readonly sale?: SaleFound;
  /** Where it lies. */
  readonly location: string;
  readonly state: "received" | "inspected" | "disposed";
  readonly receivedAtMs: number;
  readonly receivedBy: string;
  readonly inspectedAtMs?: number;
  readonly inspectedBy?: string;
  readonly grade?: Grade;
  readonly reasons?: readonly string[];
  /** By its grade, where the catalogue has a price. */
  readonly valueMinor?: number;
  readonly disposedAtMs?: number;
  readonly disposedBy?: string;
  readonly disposition?: Disposition;
}

export type ReturnOutcome =
  | { readonly ok: true; readonly returnCase: ReturnCase }
  | { readonly ok: false; readonly code: ReturnRefusalCode; readonly message: string };
export type ReturnRefusalCode =
  | "RETURN_UNKNOWN"
  | "RETURN_STATE"
  | "RETURN_GRADE"
  | "RETURN_REPEATED"
  | "RETURN_NOT_SOLD"
  | "KEY_REUSED";

/** Takes what an inspection found; an inspected unit may be inspected again until something became of it. */
export function inspect(
  one: ReturnCase,
  found: {
    readonly grade: Grade;
    readonly reasons: readonly string[];
    readonly by: string;
    readonly atMs: number;
    /** What it would be worth as new, and what share of that it is by its class and grade. */
    readonly priceMinor?: number | undefined;
    readonly valueShare: number;
  },
): ReturnOutcome {
  if (one.state === "disposed") return refused(one, "it has been disposed of");
  const { grade, reasons, by, atMs, priceMinor } = found;
  const value =
    priceMinor === undefined ? {} : { valueMinor: Math.round(priceMinor * found.valueShare) };
  const { valueMinor: _, ...before } = one;
  const inspected = { inspectedAtMs: atMs, inspectedBy: by, grade, reasons, ...value };
  return { ok: true, returnCase: { ...before, ...inspected, state: "inspected" } };
}

/** Decides what becomes of it; the same again changes nothing. */
export function dispose(
  one: ReturnCase,
  { disposition, by, atMs }: { disposition: Disposition; by: string; atMs: number },
): ReturnOutcome {
  if (one.state === "disposed" && one.disposition === disposition)
    return { ok: true, returnCase: one };
  if (one.state !== "inspected" || one.grade === undefined) {
    return refused(
      one,
      one.state === "disposed" ? `it went to ${one.disposition}` : "nobody inspected it yet",
    );
  }
  const allows = gradeAllows[one.grade];
  if (!allows.includes(disposition)) {
    const message = `grade ${one.grade} may go to ${allows.join(", ")}, not to ${disposition}`;
    return { ok: false, code: "RETURN_GRADE", message };
  }
  const disposed = { disposition, disposedAtMs: atMs, disposedBy: by };
  return { ok: true, returnCase: { ...one, ...disposed, state: "disposed" } };
}

/** From where to where a disposition moves the unit. */
export function moveOf({ storeId, location, disposition }: ReturnCase): { from: Place; to: Place } {
  const from: Place = { location, state: "returned" };
  switch (disposition) {
    case "resell":
      return { from, to: { location, state: "sellable" } };
    case "refurbish":
      return { from, to: { location, state: "quality_hold" } };
    case "outlet":
      return { from, to: { location, state: "set_aside" } };
    default:
      return { from, to: { location: `${storeId}/@loss`, state: "damaged" } };
  }
}

function refused({ returnId }: ReturnCase, why: string): ReturnOutcome {
  return { ok: false, code: "RETURN_STATE", message: `return ${returnId}: ${why}` };
}
