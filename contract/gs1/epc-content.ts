// What the EPC memory of a tag says, whatever the scheme; and what it is when it says nothing of GS1. A
// tag that is no EPC is never an error: it stays known by its bytes, under a code that can be counted.

import { buildDigitalLink } from "./digital-link.ts";
import { type Elements, writeBracketed } from "./element-string.ts";
import { readPlus } from "./epc-plus.ts";
import { readScheme, writeScheme } from "./epc-schemes.ts";
import { elementsOf, parseTagUri, pureIdentityUri, rawUri, tagUri } from "./epc-uri.ts";

/** Why a tag is no EPC. */
export type EpcRefusalCode =
  | "unprogrammed" // header 00: never written
  | "tid_as_epc" // header E2: a chip's identity, or a maker's test pattern
  | "header_reserved" // a header no scheme has
  | "malformed"; // a scheme's header, and content that the scheme does not allow (TDS 14.4)

/** An EPC of any scheme, in every way of writing it. */
export interface EpcContent {
  /** As in TDS 2.3 table 14-1, like `SGTIN-96` or `SGTIN+`. */
  readonly scheme: string;
  readonly filter?: number;
  /** Absent in the schemes of TDS 2.x, which have none. */
  readonly pureIdentityUri?: string;
  readonly tagUri?: string;
  /** Absent for GID, USDoD and ADI, which are no GS1 keys. */
  readonly elements?: Elements;
  readonly elementString?: string;
  readonly digitalLink?: string;
  /** Company prefix, reference, serial: the parts of the URI, unescaped. */
  readonly parts?: readonly string[];
  /** Bits of further data behind the EPC (TDS 15.3), which are not decoded. */
  readonly aidcBitCount?: number;
}

/** What a tag says, or why that is nothing of GS1. */
export type EpcReading =
  | ({ readonly ok: true } & EpcContent)
  | {
      readonly ok: false;
      readonly code: EpcRefusalCode;
      readonly reason: string;
      readonly rawUri: string;
    };

/** Reads the content of an EPC memory bank, in hex, behind the PC word. */
export function readEpc(hex: string): EpcReading {
  const refuse = (code: EpcRefusalCode, reason: string): EpcReading => {
    return { ok: false, code, reason, rawUri: rawUri(hex.toUpperCase()) };
  };
  if (!/^[0-9A-Fa-f]{2,}$/.test(hex)) return refuse("malformed", "not hexadecimal");
  const old = readScheme(hex);
  if (old?.ok === false) return refuse("malformed", old.reason);
  if (old !== undefined) {
    const { scheme, family, filter, parts } = old.epc;
    return {
      ok: true,
      scheme,
      ...(filter === undefined ? {} : { filter }),
      pureIdentityUri: pureIdentityUri(family, parts),
      tagUri: tagUri(scheme, filter, parts),
      parts,
      ...written(elementsOf(family, parts)),
    };
  }
  const plus = readPlus(hex);
  if (plus?.ok === false) return refuse("malformed", plus.reason);
  if (plus !== undefined) {
    const { elements, host, ...rest } = plus.epc;
    return { ok: true, ...rest, ...written(elements, host) };
  }
  const header = hex.slice(0, 2).toUpperCase();
  if (header === "00") return refuse("unprogrammed", "header 00: the tag was never programmed");
  if (header === "E2") return refuse("tid_as_epc", "header E2: a chip's own number, no EPC");
  return refuse("header_reserved", `no scheme has header ${header}`);
}

function written(elements: Elements | undefined, host?: string): Partial<EpcContent> {
  if (elements === undefined) return {};
  const link = buildDigitalLink(elements, host === undefined ? undefined : `https://${host}`);
  const elementString = writeBracketed(elements);
  return { elements, elementString, ...(link.ok ? { digitalLink: link.uri } : {}) };
}

/** Writes the EPC that a tag URI names (`urn:epc:tag:sgtin-96:1.0614141.812345.6789`) as hex words. */
export function encodeTagUri(
  uri: string,
): { readonly ok: true; readonly hex: string } | { readonly ok: false; readonly reason: string } {
  const parsed = parseTagUri(uri);
  return parsed.ok ? writeScheme(parsed) : parsed;
}
