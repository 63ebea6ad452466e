// The catalogue as a CSV file: columns by their names in the first line, in any order; an empty field says nothing. Pure.

import type { z } from "zod";
import { type CatalogueProduct, catalogueProductSchema } from "../../../contract/catalogue.ts";
import { csvField, parseCsv } from "../../csv.ts";
import { issueMessage } from "../../issue-message.ts";

/** Products of one catalogue. */
export const catalogueCountMax = 200_000;
/** What is wrong with a file is told of so many fields. */
const problemCountMax = 20;

const columns = [
  ...["gtin", "name", "unitWeightGrams", "unitWeightSdGrams"],
  ...["class", "priceMinor", "currency", "owner"],
] as const;
type Column =
  | "gtin"
  | "name"
  | "unitWeightGrams"
  | "unitWeightSdGrams"
  | "class"
  | "priceMinor"
  | "currency"
  | "owner";

/** What is wrong with a field. */
export interface CsvProblem {
  readonly line: number;
  readonly column: string;
  readonly message: string;
}

export type CatalogueFile =
  | {
      readonly ok: true;
      readonly products: readonly CatalogueProduct[];
      /** What no column speaks of: it stays as it is. */
      readonly kept: readonly (keyof CatalogueProduct)[];
    }
  | { readonly ok: false; readonly problems: readonly CsvProblem[] };

/** Reads a file, whole or not at all. */
export function readCatalogueCsv(text: string): CatalogueFile {
  const parsed = parseCsv(text, catalogueCountMax + 1);
  if (!parsed.ok) return failed([{ ...parsed, column: "" }]);
  const [head, ...records] = parsed.records;
  const names = head?.fields.map((name) => name.trim()) ?? [];
  const unknown = names.find((name) => !(columns as readonly string[]).includes(name));
  if (
    head === undefined ||
    unknown !== undefined ||
    new Set(names).size < names.length ||
    !names.includes("gtin")
  ) {
    const message = `the first line has to name columns, each once, gtin among them: ${columns.join(", ")}`;
    return failed([{ line: head?.line ?? 1, column: unknown ?? "", message }]);
  }
  const problems: CsvProblem[] = [];
  const products: CatalogueProduct[] = [];
  const lines = new Map<string, number>();
  for (const { line, fields } of records) {
    if (problems.length >= problemCountMax) break;
    if (fields.length !== names.length) {
      const message = `there are ${fields.length} fields, and ${names.length} columns`;
      problems.push({ line, column: "", message });
      continue;
    }
    const values = new Map(names.map((name, at) => [name, fields[at]!.trim()]));
    const read = productOf(values);
    if (!read.success) {
      problems.push(...read.error.issues.map((issue) => problemOf(line, issue, values)));
    } else if (lines.has(read.data.gtin)) {
      const message = `the product stands in line ${lines.get(read.data.gtin)} already`;
      problems.push({ line, column: "gtin", message });
    } else {
      lines.set(read.data.gtin, line);
      products.push(read.data);
    }
  }
  if (problems.length > 0) return failed(problems);
  const kept = columns.flatMap((column) => {
    if (column === "currency" || names.includes(column)) return [];
    return column === "priceMinor" ? "price" : column;
  });
  return { ok: true, products, kept };
}

/** Writes a file that `readCatalogueCsv` reads. */
export function catalogueCsv(products: Iterable<CatalogueProduct>): string {
  const rows = [...products].map(({ price, ...product }) => {
    const fields: Partial<Record<Column, string | number | undefined>> = {
      ...product,
      priceMinor: price?.amountMinor,
      currency: price?.currency,
    };
    return columns.map((column) => csvField(String(fields[column as Column] ?? ""))).join(",");
  });
  return `${[columns.join(","), ...rows].join("\r\n")}\r\n`;
}

function productOf(fields: ReadonlyMap<string, string>) {
  const text = (name: Column) => fields.get(name) || undefined;
  const number = (name: Column) => {
    const value = text(name);
    return value !== undefined && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  };
  const [amountMinor, currency] = [number("priceMinor"), text("currency")];
  const hasPrice = amountMinor !== undefined || currency !== undefined;
  const product = {
    gtin: text("gtin")?.padStart(14, "0"),
    ...{ name: text("name"), class: text("class"), owner: text("owner") },
    ...{
      unitWeightGrams: number("unitWeightGrams"),
      unitWeightSdGrams: number("unitWeightSdGrams"),
    },
    price: hasPrice ? { amountMinor, currency } : undefined,
  };
  const said = Object.entries(product).filter(([, value]) => value !== undefined);
  return catalogueProductSchema.safeParse(Object.fromEntries(said));
}

function problemOf(
  line: number,
  issue: z.core.$ZodIssue,
  values: ReadonlyMap<string, string>,
): CsvProblem {
  const name = String(issue.path.at(-1) ?? "");
  const column = name === "amountMinor" ? "priceMinor" : name;
  const value = values.get(column) ?? "";
  const message = issueMessage(issue);
  return {
    line,
    column,
    message: value === "" ? message : `${message}, got ${value.slice(0, 50)}`,
  };
}

function failed(problems: readonly CsvProblem[]): CatalogueFile {
  return { ok: false, problems: problems.slice(0, problemCountMax) };
}
