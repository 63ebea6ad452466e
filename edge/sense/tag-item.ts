// The item a tag stands for.

import type { Item } from "../../contract/event.ts";
import { decodeEpc } from "../../contract/gs1/epc.ts";
import { restrictedUse } from "../../contract/gs1/restricted.ts";
import type { EpcHex } from "../../contract/units.ts";

/** GTIN and serial of an SGTIN-96; any other tag, and one with a store-local number, is its EPC alone. */
export function itemOfTag(epc: EpcHex): Item {
  const identity = decodeEpc(epc);
  if (!identity.ok || restrictedUse(identity.gtin) !== undefined) return { epc };
  return { gtin: identity.gtin, serial: identity.serial, epc };
}
