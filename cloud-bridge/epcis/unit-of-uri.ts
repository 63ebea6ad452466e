// What a URI or the content of a tag names, in the ledger's words: a unit, a lot or a product, or a logistic unit.

import { parseDigitalLink } from "../../contract/gs1/digital-link.ts";
import { decodeEpc } from "../../contract/gs1/epc.ts";
import { epcHexSchema } from "../../contract/units.ts";
import { canonicalUri } from "./places.ts";

/** `item` as the ledger has it, a GTIN or `epc/HEX`; `sscc/…` for a logistic unit, which the ledger has not. */
export interface NamedUnit {
  readonly item: string;
  readonly serial?: string;
  readonly lot?: string;
}

/** Reads a Digital Link of any domain, a URN of an EPC or of a class, or an EPC as hex; undefined for anything else. */
export function unitOfUri(text: string): NamedUnit | undefined {
  const raw = /^urn:epc:raw:\d+\.x([0-9A-Fa-f]+)$/.exec(text)?.[1] ?? text;
  const epc = epcHexSchema.safeParse(raw.toUpperCase());
  if (epc.success) {
    const identity = decodeEpc(epc.data);
    if (!identity.ok) return { item: `epc/${epc.data}` };
    return { item: identity.gtin, serial: identity.serial };
  }
  const link = parseDigitalLink(canonicalUri(text));
  if (!link.ok) return undefined;
  const values = new Map(link.elements);
  const sscc = values.get("00");
  if (sscc !== undefined) return { item: `sscc/${sscc}` };
  const item = values.get("01");
  if (item === undefined) return undefined;
  const [serial, lot] = [values.get("21"), values.get("10")];
  if (serial !== undefined) return { item, serial };
  return lot === undefined ? { item } : { item, lot };
}
