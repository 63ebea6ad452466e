import {
  type CompanyPrefixTable,
  parseCompanyPrefixTable,
} from "../../../contract/gs1/company-prefix.ts";

/** A table as GS1's file of JSON would give it. */
export function companyPrefixTable(lengths: Readonly<Record<string, number>>): CompanyPrefixTable {
  const entry = Object.entries(lengths).map(([prefix, gcpLength]) => ({ prefix, gcpLength }));
  const parsed = parseCompanyPrefixTable(JSON.stringify({ GCPPrefixFormatList: { entry } }));
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.table;
}
