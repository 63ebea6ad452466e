// Words and numbers that every message uses: branded where two strings are easily swapped, and
// bounded everywhere. Units stand last in a name (`...AtMs` is Unix time, `...Ms` a duration).

import { z } from "zod";

/** Words that topics use and that are therefore no ids. */
export const reservedIds = ["p", "stock", "entries", "alerts", "epcis", "plan", "sold"] as const;

/** A store, edge or device id. */
export const idSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "an id is 1-32 of a-z, 0-9 and -, not beginning with -")
  .refine((id) => !(reservedIds as readonly string[]).includes(id), "this word is reserved");

/** Begins the ids under which the ledger keeps sources over HTTP. */
export const feedPrefix = "feed-";
/** The id of an edge. */
export const edgeIdSchema = idSchema.refine(
  (id) => !id.startsWith(feedPrefix),
  `ids that begin with ${feedPrefix} are of sources over HTTP`,
);

/** A location: `store/name/name`; a virtual one has an `@` name: `s0042/@basket`. */
export const locationSchema = z
  .string()
  .max(200)
  .regex(
    /^[a-z0-9][a-z0-9-]{0,31}(\/@?[a-z0-9][a-z0-9-]{0,63}){0,6}$/,
    "a location is a path of names, like s0042/floor/gondola-3",
  );

/** Whether who is there has passed an exit: `s0042/@exit`, or a place in it where a store has several. */
export function isExit(location: string): boolean {
  return /\/@exit(\/|$)/.test(location);
}

/** A name or a reason: no control characters, and no halves of a character, which no UTF-8 can hold. */
export const shortTextSchema = z
  .string()
  .regex(/^[^\p{Cc}\p{Cs}]{1,100}$/u, "must be 1-100 characters of text");

/** GTIN-14 as 14 digits with a right check digit. */
export type Gtin = string & z.$brand<"Gtin">;
export const gtinSchema = z
  .string()
  .regex(/^\d{14}$/, "a GTIN is written as 14 digits")
  .refine(hasGtinCheckDigit, "the GTIN's check digit is wrong")
  .brand<"Gtin">();

/** An EPC memory bank's content as upper-case hex words. */
export type EpcHex = string & z.$brand<"EpcHex">;
export const epcHexSchema = z
  .string()
  .regex(/^([0-9A-F]{4}){1,31}$/, "an EPC is upper-case hex of whole 16-bit words")
  .brand<"EpcHex">();

/** Unix time in milliseconds. Dead clocks say 2000-01-01 or 1970-01-01, so any past is legal. */
export const atMsSchema = z.int().min(0).max(8_640_000_000_000);
/** A duration in milliseconds. */
export const durationMsSchema = z.int().min(0);
/** A sequence within an outbox, counted from 1. */
export const sequenceSchema = z.int().min(1);
/** A probability. */
export const confidenceSchema = z.number().min(0).max(1);
/** SHA-256 as lower-case hex. */
export const digestSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "a digest is 64 lower-case hex digits");
/** A random id of an outbox, a boot or a question. */
export const randomIdSchema = z.string().regex(/^[0-9a-f-]{8,40}$/);

export const stockStates = [
  "sellable",
  "set_aside",
  "returned",
  "quality_hold",
  "damaged",
] as const;
/** State of stock at a location. */
export const stockStateSchema = z.enum(stockStates);
export type StockState = z.infer<typeof stockStateSchema>;

/** The store a location belongs to: its first name. */
export function storeOf(location: string): string {
  const slash = location.indexOf("/");
  return slash < 0 ? location : location.slice(0, slash);
}

/** Whether `location` is `ancestor` or lies below it. */
export function isWithin(location: string, ancestor: string): boolean {
  return location === ancestor || location.startsWith(`${ancestor}/`);
}

// GS1 General Specifications 7.9: weights 3,1,3,... from the right, the check digit itself excluded.
function hasGtinCheckDigit(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length - 1; index += 1) {
    const weight = (digits.length - index) % 2 === 0 ? 3 : 1;
    sum += weight * (digits.charCodeAt(index) - 48);
  }
  return (10 - (sum % 10)) % 10 === digits.charCodeAt(digits.length - 1) - 48;
}
