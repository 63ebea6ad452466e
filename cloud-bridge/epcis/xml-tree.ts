// XML as a tree of elements with resolved namespaces. Nothing is fetched and nothing expanded: a document type, where
// entities could be declared, is refused, and depth and number of elements have limits.

import { SaxesParser, type SaxesTagNS } from "saxes";
import { errorMessageOf } from "../../contract/errors.ts";

/** An element; `namespace` is empty for a name without one. */
export interface XmlElement {
  readonly name: string;
  readonly namespace: string;
  readonly prefix: string;
  readonly attributes: readonly XmlName[];
  readonly children: readonly XmlElement[];
  /** Its own text, without that of its children, trimmed. */
  readonly text: string;
}

/** An attribute that is no declaration of a namespace. */
export interface XmlName {
  readonly name: string;
  readonly namespace: string;
  readonly prefix: string;
  readonly value: string;
}

/** Elements inside each other, and elements of a document. */
export const elementDepthMax = 64;
export const elementCountMax = 1_000_000;

/** What was read, or why it cannot be. */
export type ReadXml =
  | { readonly ok: true; readonly root: XmlElement }
  | { readonly ok: false; readonly reason: string };

interface OpenElement extends Omit<XmlElement, "children" | "text"> {
  readonly children: XmlElement[];
  readonly texts: string[];
}

/** Reads a whole document. */
export function readXml(text: string): ReadXml {
  try {
    return { ok: true, root: parsed(text) };
  } catch (error) {
    return { ok: false, reason: errorMessageOf(error).slice(0, 300) };
  }
}

function parsed(text: string): XmlElement {
  const parser = new SaxesParser({ xmlns: true, position: true });
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  let elementCount = 0;
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("doctype", () => parser.fail("a document type is not taken"));
  parser.on("opentag", (tag) => {
    elementCount += 1;
    if (elementCount > elementCountMax) parser.fail(`more than ${elementCountMax} elements`);
    if (open.length >= elementDepthMax) parser.fail(`elements deeper than ${elementDepthMax}`);
    open.push(openElement(tag));
  });
  parser.on("text", (part) => open.at(-1)?.texts.push(part));
  parser.on("cdata", (part) => open.at(-1)?.texts.push(part));
  parser.on("closetag", () => {
    const { texts, ...rest } = open.pop()!;
    const element = { ...rest, text: texts.join("").trim() };
    const parent = open.at(-1);
    if (parent === undefined) root = element;
    else parent.children.push(element);
  });
  parser.write(text).close();
  if (root === undefined) throw new Error("there is no element");
  return root;
}

function openElement(tag: SaxesTagNS): OpenElement {
  const attributes = Object.values(tag.attributes)
    .filter(({ prefix, name }) => prefix !== "xmlns" && name !== "xmlns")
    .map(({ local, prefix, uri, value }) => ({ name: local, prefix, namespace: uri, value }));
  const { local, prefix, uri } = tag;
  return { name: local, prefix, namespace: uri, attributes, children: [], texts: [] };
}
