// The item a tag stands for.

import type { Item } from "../../contract/event.ts";
import { identifyTag } from "../../contract/gs1/identify.ts";
import type { EpcHex } from "../../contract/units.ts";
import type { Count } from "./machine.ts";

/**
 * GTIN and serial of a tag of any SGTIN scheme. Any other tag, and one with a store-local number, is its
 * EPC alone: the ledger puts it into the unknown bin. Counted as `tags_without_item_` and the reason's code.
 */
export function itemOfTag(epc: EpcHex, count: Count): Item {
  const identity = identifyTag(epc);
  if (identity.ok) return identity.item;
  count(`tags_without_item_${identity.code}`);
  return { epc };
}
