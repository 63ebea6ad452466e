// Captured events as a client may want them (GS1-EPC-Format, EPCIS 2.0, 12.3): their own writing of things and places, or
// GS1 Digital Links, as events of entries have them. The event hash is the same of both. Pure.

import type { EpcisEvent } from "../../contract/epcis/event.ts";
import { canonicalUri } from "./places.ts";

const nameLists = ["epcList", "childEPCs", "inputEPCList", "outputEPCList"];
/** Lists of objects, and their field that names a thing or a place. */
const objectLists: Readonly<Record<string, string>> = {
  quantityList: "epcClass",
  childQuantityList: "epcClass",
  inputQuantityList: "epcClass",
  outputQuantityList: "epcClass",
  sourceList: "source",
  destinationList: "destination",
};

/** The event with a Digital Link for each URN of an EPC that has one. */
export function inDigitalLinks(event: EpcisEvent): EpcisEvent {
  const fields = Object.entries(event).map(([name, value]) => [name, fieldInLinks(name, value)]);
  return Object.fromEntries(fields) as EpcisEvent;
}

function fieldInLinks(name: string, value: unknown): unknown {
  if (name === "parentID") return linkOf(value);
  if (name === "readPoint" || name === "bizLocation") return withLink(value, "id");
  // Two writings of one unit would be the same name twice.
  if (nameLists.includes(name)) return [...new Set((value as unknown[]).map(linkOf))];
  if (!Object.hasOwn(objectLists, name)) return value;
  return (value as unknown[]).map((each) => withLink(each, objectLists[name]!));
}

function withLink(value: unknown, field: string): object {
  const fields = value as Readonly<Record<string, unknown>>;
  return { ...fields, [field]: linkOf(fields[field]) };
}

function linkOf(uri: unknown): unknown {
  return typeof uri === "string" && uri.startsWith("urn:epc:") ? canonicalUri(uri) : uri;
}
