// Events that others send, made ready to be stored: checked one by one, named by their content, and with what they are
// searched by. Pure.

import {
  canonicalValue,
  type Namespaces,
  standardNamespaces,
  wordStems,
} from "../../contract/epcis/canonical-value.ts";
import { contextOf } from "../../contract/epcis/context.ts";
import { epcisEnvelopeSchema } from "../../contract/epcis/document.ts";
import { type EpcisEvent, epcisEventSchema } from "../../contract/epcis/event.ts";
import { eventHash } from "../../contract/epcis/event-hash.ts";
import { storeOf } from "../../contract/units.ts";
import { issueMessage } from "../issue-message.ts";
import { unstorableAt } from "../storable-text.ts";
import { type Reference, referencesOf } from "./event-references.ts";
import { nameFault } from "./name-fault.ts";
import { canonicalUri, type Places } from "./places.ts";

/** What a unit is to its event. */
export type EpcRole =
  | "epc"
  | "class"
  | "parent"
  | "input"
  | "input_class"
  | "output"
  | "output_class";

/** An event as it is stored. */
export interface CapturedEvent {
  /** Its content; a declaration that it was wrong is another. The same content again is nothing new. */
  readonly contentKey: string;
  readonly eventId: string;
  readonly isDeclaration: boolean;
  /** The store it is for; empty for none that is known. */
  readonly storeId: string;
  readonly location: string | undefined;
  readonly type: EpcisEvent["type"];
  readonly action: string | undefined;
  readonly eventTimeMs: number;
  /** Canonical URIs. */
  readonly bizStep: string | undefined;
  readonly disposition: string | undefined;
  readonly readPoint: string | undefined;
  readonly bizLocation: string | undefined;
  readonly epcs: readonly { readonly epc: string; readonly role: EpcRole }[];
  readonly references: readonly Reference[];
  readonly event: EpcisEvent;
}

/** Why an event, or the whole document, is not taken. */
export interface CaptureError {
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  /** Place in the document, from 0. */
  readonly eventIndex?: number;
}

export interface PreparedCapture {
  readonly events: readonly CapturedEvent[];
  readonly errors: readonly CaptureError[];
}

/** Faults that are told of one document. */
export const captureErrorCountMax = 100;

/** The longest name that an event is found by. */
const capturedNameSizeBytesMax = 2000;
/** The longest type of a transaction, source or destination, with which one is found. */
const typeSizeBytesMax = 500;

/** How events are read. */
interface ReadingOptions {
  readonly places: Places;
  readonly ignoredFields?: readonly string[];
  readonly context?: unknown;
  /** Whose events are taken, where the sender may not speak for all stores. */
  readonly reaches?: ((storeId: string) => boolean) | undefined;
}

/** Reads a document; undefined with one error where it is none. */
export function prepareCapture(
  document: unknown,
  options: Omit<ReadingOptions, "context">,
): PreparedCapture | CaptureError {
  const envelope = epcisEnvelopeSchema.safeParse(document);
  if (!envelope.success) return validationError(faultText(envelope.error.issues));
  const { "@context": context, epcisBody } = envelope.data;
  return prepareEvents(epcisBody.eventList, { ...options, context });
}

/** Makes ready a list of events under one `@context`. */
export function prepareEvents(list: readonly unknown[], options: ReadingOptions): PreparedCapture {
  const events: CapturedEvent[] = [];
  const errors: CaptureError[] = [];
  for (const [eventIndex, raw] of list.entries()) {
    const result = epcisEventSchema.safeParse(raw);
    if (!result.success) {
      errors.push({ ...validationError(faultText(result.error.issues)), eventIndex });
      continue;
    }
    const foreign = foreignFault(result.data, options);
    if (foreign !== undefined) {
      errors.push({ ...foreign, eventIndex });
      continue;
    }
    const ready = readyEvent(result.data, options);
    if (typeof ready === "string") errors.push({ ...validationError(ready), eventIndex });
    else events.push(ready);
  }
  return { events, errors };
}

/** The type of an error for an event that is not its sender's to tell. */
export const foreignErrorType = "epcisException:SecurityException";

function foreignFault(
  event: EpcisEvent,
  { places, reaches }: ReadingOptions,
): CaptureError | undefined {
  if (reaches === undefined) return undefined;
  const known = placesIn(event).flatMap(({ field, uri }) => {
    const location = places.locationOf(uri);
    return location === undefined ? [] : [{ field, uri, storeId: storeOf(location) }];
  });
  const foreign = known.find(({ storeId }) => !reaches(storeId));
  if (foreign === undefined && known.length > 0) return undefined;
  const detail =
    foreign === undefined
      ? "readPoint: must be a place of a store that the token is for, or bizLocation or a destination"
      : `${foreign.field}: ${foreign.uri.slice(0, 200)} is of store ${foreign.storeId}, which the token is not for`;
  return { type: foreignErrorType, title: "The token may not do this", detail };
}

function readyEvent(event: EpcisEvent, options: ReadingOptions): CapturedEvent | string {
  const fault = textFault(event) ?? unitFaultIn(event);
  if (fault !== undefined) return fault;
  const ready = captured(event, options);
  return longNameFault(ready) ?? ready;
}

function textFault(event: EpcisEvent): string | undefined {
  if (unstorableAt(event) === undefined) return undefined;
  return "a text has a NUL, or half of a surrogate pair, or something nests too deep";
}

/** Events are found by these names: no index of a ledger in PostgreSQL takes longer ones. */
function longNameFault(event: CapturedEvent): string | undefined {
  const { eventId: eventID, bizStep, disposition, readPoint, bizLocation } = event;
  const named = Object.entries({ eventID, bizStep, disposition, readPoint, bizLocation });
  const units = event.epcs.map(({ epc }) => ["a unit", epc] as const);
  const isLong = (name = "") => Buffer.byteLength(name) > capturedNameSizeBytesMax;
  const references = event.references.map(({ role, name }) => [role.slice(0, 100), name] as const);
  const long = [...named, ...units, ...references].find(([, name]) => isLong(name));
  if (long !== undefined) return `${long[0]} is longer than ${capturedNameSizeBytesMax} bytes`;
  const typed = event.references.find(({ role }) => Buffer.byteLength(role) > typeSizeBytesMax);
  return typed && `${typed.role.slice(0, 100)} is a type of more than ${typeSizeBytesMax} bytes`;
}

/** Of the first unit or class that is written as a key of GS1, and is none. */
function unitFaultIn(event: EpcisEvent): string | undefined {
  for (const { epc } of epcsOf(event)) {
    const fault = nameFault(epc);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function captured(event: EpcisEvent, options: ReadingOptions): CapturedEvent {
  const { places, ignoredFields = [], context } = options;
  const namespaces = contextOf(context);
  const hash = eventHash(event, { namespaces, ignoredFields });
  const { errorDeclaration, eventID = hash } = event;
  const inAll = contextOf(event["@context"], namespaces);
  const word = (name: "bizStep" | "disposition") => canonicalWord(name, event[name], inAll);
  const location = locationOf(event, places);
  const declared = errorDeclaration === undefined ? "" : `#${errorDeclaration.declarationTime}`;
  return {
    contentKey: hash + declared,
    eventId: eventID,
    isDeclaration: errorDeclaration !== undefined,
    storeId: location === undefined ? "" : storeOf(location),
    location,
    type: event.type,
    action: event.type === "TransformationEvent" ? undefined : event.action,
    eventTimeMs: Date.parse(event.eventTime),
    bizStep: word("bizStep"),
    disposition: word("disposition"),
    readPoint: event.readPoint && canonicalUri(event.readPoint.id),
    bizLocation: event.bizLocation && canonicalUri(event.bizLocation.id),
    epcs: epcsOf(event),
    references: referencesOf(event, inAll),
    event: { ...event, eventID, ...ownContext(inAll) },
  };
}

// An event is stored without its document, so that it says itself what its names mean.
function ownContext(namespaces: Namespaces): { "@context"?: Namespaces } {
  const own = Object.entries(namespaces).filter(
    ([name]) => !Object.hasOwn(standardNamespaces, name),
  );
  return own.length === 0 ? {} : { "@context": Object.fromEntries(own) };
}

/** A word of CBV as its full URI. */
export function canonicalWord(
  name: "bizStep" | "disposition",
  value: string | undefined,
  namespaces: Namespaces = standardNamespaces,
): string | undefined {
  if (value === undefined) return undefined;
  const writing = { namespaces, hasPlainApostrophes: false };
  return canonicalValue(name, value, writing, wordStems[name]);
}

function locationOf(event: EpcisEvent, places: Places): string | undefined {
  for (const { uri } of placesIn(event)) {
    const location = places.locationOf(uri);
    if (location !== undefined) return location;
  }
  return undefined;
}

// Where the goods go says more about whom an event is for than where they were seen.
function placesIn(event: EpcisEvent): { readonly field: string; readonly uri: string }[] {
  const order = ["location", "possessing_party", "owning_party"];
  const rank = (type: string) => order.findIndex((word) => type.endsWith(word));
  const destinations = (event.destinationList ?? [])
    .map(({ type, destination: uri }, index) => {
      return { field: `destinationList.${index}.destination`, uri, rank: rank(type) };
    })
    .sort((one, other) => one.rank - other.rank);
  const seenAt = (["bizLocation", "readPoint"] as const).flatMap((field) => {
    const uri = event[field]?.id;
    return uri === undefined ? [] : [{ field: `${field}.id`, uri }];
  });
  return [...destinations, ...seenAt];
}

/** The units and classes of an event, in the order in which they are stored. */
export function epcsOf(event: EpcisEvent): CapturedEvent["epcs"] {
  const units = (list: readonly string[] | undefined, role: EpcRole) =>
    (list ?? []).map((epc) => ({ epc: canonicalUri(epc), role }));
  const classes = (list: readonly { epcClass: string }[] | undefined, role: EpcRole) =>
    units(
      list?.map(({ epcClass }) => epcClass),
      role,
    );
  switch (event.type) {
    case "ObjectEvent":
      return [...units(event.epcList, "epc"), ...classes(event.quantityList, "class")];
    case "TransactionEvent":
      return [
        ...units(event.parentID === undefined ? [] : [event.parentID], "parent"),
        ...units(event.epcList, "epc"),
        ...classes(event.quantityList, "class"),
      ];
    case "TransformationEvent":
      return [
        ...units(event.inputEPCList, "input"),
        ...classes(event.inputQuantityList, "input_class"),
        ...units(event.outputEPCList, "output"),
        ...classes(event.outputQuantityList, "output_class"),
      ];
    default:
      return [
        ...units(event.parentID === undefined ? [] : [event.parentID], "parent"),
        ...units(event.childEPCs, "epc"),
        ...classes(event.childQuantityList, "class"),
      ];
  }
}

function validationError(detail: string): CaptureError {
  const title = "The event or document is not as EPCIS wants it";
  return { type: "epcisException:ValidationException", title, detail };
}

function faultText(issues: readonly { path: readonly PropertyKey[]; message: string }[]): string {
  const texts = issues.slice(0, 5).map((issue) => {
    return `${issue.path.map(String).join(".") || "(document)"}: ${issueMessage(issue)}`;
  });
  return texts.join("; ").slice(0, 500);
}
