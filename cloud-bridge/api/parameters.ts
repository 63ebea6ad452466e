// Parameters that several routes take.

import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { gtinSchema, idSchema } from "../../contract/units.ts";
import { checked, ProblemError } from "./problem.ts";

/** Which stores the bridge knows. */
export interface Stores {
  has(storeId: string): Promise<boolean>;
}

/** The store of a path. */
export const storeParams = z.strictObject({ store: idSchema });

/** A GTIN-8, -12, -13 or -14 as its 14 digits. */
export const gtinParameter = z
  .string()
  .regex(/^(\d{8}|\d{12,14})$/, "a GTIN has 8, 12, 13 or 14 digits")
  .transform((digits) => digits.padStart(14, "0"))
  .pipe(gtinSchema);

/** A problem for a store that nobody heard of; `parameter` is what names it. */
export async function requireStore(
  stores: Stores,
  storeId: string,
  parameter = "store",
): Promise<void> {
  if (await stores.has(storeId)) return;
  const detail = `store ${storeId} has neither a plan nor an edge that reported`;
  const errors = [{ parameter, message: detail }];
  throw new ProblemError("store_unknown", detail, { errors });
}

/** A reason or a cause, as a code. */
export const wordParameter = z
  .string()
  .regex(/^[a-z][a-z0-9_]{2,63}$/, "must be lower-case words joined by _");

/** A number of units. */
export function wholeParameter(min: number, max: number) {
  const error = `must be a whole number, ${min}..${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** Whether a list is of what is still open, or of all. */
export const openParameter = z
  .enum(["open", "all"], { error: "must be open or all" })
  .default("open");

/** Items of a list at once. */
export const pageCountMax = 1000;
const limitError = { error: `must be 1..${pageCountMax}` };

/** How many items of a list. */
export const limitParameter = z.coerce
  .number(limitError)
  .int(limitError)
  .min(1, limitError)
  .max(pageCountMax, limitError)
  .default(100);

/** Where a list goes on: `next` of the page before, made of what `schema` reads. */
export function cursorParameter<T>(schema: z.ZodType<T, string>) {
  return z
    .string()
    .max(1000)
    .transform((cursor, context) => {
      const result = schema.safeParse(Buffer.from(cursor, "base64url").toString("utf8"));
      if (result.success) return result.data;
      context.addIssue({ code: "custom", message: "must be `next` of the page before" });
      return z.NEVER;
    });
}

/** A page of a list; a full one may have a next one. */
export function page<T>(items: T[], countMax: number, cursorOf: (item: T) => string | number) {
  const last = items.at(-1);
  if (last === undefined || items.length < countMax) return { items };
  return { items, next: cursorText(cursorOf(last)) };
}

/** A cursor as it is given out; `cursorParameter` reads it. */
export function cursorText(cursor: string | number): string {
  return Buffer.from(String(cursor)).toString("base64url");
}

/** The answer of a list. */
export function pageSchema<T extends z.ZodType>(item: T) {
  return z.strictObject({ items: z.array(item), next: z.string().optional() });
}

/** A number as a cursor holds it. */
export const numberInText = z
  .string()
  .regex(/^\d{1,15}$/, "must be a whole number of 1 to 15 digits")
  .transform(Number);

/** A time and an id as a cursor holds them: rows of one millisecond need both. */
export function timeAndIdInText(id: RegExp) {
  return z
    .string()
    .regex(new RegExp(`^\\d{1,15}/${id.source}$`))
    .transform((text): readonly [number, string] => {
      const at = text.indexOf("/");
      return [Number(text.slice(0, at)), text.slice(at + 1)];
    });
}

const idempotencyKey = z
  .string({ error: "this header must be given, so that a request sent twice is done once" })
  .regex(/^[\x21-\x7e]{1,200}$/, "must be 1-200 printable characters");
const keyHeader = z.strictObject({ "Idempotency-Key": idempotencyKey });

/** The key by which a request that is sent twice is one; a problem without it. */
export function idempotencyKeyOf({ headers }: Pick<FastifyRequest, "headers">): string {
  return checked(keyHeader, { "Idempotency-Key": headers["idempotency-key"] })["Idempotency-Key"];
}

/** A problem for a key that came with another body. */
export function keyReused(message: string): ProblemError {
  const errors = [{ parameter: "Idempotency-Key", message }];
  return new ProblemError("key_reused", message, { code: "KEY_REUSED", errors });
}
