// EPCIS documents in XML, of 1.0 to 1.2 and 2.0, as the document that JSON would have: the same names, lists and
// numbers, so that one schema checks and one hash names both. What older versions wrapped in `extension` and
// `baseExtension` stands where it belongs.

import { NamespaceBook } from "./xml-namespaces.ts";
import { readXml, type XmlElement } from "./xml-tree.ts";

type Json = unknown;
type JsonObject = Record<string, Json>;

/** A document, not yet checked; names that a repository added, as its events write them. */
export type ReadDocument =
  | { readonly ok: true; readonly document: JsonObject; readonly ignoredFields: readonly string[] }
  | { readonly ok: false; readonly reason: string };

const contextUrl = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
const xsi = "http://www.w3.org/2001/XMLSchema-instance";
const eventTypes = new Set([
  ...["ObjectEvent", "AggregationEvent", "AssociationEvent", "TransactionEvent"],
  "TransformationEvent",
]);
const epcLists = new Set(["epcList", "childEPCs", "inputEPCList", "outputEPCList"]);
const quantityLists = new Set([
  ...["quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"],
]);
const typedLists = new Map([
  ["bizTransactionList", "bizTransaction"],
  ["sourceList", "source"],
  ["destinationList", "destination"],
]);
const numberFields = new Set([
  ...["value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"],
]);
/** Wrappers of 1.1 and 1.2 around what came after 1.0. */
const wrappers = new Set(["extension", "baseExtension"]);

/** Reads a document of events, or of a query's answer. */
export function readXmlDocument(text: string): ReadDocument {
  const read = readXml(text);
  if (!read.ok) return read;
  const { root } = read;
  if (root.name !== "EPCISDocument" && root.name !== "EPCISQueryDocument") {
    return { ok: false, reason: `<${root.name}> is neither EPCISDocument nor EPCISQueryDocument` };
  }
  const list = find(root, "EventList");
  if (list === undefined) return { ok: false, reason: "there is no EventList" };
  const book = new NamespaceBook();
  const events = list.children.flatMap(unwrapped).map((event) => eventOf(event, book));
  const ignored = (find(root, "ignoreFields")?.children ?? []).map((field) => book.nameOf(field));
  const version = attribute(root, "schemaVersion") ?? "";
  const document = {
    "@context": book.isEmpty ? contextUrl : [contextUrl, book.context],
    type: "EPCISDocument",
    // A document of 1.x has become one of 2.0.
    schemaVersion: /^1\.\d+$/.test(version) ? "2.0" : version,
    creationDate: attribute(root, "creationDate"),
    epcisBody: { eventList: events },
  };
  return { ok: true, document, ignoredFields: ignored };
}

// Header and events are not searched: what has these names there belongs to somebody else.
function find(element: XmlElement, name: string): XmlElement | undefined {
  if (element.name === name) return element;
  if (element.name === "EventList" || element.name === "EPCISHeader") return undefined;
  for (const child of element.children) {
    const found = find(child, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function unwrapped(element: XmlElement): XmlElement[] {
  const isWrapper = element.namespace === "" && wrappers.has(element.name);
  return isWrapper ? element.children.flatMap(unwrapped) : [element];
}

function eventOf(element: XmlElement, book: NamespaceBook): JsonObject {
  const own = new NamespaceBook(book);
  const fields: JsonObject = { type: element.name };
  if (!eventTypes.has(element.name)) return fields;
  for (const child of element.children.flatMap(unwrapped)) {
    if (child.namespace === "") addField(fields, child.name, fieldOf(child, own));
    else addField(fields, own.nameOf(child), extensionOf(child, own));
  }
  // An event is passed on without its document, so it says itself what its names mean.
  return own.isEmpty ? fields : { "@context": own.context, ...fields };
}

function addField(fields: JsonObject, name: string, value: Json): void {
  if (!Object.hasOwn(fields, name)) {
    fields[name] = value;
    return;
  }
  const known = fields[name];
  const list: Json[] = Array.isArray(known) ? known : [known];
  // In place: a field that is repeated many times must not cost the square of it.
  for (const each of Array.isArray(value) ? value : [value]) list.push(each);
  fields[name] = list;
}

function fieldOf(element: XmlElement, book: NamespaceBook): Json {
  const { name, children } = element;
  if (epcLists.has(name)) return children.map(({ text }) => text);
  if (quantityLists.has(name)) return children.map(quantityOf);
  const member = typedLists.get(name);
  if (member !== undefined) {
    return children.map((each) => {
      const type = attribute(each, "type");
      return { ...(type === undefined ? {} : { type }), [member]: each.text };
    });
  }
  if (name === "sensorElementList") return children.map((each) => sensorElementOf(each, book));
  if (name === "persistentDisposition") return listsOf(children);
  if (name === "errorDeclaration") return errorDeclarationOf(element, book);
  if (name === "ilmd" || name === "readPoint" || name === "bizLocation") {
    return membersOf(element, book);
  }
  return children.length === 0 ? element.text : extensionOf(element, book);
}

function quantityOf({ children }: XmlElement): JsonObject {
  return Object.fromEntries(
    children.map(({ name, text }) => [name, name === "quantity" ? numberOf(text) : text]),
  );
}

function listsOf(children: readonly XmlElement[]): JsonObject {
  const lists = new Map<string, string[]>();
  for (const { name, text } of children) {
    const list = lists.get(name);
    if (list === undefined) lists.set(name, [text]);
    else list.push(text);
  }
  return Object.fromEntries(lists);
}

function errorDeclarationOf(element: XmlElement, book: NamespaceBook): JsonObject {
  const { correctiveEventIDs, ...members } = membersOf(element, book);
  const ids = element.children.flatMap(unwrapped).find(({ name }) => name === "correctiveEventIDs");
  if (ids === undefined || correctiveEventIDs === undefined) return members;
  return { ...members, correctiveEventIDs: ids.children.map(({ text }) => text) };
}

// In XML a sensor's values are attributes.
function sensorElementOf(element: XmlElement, book: NamespaceBook): JsonObject {
  const result: JsonObject = {};
  const reports: JsonObject[] = [];
  for (const child of element.children.flatMap(unwrapped)) {
    if (child.namespace !== "") addField(result, book.nameOf(child), extensionOf(child, book));
    else if (child.name === "sensorReport") reports.push(measuredOf(child, book));
    else if (child.name === "sensorMetadata") result["sensorMetadata"] = measuredOf(child, book);
    else addField(result, child.name, fieldOf(child, book));
  }
  return { ...result, sensorReport: reports };
}

function measuredOf(element: XmlElement, book: NamespaceBook): JsonObject {
  const values = element.attributes
    .filter(({ namespace }) => namespace !== xsi)
    .map((each): [string, Json] => {
      if (each.namespace !== "") return [book.nameOf(each), each.value];
      if (numberFields.has(each.name)) return [each.name, numberOf(each.value)];
      const isFlag = each.name === "booleanValue" && /^(true|false)$/.test(each.value);
      return [each.name, isFlag ? each.value === "true" : each.value];
    });
  return { ...Object.fromEntries(values), ...membersOf(element, book) };
}

function membersOf(element: XmlElement, book: NamespaceBook): JsonObject {
  const members: JsonObject = {};
  for (const child of element.children.flatMap(unwrapped)) {
    const isOwn = child.namespace === "";
    addField(
      members,
      isOwn ? child.name : book.nameOf(child),
      child.children.length === 0 ? child.text : extensionOf(child, book),
    );
  }
  return members;
}

// What no standard names: text, or members that may repeat; attributes are members too.
function extensionOf(element: XmlElement, book: NamespaceBook): Json {
  const attributes = element.attributes.filter(({ namespace }) => namespace !== xsi);
  if (attributes.length === 0 && element.children.length === 0) return element.text;
  const own = attributes.map((each) => [
    each.namespace === "" ? each.name : book.nameOf(each),
    each.value,
  ]);
  const text = element.text === "" ? {} : { "rdf:value": element.text };
  return { ...Object.fromEntries(own), ...membersOf(element, book), ...text };
}

/** A number, or the text where it is none, for the schema to refuse. */
function numberOf(text: string): number | string {
  const number = Number(text);
  return text !== "" && Number.isFinite(number) ? number : text;
}

function attribute({ attributes }: XmlElement, name: string): string | undefined {
  return attributes.find((each) => each.namespace === "" && each.name === name)?.value;
}
