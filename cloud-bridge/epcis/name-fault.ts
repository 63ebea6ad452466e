// What is wrong with a name that a query or an event gives a unit, a class, a place or the like. Any URI may be a name;
// one that is written as a key of GS1 must be one, as it would find nothing, or be found by nobody. Pure.

import { hasCheckDigit } from "../../contract/gs1/check-digit.ts";
import { parseDigitalLink } from "../../contract/gs1/digital-link.ts";
import { parsePureIdentityUri } from "../../contract/gs1/epc-uri.ts";
import { keysOfUrn } from "../../contract/gs1/epc-urn.ts";
import { epcHexSchema } from "../../contract/units.ts";

/** Undefined where nothing is. */
export function nameFault(text: string): string | undefined {
  const fault = uriFault(text);
  return fault === undefined ? undefined : `${text.slice(0, 200)}: ${fault}`;
}

/** The same of a unit in a query, which may be the content of a tag as well. */
export function unitFault(text: string): string | undefined {
  return epcHexSchema.safeParse(text.toUpperCase()).success ? undefined : nameFault(text);
}

function uriFault(text: string): string | undefined {
  if (!/^[A-Za-z][A-Za-z\d+.-]*:\S+$/.test(text)) return "must be a URI";
  if (text.startsWith("urn:epc:id:")) return reasonOf(parsePureIdentityUri(text));
  // Of a pattern the serial alone may be open here; wider ones name no class.
  if (/^urn:epc:(class:lgtin|idpat:(sgtin|itip|upui|cpi|grai|gdti|sgcn)):[^*]*(\.\*)?$/.test(text))
    return reasonOf(keysOfUrn(text));
  if (/^https?:\/\/id\.gs1\.org\//i.test(text))
    return reasonOf(parseDigitalLink(text, { hasShortGtins: true, hasNames: true }));
  return /^https?:/i.test(text) ? keyFault(text) : undefined;
}

function reasonOf(read: { readonly ok: true } | { readonly ok: false; readonly reason: string }) {
  return read.ok ? undefined : read.reason;
}

/** Keys that are digits with a check digit behind them, as a link of any domain has them. */
const keys = /\/(00\/\d{18}|01\/\d{14}|402\/\d{17}|41[47]\/\d{13}|801[78]\/\d{18})(?=[/?#]|$)/;

function keyFault(link: string): string | undefined {
  const [ai = "", digits = ""] = keys.exec(link.split(/[?#]/)[0]!)?.[1]?.split("/") ?? [];
  if (ai === "" || hasCheckDigit(digits)) return undefined;
  return `(${ai}) ${digits} has a wrong check digit`;
}
