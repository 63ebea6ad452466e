// GS1 element strings: application identifiers with their values, one behind the other, as a GS1-128,
// DataMatrix, QR or DataBar symbol carries them (General Specifications 7.8), and as people read them.

import { aiDefinitions, definitionAt, fitsPattern } from "./ai-table.ts";
import { valueFault } from "./element-value.ts";

/** Stands behind every value whose length is not pre-defined, unless it is the last. */
export const groupSeparator = "\u001d";
/** Longest text that is taken: more than any symbol carries. */
const lengthMax = 8192;

/** Application identifiers with their values, in the order they stand. */
export type Elements = readonly (readonly [ai: string, value: string])[];

/** What an element string says, or why it is none. */
export type ElementString =
  | {
      readonly ok: true;
      readonly elements: Elements;
      /** The same by identifier. */
      readonly values: ReadonlyMap<string, string>;
    }
  | { readonly ok: false; readonly reason: string };

/** Splits and checks an element string. Superfluous separators are tolerated (7.8.5). */
export function parseElementString(data: string): ElementString {
  if (data.length > lengthMax) return refuse(`longer than ${lengthMax} characters`);
  const elements: [string, string][] = [];
  for (let at = 0; at < data.length; ) {
    if (data[at] === groupSeparator) {
      at += 1;
      continue;
    }
    const definition = definitionAt(data, at);
    if (definition === undefined) {
      return refuse(`unknown application identifier ${data.slice(at, at + 4)}`);
    }
    const from = at + definition.ai.length;
    const to = definition.isPredefined ? from + definition.lengthMax : endOfValue(data, from);
    const value = data.slice(from, to);
    const fault = valueFault(definition, value);
    if (fault !== undefined) return refuse(fault);
    elements.push([definition.ai, value]);
    at = to;
  }
  return checked(elements);
}

function endOfValue(data: string, from: number): number {
  const separator = data.indexOf(groupSeparator, from);
  return separator < 0 ? data.length : separator;
}

function checked(elements: Elements): ElementString {
  if (elements.length === 0) return refuse("an empty element string");
  const values = new Map<string, string>();
  for (const [ai, value] of elements) {
    if ((values.get(ai) ?? value) !== value) return refuse(`(${ai}) has two values`);
    values.set(ai, value);
  }
  return { ok: true, elements, values };
}

/**
 * Reads what stands under a symbol, `(01)09506000134352(10)ABC`. A bracket in a value that looks like an identifier
 * is written `\(`. Spaces around a value are none of it.
 */
export function parseBracketed(text: string): ElementString {
  if (text.length > lengthMax) return refuse(`longer than ${lengthMax} characters`);
  const elements: [string, string][] = [];
  let rest = text;
  while (rest !== "") {
    const found = /^\((\d{2,4})\)((?:\\\(|[^(])*)/.exec(rest);
    if (found === null)
      return refuse(`no application identifier in brackets at "${rest.slice(0, 8)}"`);
    const [whole, ai, escaped] = found as unknown as [string, string, string];
    const definition = aiDefinitions.get(ai);
    if (definition === undefined) return refuse(`unknown application identifier ${ai}`);
    const value = escaped.replaceAll("\\(", "(").trim();
    const fault = valueFault(definition, value);
    if (fault !== undefined) return refuse(fault);
    elements.push([ai, value]);
    rest = rest.slice(whole.length);
  }
  return checked(elements);
}

/** As it stands under a symbol. */
export function writeBracketed(elements: Elements): string {
  return elements.map(([ai, value]) => `(${ai})${value.replaceAll("(", "\\(")}`).join("");
}

/** As a symbol carries it, in the order given; a separator stands where it must. */
export function writeElementString(elements: Elements): string {
  return elements
    .map(([ai, value], index) => {
      const isLast = index === elements.length - 1;
      const needsNone = isLast || aiDefinitions.get(ai)?.isPredefined === true;
      return `${ai}${value}${needsNone ? "" : groupSeparator}`;
    })
    .join("");
}

/**
 * What does not go together, in words: identifiers that exclude each other, those that miss another one, and a
 * signature without a serialised key (General Specifications 4.13 and 4.14). A label may be read all the same: what
 * is missing may stand on another symbol of the same item.
 */
export function associationFaults(elements: Elements): string[] {
  return [...exclusions(elements), ...omissions(elements), ...unsignedKeys(elements)];
}

/** Pairs that must not stand together. */
export function exclusions(elements: Elements): string[] {
  const ais = [...new Set(elements.map(([ai]) => ai))];
  return ais.flatMap((ai) => {
    const without = aiDefinitions.get(ai)?.without ?? [];
    const others = ais.filter(
      (other) => other !== ai && without.some((pattern) => fitsPattern(other, pattern)),
    );
    return others.map((other) => `(${ai}) must not stand with (${other})`);
  });
}

/** Identifiers without those that they need. */
export function omissions(elements: Elements): string[] {
  const ais = [...new Set(elements.map(([ai]) => ai))];
  const has = (pattern: string) => ais.some((ai) => fitsPattern(ai, pattern));
  return ais.flatMap((ai) => {
    const needs = aiDefinitions.get(ai)?.needs ?? [];
    if (needs.length === 0 || needs.some((all) => all.every(has))) return [];
    return [`(${ai}) needs ${needs.map((all) => all.join(" and ")).join(", or ")}`];
  });
}

/** Keys whose serial is optional and absent, though a signature is there. */
export function unsignedKeys(elements: Elements): string[] {
  if (!elements.some(([ai]) => ai === "8030")) return [];
  return elements.flatMap(([ai, value]) => {
    const isBare = ["253", "255", "8003"].includes(ai) && value.length === keyLength(ai);
    return isBare ? [`(8030) needs a serial in (${ai})`] : [];
  });
}

function keyLength(ai: string): number | undefined {
  return aiDefinitions.get(ai)?.lengthMin;
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
