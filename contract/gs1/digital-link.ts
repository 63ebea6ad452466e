// The canonical GS1 Digital Link of a serialised item, without its domain: the internal key of a unit.

import type { Gtin } from "../units.ts";

/**
 * Key of one unit: `01/{gtin14}/21/{serial}`. Everything but unreserved characters is percent-encoded
 * with upper-case hex (GS1 Digital Link: URI Syntax, 2.4).
 */
export function serialKey(gtin: Gtin, serial: string): string {
  return `01/${gtin}/21/${encodeURIComponent(serial).replace(/[!'()*]/g, percentEncoded)}`;
}

// encodeURIComponent leaves these five alone; they are reserved in a URI (RFC 3986 2.2).
function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
