// `gondola-edge decode`: what a tag, a label or a frame says, as JSON, one object a line.

import { aiDefinitions } from "../../contract/gs1/ai-table.ts";
import { type BarcodeContent, itemOf, readBarcode } from "../../contract/gs1/barcode.ts";
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

/** What a scanner read; `symbology` is its AIM identifier. `{GS}` stands for the group separator. */
export function decodeBarcodeText(
  text: string,
  symbology: string | undefined,
  nowMs: number,
): Decoding {
  const bracketed = text.startsWith("(") ? parseBracketed(text) : undefined;
  const prefixed = /^(\][A-Za-z][0-9A-Za-z])(.*)$/s.exec(bracketed ? "" : text);
  const data = (prefixed?.[2] ?? text).replaceAll("{GS}", groupSeparator);
  const scan = { data, symbology: symbology ?? prefixed?.[1] };
  if (bracketed?.ok === false) return { ...bracketed, data };
  const content: BarcodeContent = bracketed
    ? { kind: "elements", elements: bracketed.elements }
    : readBarcode(scan);
  const elements = content.kind === "elements" ? content.elements : undefined;
  return {
    ...itemOf(content, nowMs),
    data,
    ...(elements === undefined ? {} : described(elements, nowMs)),
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
  if (!isHex && textEnd === undefined)
    return [{ ok: false, reason: "bytes are pairs of hex digits" }];
  const found = decoder.push(isHex ? Buffer.from(hex, "hex") : Buffer.from(`${text}${textEnd}`));
  while (decoder.pendingByteCount > 0) found.push(...decoder.idle());
  return found.map((item) => {
    if (item.kind === "discarded")
      return { ok: false, reason: item.reason, byteCount: item.byteCount };
    return { ok: true, frame: plain(item.frame), ...read(item.frame) };
  });
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
