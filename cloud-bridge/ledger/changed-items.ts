// Whose stock level changes with posted entries.

import type { Entry } from "../../contract/stock.ts";
import type { Posted } from "./types.ts";

/** The products of entries, each once for each store; a tag that is not GS1 has no level. */
export function changedItemsOf(
  entries: readonly Pick<Entry, "storeId" | "item">[],
): Posted["changedItems"] {
  const items = new Map<string, { storeId: string; gtin: string }>();
  for (const { storeId, item } of entries) {
    if (!item.startsWith("epc/")) items.set(`${storeId}/${item}`, { storeId, gtin: item });
  }
  return [...items.values()];
}
