// The canonical GS1 Digital Link of a serialised item, without its domain: the internal key of a unit.

import type { Gtin } from "../units.ts";

/** Key of one unit: `01/{gtin14}/21/{serial}`. */
export function serialKey(gtin: Gtin, serial: string): string {
  return `01/${gtin}/21/${percentEncoded(serial)}`;
}

/**
 * A value as a Digital Link carries it: everything but unreserved characters percent-encoded with
 * upper-case hex (GS1 Digital Link: URI Syntax, 2.4).
 */
export function percentEncoded(value: string): string {
  // encodeURIComponent leaves these five alone; they are reserved in a URI (RFC 3986 2.2).
  return encodeURIComponent(value).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
