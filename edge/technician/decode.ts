// `gondola-edge decode`: what a tag, a label or a frame says, as JSON, one object a line.

import { aiDefinitions } from "../../contract/gs1/ai-table.ts";
import { splitIdentifier } from "../../contract/gs1/aim.ts";
import { type BarcodeContent, itemOf, readBarcode } from "../../contract/gs1/barcode.ts";
import {
  type CompanyPrefixTable,
  companyPrefixLengthOf,
  issuerOf,
  readableSscc,
} from "../../contract/gs1/company-prefix.ts";
import { buildDigitalLink } from "../../contract/gs1/digital-link.ts";
import {
  associationFaults,
  type Elements,
  groupSeparator,
  parseBracketed,
  writeBracketed,
} from "../../contract/gs1/element-string.ts";
import { dateOf, decimalOf } from "../../contract/gs1/element-value.ts";
import { readEpc } from "../../contract/gs1/epc-content.ts";
import { parsePcWord } from "../../contract/gs1/epc-pc-word.ts";
import { rawUri } from "../../contract/gs1/epc-uri.ts";
import { urnOfKeys } from "../../contract/gs1/epc-urn.ts";
import { frameKinds, frameReaders, plain } from "./frame-readers.ts";

/** What is printed of one input; `ok: false` carries the reason. */
export type Decoding = { readonly ok: boolean } & Record<string, unknown>;

/** Longest input that is taken, in characters. */
const inputLengthMax = 100_000;

/** An EPC bank's content in hex; with a PC word before it where `hasPcWord`. */
export function decodeEpcText(text: string, hasPcWord: boolean): Decoding {
  const hex = text.replace(/[\s:-]/g, "").toUpperCase();
  if (!hasPcWord) return { ...readEpc(hex) };
  const word = Number.parseInt(hex.slice(0, 4), 16);
  if (!/^[0-9A-F]{4}/.test(hex)) return { ok: false, reason: "a PC word is four hex digits" };
  const pcWord = parsePcWord(word);
  const epc = hex.slice(4, 4 + 4 * pcWord.epcWordCount);
  if (pcWord.afi !== undefined) {
    const afi = pcWord.afi.toString(16).toUpperCase().padStart(2, "0");
    const reason = `the tag is of ISO application family ${afi}, not of GS1`;
    return {
      ok: false,
      code: "iso",
      reason,
      pcWord,
      rawUri: rawUri(epc, afi),
    };
  }
  return { ...readEpc(epc), pcWord };
}

/** How a label is read: `symbology` is its AIM identifier, `companyPrefixes` GS1's table where there is one. */
export interface LabelOptions {
  readonly symbology?: string | undefined;
  readonly companyPrefixes?: CompanyPrefixTable | undefined;
}

/** What a scanner read. `{GS}` stands for the group separator. */
export function decodeBarcodeText(text: string, options: LabelOptions, nowMs: number): Decoding {
  const bracketed = text.startsWith("(") ? parseBracketed(text) : undefined;
  const split = bracketed ? { data: text } : splitIdentifier(text);
  const data = split.data.replaceAll("{GS}", groupSeparator);
  const scan = { data, symbology: options.symbology ?? split.symbology };
  if (bracketed?.ok === false) return { ...bracketed, data };
  const content: BarcodeContent = bracketed
    ? { kind: "elements", elements: bracketed.elements }
    : readBarcode(scan);
  const elements = content.kind === "elements" ? content.elements : undefined;
  const item = itemOf(content, nowMs);
  return {
    ...item,
    data,
    ...(elements === undefined ? {} : described(elements, nowMs)),
    ...issued(elements ?? (item.ok ? [["01", item.gtin]] : []), options.companyPrefixes),
  };
}

function described(elements: Elements, nowMs: number) {
  const faults = associationFaults(elements);
  const link = buildDigitalLink(elements);
  return {
    elements: elements.map(([ai, value]) => ({
      ai,
      title: aiDefinitions.get(ai)?.title,
      value,
      ...dateOf(ai, value, nowMs),
      ...decimalOf(ai, value),
    })),
    elementString: writeBracketed(elements),
    ...(link.ok ? { digitalLink: link.uri } : {}),
    ...(faults.length === 0 ? {} : { warnings: faults }),
  };
}

/** Who gave out the key of a label; with GS1's table also where its company prefix ends, and what follows from that. */
function issued(elements: Elements, table: CompanyPrefixTable | undefined) {
  const issuer = issuerOf(elements)?.usage;
  const prefixLength = table && companyPrefixLengthOf(table, elements);
  const urn = prefixLength === undefined ? undefined : urnOfKeys(elements, prefixLength);
  const [[ai, key] = []] = elements;
  return {
    issuer,
    companyPrefixLength: prefixLength,
    urn: urn?.ok ? urn.uri : undefined,
    readableSscc: ai === "00" && table && key ? readableSscc(key, table) : undefined,
  };
}

/** The frames of a kind in some bytes, given as hex or as the device's text; what belongs to none is told too. */
export async function decodeFrames(kind: string, text: string): Promise<Decoding[]> {
  const open = Object.hasOwn(frameReaders, kind) ? frameReaders[kind] : undefined;
  if (open === undefined) {
    return [
      { ok: false, reason: `no frames of kind "${kind}"; the kinds are ${frameKinds.join(", ")}` },
    ];
  }
  const { decoder, read, textEnd } = await open();
  const hex = text.replace(/0x|[\s,:-]/gi, "");
  const isHex = /^([0-9a-f]{2})+$/i.test(hex);
  if (!isHex && textEnd === undefined) return [{ ok: false, reason: notHex(text, hex) }];
  const found = decoder.push(isHex ? Buffer.from(hex, "hex") : Buffer.from(`${text}${textEnd}`));
  while (decoder.pendingByteCount > 0) found.push(...decoder.idle());
  return found.map((item) => {
    if (item.kind === "discarded") {
      const { reason, byteCount } = item;
      return { ok: false, reason, byteCount, hint: discardHints[reason] };
    }
    return { ok: true, frame: plain(item.frame), ...read(item.frame) };
  });
}

/** What to do about bytes that are no frame, by the reason. */
const discardHints: Readonly<Record<string, string>> = {
  incomplete: "the frame goes on behind these bytes: give all of it",
  noise: "no frame of this kind begins here: another kind, or bytes missing in front?",
  checksum: "damaged on the line, or another kind of device",
  too_long: "no line end came: another kind, or another speed?",
  no_unit: "the line has no unit: set the scale's option `unit`",
};

function notHex(text: string, hex: string): string {
  const at = text.replace(/0x/gi, "  ").search(/[^0-9a-f\s,:-]/i);
  if (at >= 0) return `bytes are pairs of hex digits; "${text[at]}" at ${at + 1} is none`;
  return `bytes are pairs of hex digits; ${hex.length === 0 ? "none is given" : `${hex.length} digits are an odd number`}`;
}

/** Decodes every input and prints the results; gives the number of refusals. */
export async function decodeAll(
  inputs: readonly string[],
  decode: (text: string) => Decoding[] | Promise<Decoding[]>,
  print: (line: string) => void,
): Promise<number> {
  let refusalCount = 0;
  for (const input of inputs) {
    const tooLong = { ok: false, reason: `longer than ${inputLengthMax} characters` };
    const decodings = input.length > inputLengthMax ? [tooLong] : await decode(input);
    for (const decoding of decodings) {
      if (!decoding.ok) refusalCount += 1;
      print(`${JSON.stringify({ input: input.slice(0, 200), ...decoding })}\n`);
    }
  }
  return refusalCount;
}
