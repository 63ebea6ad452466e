// How many digits of a key GS1 gave to the company. A key does not say it: GS1 publishes a table of it ("GCP length
// table", several megabytes, new every few weeks), which is read here and not carried along.

import { z } from "zod";
import type { Elements } from "./element-string.ts";
import { type Gs1Prefix, gs1Prefix8Of, gs1PrefixOf } from "./gs1-prefix.ts";

/** Digits of the company prefix by the first digits of a number; 0 where there is none. */
export type CompanyPrefixTable = ReadonlyMap<string, number>;

const firstDigitCountMax = 12;
const rowSchema = z.object({
  prefix: z.string().regex(/^\d{1,12}$/),
  gcpLength: z.coerce
    .number()
    .int()
    .refine((digits) => digits === 0 || (digits >= 4 && digits <= 12)),
});
/** GS1's own file, as JSON. */
const fileSchema = z.object({
  GCPPrefixFormatList: z.object({ entry: z.array(rowSchema).min(1) }),
});

/** GS1's table from its file (`gcpprefixformatlist.json` or `.xml`); or why it is none. */
export function parseCompanyPrefixTable(
  text: string,
):
  | { readonly ok: true; readonly table: CompanyPrefixTable }
  | { readonly ok: false; readonly reason: string } {
  const file = fileSchema.safeParse(text.trimStart().startsWith("<") ? fromXml(text) : json(text));
  if (file.success) {
    const rows = file.data.GCPPrefixFormatList.entry;
    return { ok: true, table: new Map(rows.map((row) => [row.prefix, row.gcpLength])) };
  }
  const issue = file.error.issues[0]!;
  const place = issue.path.join(".") || "it is neither its JSON nor its XML";
  return {
    ok: false,
    reason: `not GS1's table of company prefix lengths: ${place}: ${issue.message}`,
  };
}

function fromXml(text: string): unknown {
  const entry = Array.from(text.matchAll(/<entry\s([^>]*)>/g), ([, attributes = ""]) => {
    const values = attributes.matchAll(/(\w+)\s*=\s*["']([^"']*)["']/g);
    return Object.fromEntries(Array.from(values, ([, name, value]) => [name, value]));
  });
  return { GCPPrefixFormatList: { entry } };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The company prefix that digits begin with; undefined where the table has none, or there are too few of them. */
export function companyPrefixOf(table: CompanyPrefixTable, digits: string): string | undefined {
  for (let count = Math.min(digits.length, firstDigitCountMax); count > 0; count -= 1) {
    const length = table.get(digits.slice(0, count));
    if (length === undefined) continue;
    return length === 0 || length > digits.length ? undefined : digits.slice(0, length);
  }
  return undefined;
}

/** Keys with a digit before the company prefix: the extension of an SSCC, the indicator of a GTIN, a GRAI's zero. */
const keysWithDigitBefore = ["00", "01", "02", "8003", "8006"];

/** A key's digits from its company prefix on; undefined where an element is no key that begins with one. */
function prefixedDigits([ai, value]: Elements[number]): string {
  const from = keysWithDigitBefore.includes(ai) ? 1 : 0;
  return /^\d*/.exec(value.slice(from))![0];
}

/** Digits of a key's company prefix (TDS 7); undefined where the table has none. The key is the first element. */
export function companyPrefixLengthOf(
  table: CompanyPrefixTable,
  elements: Elements,
): number | undefined {
  const [key] = elements;
  return key && companyPrefixOf(table, prefixedDigits(key))?.length;
}

/** Who gave out a key; its first element is looked at. A GTIN-8 has prefixes of its own. */
export function issuerOf(elements: Elements): Gs1Prefix | undefined {
  const [key] = elements;
  if (key === undefined) return undefined;
  const isGtin8 = key[0] === "01" && /^0{6}[1-9]|^0{7}\d/.test(key[1]);
  return isGtin8 ? gs1Prefix8Of(key[1].slice(6)) : gs1PrefixOf(prefixedDigits(key));
}

/** An SSCC as people read it: extension digit, company prefix and serial (together where it is unknown), check digit. */
export function readableSscc(sscc: string, table: CompanyPrefixTable): string {
  const body = sscc.slice(1, -1);
  const prefix = companyPrefixOf(table, body) ?? "";
  const parts = [sscc[0], prefix, body.slice(prefix.length), sscc.at(-1)];
  return parts.filter((part) => part !== "").join(" ");
}
