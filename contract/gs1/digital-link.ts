// GS1 Digital Link URIs (GS1 Digital Link Standard: URI Syntax 1.4): a primary key with its qualifiers in the path,
// whatever domain and folders stand before it, and attributes in the query. The canonical form of a serialised item,
// without its domain, is the internal key of a unit. Nothing here fetches anything.

import type { Gtin } from "../units.ts";
import { type AiDefinition, aiDefinitions } from "./ai-table.ts";
import type { Elements } from "./element-string.ts";
import { valueFault } from "./element-value.ts";

/** What a link says, or why it is none. */
export type DigitalLink =
  | { readonly ok: true; readonly elements: Elements }
  | { readonly ok: false; readonly reason: string };

/** What of the standard's first version is taken too. */
export interface LinkLeniency {
  /** GTINs of 8, 12 or 13 digits. */
  readonly hasShortGtins?: boolean;
  /** Names instead of numbers, `/gtin/.../lot/...`. */
  readonly hasNames?: boolean;
}

const canonicalStem = "https://id.gs1.org";
/** Longest link that is taken. */
const lengthMax = 8192;
/** Names of the standard's first version. */
const aiOfName: Readonly<Record<string, string>> = {
  cpid: "8010",
  cpsn: "8011",
  cpv: "22",
  exp: "17",
  expdt: "7003",
  gcn: "255",
  gdti: "253",
  giai: "8004",
  ginc: "401",
  gln: "414",
  glnx: "254",
  gmn: "8013",
  grai: "8003",
  gsin: "402",
  gsrn: "8018",
  gsrnp: "8017",
  gtin: "01",
  itip: "8006",
  lot: "10",
  party: "417",
  partyGln: "417",
  payTo: "415",
  refno: "8020",
  ser: "21",
  srin: "8019",
  sscc: "00",
  tpx: "235",
};

/** Reads a link. The key is the right-most one that the path has. */
export function parseDigitalLink(uri: string, leniency: LinkLeniency = {}): DigitalLink {
  if (uri.length > lengthMax) return refuse(`longer than ${lengthMax} characters`);
  // The characters of a URI (RFC 3986), and no others.
  if (!/^[-!#$%&'()*+,./0-9:;=?@A-Z[\]_a-z~]*$/.test(uri))
    return refuse("has characters that no URI has");
  const parts = /^(?:https?|HTTPS?):\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?(?:#.*)?$/.exec(uri);
  if (parts === null) return refuse("no http or https URI");
  const [, domain = "", path = "", query = ""] = parts;
  if (!/^[-.0-9:A-Z[\]_a-z]+$/.test(domain)) return refuse("no domain");
  const inPath = readPath(path.split("/").slice(1), leniency);
  if (!inPath.ok) return inPath;
  return readQuery(query, inPath.elements, leniency);
}

// From the right, two by two, to the first primary key.
function readPath(segments: readonly string[], leniency: LinkLeniency): DigitalLink {
  for (let at = segments.length - 2; at >= 0; at -= 2) {
    const key = definitionOf(segments[at]!, leniency);
    if (key?.qualifiers === undefined) continue;
    return readPairs(key, segments.slice(at), leniency);
  }
  return refuse("no primary key in the path");
}

function readPairs(
  key: AiDefinition,
  segments: readonly string[],
  leniency: LinkLeniency,
): DigitalLink {
  const elements: (readonly [string, string])[] = [];
  for (let at = 0; at < segments.length; at += 2) {
    const definition = definitionOf(segments[at]!, leniency);
    const value = decoded(segments[at + 1]!);
    if (definition === undefined) return refuse(`${segments[at]} is no application identifier`);
    if (value === undefined) return refuse(`(${definition.ai}) has a wrong percent sequence`);
    elements.push([definition.ai, padded(definition.ai, value, leniency)]);
  }
  const qualifiers = elements.slice(1).map(([ai]) => ai);
  if (!sequenceOf(key, qualifiers)) {
    return refuse(`(${qualifiers.join("), (")}) cannot follow (${key.ai}) in a path`);
  }
  return checked(elements);
}

/** The sequence of a key that has these qualifiers in this order; any where there are none. */
function sequenceOf(
  key: AiDefinition,
  qualifiers: readonly string[],
): readonly string[] | undefined {
  if (qualifiers.length === 0) return [...(key.qualifiers ?? [])].flat();
  return key.qualifiers?.find((sequence) => {
    const positions = qualifiers.map((ai) => sequence.indexOf(ai));
    return positions.every((position, index) => position > (positions[index - 1] ?? -1));
  });
}

// What is no identifier is the web site's own, unless it looks like one.
function readQuery(query: string, path: Elements, leniency: LinkLeniency): DigitalLink {
  const key = aiDefinitions.get(path[0]![0])!;
  const inPathOnly =
    sequenceOf(
      key,
      path.slice(1).map(([ai]) => ai),
    ) ?? [];
  const elements = [...path];
  for (const pair of query.split("&")) {
    const at = pair.indexOf("=");
    if (at < 0) continue;
    const name = pair.slice(0, at);
    const definition = definitionOf(name, leniency);
    if (definition === undefined) {
      if (/^\d+$/.test(name)) return refuse(`${name} is no application identifier`);
      continue;
    }
    const { ai } = definition;
    const value = decoded(pair.slice(at + 1).replaceAll("+", " "));
    if (value === undefined) return refuse(`(${ai}) has a wrong percent sequence`);
    if (!definition.isLinkAttribute || inPathOnly.includes(ai))
      return refuse(`(${ai}) is no attribute`);
    if (elements.some(([other]) => other === ai)) return refuse(`(${ai}) stands twice`);
    elements.push([ai, padded(ai, value, leniency)]);
  }
  return checked(elements);
}

function definitionOf(text: string, { hasNames }: LinkLeniency): AiDefinition | undefined {
  const ai = hasNames === true && Object.hasOwn(aiOfName, text) ? aiOfName[text]! : text;
  return aiDefinitions.get(ai);
}

function padded(ai: string, value: string, { hasShortGtins }: LinkLeniency): string {
  const isShort = hasShortGtins === true && ai === "01" && /^(\d{8}|\d{12,13})$/.test(value);
  return isShort ? value.padStart(14, "0") : value;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function checked(elements: Elements): DigitalLink {
  for (const [ai, value] of elements) {
    const fault = valueFault(aiDefinitions.get(ai)!, value);
    if (fault !== undefined) return refuse(fault);
  }
  return { ok: true, elements };
}

/** A link, or why these elements make none. */
export type BuiltLink =
  | { readonly ok: true; readonly uri: string }
  | { readonly ok: false; readonly reason: string };

/**
 * Builds a link: the first primary key among the elements, its qualifiers, and the others as attributes, those of
 * pre-defined length first as in an element string. `stem` is scheme, domain and folders.
 */
export function buildDigitalLink(elements: Elements, stem = canonicalStem): BuiltLink {
  const values = new Map(elements);
  const definitions = [...values.keys()].map((ai) => aiDefinitions.get(ai));
  const unknown = definitions.indexOf(undefined);
  if (unknown >= 0) return refuse(`unknown application identifier ${[...values.keys()][unknown]}`);
  const known = definitions as AiDefinition[];
  const key = known.find(({ qualifiers }) => qualifiers !== undefined);
  if (key === undefined) return refuse("no primary key");
  // The sequence of which most is there; of equal ones the first.
  const qualifiers = (key.qualifiers ?? [])
    .map((sequence) => sequence.filter((ai) => values.has(ai)))
    .reduce((best, each) => (each.length > best.length ? each : best), []);
  const path = [key.ai, ...qualifiers];
  const rest = known.filter(({ ai }) => !path.includes(ai));
  const misplaced = rest.find(({ isLinkAttribute }) => !isLinkAttribute);
  if (misplaced !== undefined) return refuse(`(${misplaced.ai}) is no attribute`);
  const ordered = [
    ...rest.filter((each) => each.isPredefined),
    ...rest.filter((each) => !each.isPredefined),
  ];
  return {
    ok: true,
    uri: linkOf(
      stem,
      path,
      ordered.map(({ ai }) => ai),
      values,
    ),
  };
}

/** The canonical link: on GS1's own domain, attributes in the order of their identifiers. */
export function canonicalLink(elements: Elements): BuiltLink {
  const sorted = [...elements].sort(([left], [right]) => (left < right ? -1 : 1));
  const [first] = elements;
  // The key is the one that comes first, whatever its number.
  const key = elements.find(([ai]) => aiDefinitions.get(ai)?.qualifiers !== undefined) ?? first;
  const built = buildDigitalLink(key === undefined ? sorted : [key, ...sorted]);
  if (!built.ok) return built;
  const [path, query] = built.uri.split("?");
  return query === undefined
    ? built
    : { ok: true, uri: `${path}?${query.split("&").sort().join("&")}` };
}

function linkOf(
  stem: string,
  path: readonly string[],
  query: readonly string[],
  values: ReadonlyMap<string, string>,
): string {
  const encoded = (ai: string) => percentEncoded(values.get(ai)!);
  const segments = path.map((ai) => `/${ai}/${encoded(ai)}`).join("");
  const attributes = query.map((ai) => `${ai}=${encoded(ai)}`).join("&");
  return `${stem.replace(/\/$/, "")}${segments}${attributes === "" ? "" : `?${attributes}`}`;
}

/** A link with the names of the standard's first version as numbers; what is none of them stays. */
export function numbersForNames(uri: string): string {
  const [beforeQuery = "", query] = uri.split(/\?(.*)/s);
  const numberOf = (name: string) => (Object.hasOwn(aiOfName, name) ? aiOfName[name]! : name);
  const path = beforeQuery
    .split("/")
    .map((segment, index) => (index < 3 ? segment : numberOf(segment)))
    .join("/");
  if (query === undefined) return path;
  const pairs = query.split("&").map((pair) => pair.replace(/^[^=]*(?==)/, numberOf));
  return `${path}?${pairs.join("&")}`;
}

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

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
