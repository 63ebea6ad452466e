// Facts of tills and ERPs as a CSV file: columns by their names in the first line, a fact a line. Pure. What of a file
// is posted, and in which parts, follows from the file alone, so that a file that is read again posts nothing twice.

import { createHash } from "node:crypto";
import { z } from "zod";
import { itemSchema } from "../contract/event.ts";
import { idSchema, isWithin, locationSchema } from "../contract/units.ts";
import { gtinParameter } from "./api/parameters.ts";
import { type CsvRecord, csvField, parseCsv } from "./csv.ts";
import { issueMessage } from "./issue-message.ts";
import {
  type Fact,
  type FactRequest,
  factAheadMsMax,
  factCountMax,
  factItem,
  factKinds,
} from "./ledger/facts.ts";

/** Lines of one file. */
export const factLineCountMax = 100_000;

const columns = [
  ...["kind", "store", "occurredAt", "gtin", "serial", "lot", "expiry"],
  ...["quantity", "location", "referenceType", "reference"],
];
const needed = ["kind", "store", "occurredAt", "gtin"];

const { serial, lot, expiry } = itemSchema.shape;
const lineSchema = z
  .strictObject({
    kind: z.enum(factKinds, { error: `must be one of ${factKinds.join(", ")}` }),
    store: idSchema,
    occurredAt: z.iso.datetime({ offset: true, error: "must be like 2026-11-27T09:30:00+01:00" }),
    gtin: gtinParameter,
    ...{ serial, lot, expiry },
    quantity: z
      .string()
      .regex(/^[1-9]\d{0,5}$/, "must be a whole number, 1..999999")
      .transform(Number)
      .default(1),
    location: locationSchema.optional(),
    referenceType: z.string().max(40).default("receipt"),
    reference: z.string().max(100).optional(),
  })
  .refine((line) => line.serial === undefined || line.quantity === 1, {
    path: ["quantity"],
    error: "a unit with a serial is one unit",
  })
  .refine((line) => line.location === undefined || isWithin(line.location, line.store), {
    path: ["location"],
    error: "lies outside the store",
  });

/** A line that is not posted, and why. */
export interface RefusedLine extends CsvRecord {
  readonly reason: string;
}

/** What a file asks for. */
export interface FactFile {
  readonly requests: readonly (FactRequest & { readonly records: readonly CsvRecord[] })[];
  readonly refused: readonly RefusedLine[];
  readonly header: readonly string[];
}

/** A file as it was dropped. */
export interface DroppedFile {
  readonly name: string;
  readonly text: string;
  /** Nothing in it can have happened much later. */
  readonly writtenAtMs: number;
}

/** Reads a file of one source; a text says why none of it can be read. */
export function readFactCsv(
  { name, text, writtenAtMs }: DroppedFile,
  sourceId: string,
): FactFile | string {
  const parsed = parseCsv(text, factLineCountMax + 1);
  if (!parsed.ok) return `line ${parsed.line}: ${parsed.message}`;
  const [head, ...records] = parsed.records;
  const header = head?.fields.map((field) => field.trim()) ?? [];
  const isKnown = header.every((column) => columns.includes(column));
  const isWhole = needed.every((column) => header.includes(column));
  if (!isKnown || !isWhole || new Set(header).size < header.length) {
    return `line 1: has to name columns, each once, ${needed.join(", ")} among them: ${columns.join(", ")}`;
  }
  const refused: RefusedLine[] = [];
  const byStore = new Map<string, { fact: Fact; record: CsvRecord }[]>();
  for (const record of records) {
    const line = factOf(record, header, writtenAtMs + factAheadMsMax);
    if (typeof line === "string") {
      refused.push({ ...record, reason: line });
      continue;
    }
    const own = byStore.get(line.storeId) ?? [];
    byStore.set(line.storeId, own);
    own.push({ fact: line.fact, record });
  }
  const digest = createHash("sha256").update(text).digest("hex");
  const requests = [...byStore].flatMap(([storeId, lines]) =>
    Array.from({ length: Math.ceil(lines.length / factCountMax) }, (_, part) => {
      const some = lines.slice(part * factCountMax, (part + 1) * factCountMax);
      return {
        // A name that is too long for a key is no shorter than its digest.
        key: `csv/${createHash("sha256").update(name).digest("hex").slice(0, 16)}/${digest.slice(0, 32)}/${part}`,
        ...{ storeId, sourceId, digest, facts: some.map(({ fact }) => fact) },
        records: some.map(({ record }) => record),
      };
    }),
  );
  return { requests, refused, header };
}

/** A file of refused lines: as they came, with their numbers and why. */
export function refusedCsv(header: readonly string[], lines: readonly RefusedLine[]): string {
  const rows = [...lines]
    .sort((one, other) => one.line - other.line)
    .map(({ line, reason, fields }) => [String(line), reason, ...fields]);
  return [["line", "reason", ...header], ...rows]
    .map((fields) => `${fields.map(csvField).join(",")}\r\n`)
    .join("");
}

function factOf(
  { fields }: CsvRecord,
  header: readonly string[],
  lastAtMs: number,
): { storeId: string; fact: Fact } | string {
  if (fields.length !== header.length) {
    return `there are ${fields.length} fields, and ${header.length} columns`;
  }
  const said = header.map((name, at) => [name, fields[at]!.trim()] as const);
  const line = lineSchema.safeParse(Object.fromEntries(said.filter(([, value]) => value !== "")));
  if (!line.success) {
    return line.error.issues
      .map((issue) => `${issue.path.join(".")}: ${issueMessage(issue)}`)
      .join("; ");
  }
  const { kind, store, occurredAt, quantity, location, referenceType, reference } = line.data;
  if (Date.parse(occurredAt) > lastAtMs) return "occurredAt: lies after the file was written";
  const item = factItem(line.data);
  const fact: Fact = {
    ...{ kind, occurredAtMs: Date.parse(occurredAt), item, quantity },
    ...(location === undefined ? {} : { location }),
    ...(reference === undefined ? {} : { reference: { type: referenceType, id: reference } }),
  };
  return { storeId: store, fact };
}
