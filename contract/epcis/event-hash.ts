// The event hash of EPCIS (CBV 2.0, 8.9.2): an event's content as one text, whatever way it was written, and the SHA-256
// of that text as the event's ID. Two orders of fields are in use: the published table, and that of the reference
// generator since 2023-02, which puts four fields behind the sensors in alphabetical order.

import { createHash } from "node:crypto";
import { canonicalValue, type Namespaces, type Writing, wordStems } from "./canonical-value.ts";
import { contextOf, localNameOf } from "./context.ts";

/** Which order of fields is hashed. */
export type HashOrder = "published" | "reference";

/** What the hash needs to know beside the event. */
export interface HashOptions {
  readonly order?: HashOrder;
  /** Of the document's `@context`. */
  readonly namespaces?: Namespaces;
  /** Names that a repository added to the event and that are no part of it, as the event writes them. */
  readonly ignoredFields?: readonly string[];
}

type Json = unknown;
type JsonObject = Readonly<Record<string, Json>>;

/** How one field is written. */
type Shape =
  | { readonly kind: "value"; readonly stem?: string }
  | { readonly kind: "list"; readonly member: string; readonly of?: Fields }
  | { readonly kind: "element"; readonly fields: Fields };
type Fields = readonly (readonly [name: string, shape: Shape])[];

const value: Shape = { kind: "value" };
const word = (stem: string): Shape => ({ kind: "value", stem });
const values = (...names: string[]): Fields => names.map((name) => [name, value] as const);
const epcs: Shape = { kind: "list", member: "epc" };
const quantities: Shape = {
  kind: "list",
  member: "quantityElement",
  of: values("epcClass", "quantity", "uom"),
};
const place: Shape = { kind: "element", fields: values("id") };
// The type stands before the value, as in the standard's table.
const typed = (name: string, stem: string): Shape => ({
  kind: "list",
  member: "",
  of: [["type", word(stem)], ...values(name)],
});
const sensorMetadata: Fields = values(
  ...["time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData"],
  ...["dataProcessingMethod", "bizRules"],
);
const sensorReport: Fields = [
  ["type", word(wordStems.sensor)],
  ["exception", word(wordStems.sensor)],
  ...values("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "time"),
  ...values("microorganism", "chemicalSubstance", "value"),
  ["component", word(wordStems.component)],
  ...values("stringValue", "booleanValue", "hexBinaryValue", "uriValue"),
  ...values("minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue", "uom"),
  ...values("coordinateReferenceSystem"),
];
const sensors: Shape = {
  kind: "list",
  member: "sensorElement",
  of: [
    ["sensorMetadata", { kind: "element", fields: sensorMetadata }],
    ["sensorReport", { kind: "element", fields: sensorReport }],
  ],
};

const head: Fields = values("type", "eventTime", "eventTimeZoneOffset", "certificationInfo");
const parent: Fields = values("parentID");
const units: Fields = [["epcList", epcs]];
const middle: Fields = [
  ["inputEPCList", epcs],
  ["childEPCs", epcs],
  ["quantityList", quantities],
  ["childQuantityList", quantities],
  ["inputQuantityList", quantities],
  ["outputEPCList", epcs],
  ["outputQuantityList", quantities],
  ...values("action", "transformationID"),
  ["bizStep", word(wordStems.bizStep)],
  ["disposition", word(wordStems.disposition)],
  [
    "persistentDisposition",
    {
      kind: "element",
      fields: [
        ["set", word(wordStems.disposition)],
        ["unset", word(wordStems.disposition)],
      ],
    },
  ],
  ["readPoint", place],
  ["bizLocation", place],
];
const transactions: Fields = [
  ["bizTransactionList", typed("bizTransaction", wordStems.bizTransaction)],
];
const sources: Fields = [["sourceList", typed("source", wordStems.sourceOrDestination)]];
const destinations: Fields = [
  ["destinationList", typed("destination", wordStems.sourceOrDestination)],
];
const sensing: Fields = [["sensorElementList", sensors]];
const ilmd: Fields = [["ilmd", { kind: "element", fields: [] }]];

const fieldsOf: Readonly<Record<HashOrder, Fields>> = {
  published: [
    ...[head, units, parent, middle, transactions, sources, destinations, sensing, ilmd].flat(),
  ],
  reference: [
    ...[head, parent, units, middle, sensing, transactions, destinations, ilmd, sources].flat(),
  ],
};

/** What is no part of an event's content: who stored it when, under which ID, and that it was wrong. */
const leftOut = [
  "recordTime",
  "eventID",
  "errorDeclaration",
  "rdfs:comment",
  "comment",
  "@context",
];

/** The event's ID, `ni:///sha-256;{hex}?ver=CBV2.0`. */
export function eventHash(event: JsonObject, options: HashOptions = {}): string {
  const hex = createHash("sha256").update(preHashText(event, options), "utf8").digest("hex");
  return `ni:///sha-256;${hex}?ver=CBV2.0`;
}

/** The text that is hashed. */
export function preHashText(event: JsonObject, options: HashOptions = {}): string {
  const order = options.order ?? "published";
  const namespaces = contextOf(event["@context"], options.namespaces);
  const writing = { namespaces, hasPlainApostrophes: order === "reference" };
  const { ignoredFields = [] } = options;
  if (ignoredFields.length === 0) return elementText(event, fieldsOf[order], writing);
  const kept = Object.entries(event).filter(([name]) => !ignoredFields.includes(name));
  return elementText(Object.fromEntries(kept), fieldsOf[order], writing);
}

// Fields in their order, then what no standard names, sorted.
function elementText(element: JsonObject, fields: Fields, writing: Writing): string {
  const known = namesOf(fields);
  const standard = fields.map(([name, shape]) => fieldText(name, element[name], shape, writing));
  const others = Object.entries(element)
    .filter(([name]) => !known.has(name) && !leftOut.includes(name))
    .map(([name, content]) => extensionText(name, content, writing))
    .sort(byCodePoint);
  return [...standard, ...others].join("");
}

// One set for each table, not for each event.
function namesOf(fields: Fields): ReadonlySet<string> {
  const known = names.get(fields) ?? new Set(fields.map(([name]) => name));
  names.set(fields, known);
  return known;
}
const names = new WeakMap<Fields, ReadonlySet<string>>();

function fieldText(name: string, content: Json, shape: Shape, writing: Writing): string {
  if (isEmpty(content)) return "";
  const all: readonly Json[] = Array.isArray(content) ? content : [content];
  if (shape.kind === "value") {
    const key = name === "type" && isEventType(content) ? "eventType" : name;
    return sorted(all, (one) => `${key}=${textOf(key, one, writing, shape.stem)}`);
  }
  if (shape.kind === "element") {
    return sorted(all, (one) => name + elementText(objectOf(one), shape.fields, writing));
  }
  const { member, of } = shape;
  if (of === undefined) {
    return name + sorted(all, (one) => `${member}=${textOf(member, one, writing)}`);
  }
  return name + sorted(all, (one) => member + elementText(objectOf(one), of, writing));
}

function extensionText(name: string, content: Json, writing: Writing): string {
  if (isEmpty(content)) return "";
  const key = localNameOf(name, writing.namespaces);
  const all: readonly Json[] = Array.isArray(content) ? content : [content];
  return sorted(all, (one) =>
    typeof one === "object" && one !== null
      ? key + elementText(one as JsonObject, [], writing)
      : `${key}=${textOf(key, one, writing)}`,
  );
}

function textOf(key: string, content: Json, writing: Writing, stem?: string): string {
  const isPlain = ["string", "number", "boolean"].includes(typeof content);
  const plain = isPlain ? (content as string | number | boolean) : JSON.stringify(content);
  // The namespace of an extension may contain "time"; its name decides.
  return canonicalValue(key.replace(/^\{.*\}/, ""), plain, writing, stem);
}

function sorted(all: readonly Json[], write: (one: Json) => string): string {
  if (all.length === 1) return write(all[0]);
  return all.map(write).sort(byCodePoint).join("");
}

// UTF-8 bytes sort as code points do; UTF-16 units do not.
function byCodePoint(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

function isEventType(content: Json): boolean {
  return typeof content === "string" && /^\w+Event$/.test(content);
}

function isEmpty(content: Json): boolean {
  return (
    content === undefined ||
    content === null ||
    content === "" ||
    (typeof content === "object" && Object.keys(content).length === 0)
  );
}

function objectOf(content: Json): JsonObject {
  return typeof content === "object" && content !== null ? (content as JsonObject) : {};
}
