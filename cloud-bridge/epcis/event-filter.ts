// The parameters of an EPCIS query (EPCIS 2.0, 8.2.7.1), read into one filter. Pure.

import { canonicalTime, standardNamespaces } from "../../contract/epcis/canonical-value.ts";
import type { EpcisEvent } from "../../contract/epcis/event.ts";
import { canonicalWord, type EpcRole } from "./captured-event.ts";
import {
  type ReferenceFilter,
  referenceFilter,
  referenceParameterNames,
  referencesOf,
} from "./event-references.ts";
import { nameFault, unitFault } from "./name-fault.ts";
import { canonicalUri } from "./places.ts";

/** Events that are asked for; a field that is absent asks for nothing. */
export interface EventFilter {
  /** Of these stores alone: no parameter says so, but whom a query is for. */
  readonly storeIds?: readonly string[];
  readonly types?: readonly string[];
  readonly actions?: readonly string[];
  /** From (inclusive) and to (exclusive). */
  readonly eventTimeMs?: TimeRange;
  readonly recordTimeMs?: TimeRange;
  readonly bizSteps?: readonly string[];
  readonly dispositions?: readonly string[];
  readonly readPoint?: PlaceFilter;
  readonly bizLocation?: PlaceFilter;
  readonly epcs?: readonly EpcFilter[];
  readonly eventIds?: readonly string[];
  /** Whether the event declares another wrong. */
  readonly isDeclaration?: boolean;
  /** When it did so. */
  readonly declarationTimeMs?: TimeRange;
  /** Each of these. */
  readonly references?: readonly ReferenceFilter[];
}

/** The order in which events are given. */
export interface EventOrder {
  readonly by: "eventTime" | "recordTime";
  readonly isDescending: boolean;
}

export interface TimeRange {
  readonly from?: number;
  readonly before?: number;
}

/** Canonical URIs; `withBelow`: places below them too. */
export interface PlaceFilter {
  readonly uris: readonly string[];
  readonly withBelow: boolean;
}

/** Any of the URIs, in any of the roles. */
export interface EpcFilter {
  readonly uris: readonly string[];
  readonly roles: readonly EpcRole[];
}

/** What a query asks for beside its filter. */
interface PageQuery {
  readonly perPage: number;
  readonly token?: string;
  readonly order?: EventOrder;
  /** The first ones of the order, and no more. */
  readonly eventCountLimit?: number;
  /** More than these are a problem of the asker's. */
  readonly maxEventCount?: number;
}

/** A filter and a page, or what is wrong with a parameter. */
export type ReadQuery =
  | ({ readonly ok: true; readonly filter: EventFilter } & PageQuery)
  | { readonly ok: false; readonly parameter: string; readonly message: string };

export const perPageMax = 1000;
const perPageDefault = 30;
/** Values of one parameter. */
export const valueCountMax = 100;

const rolesOf: Readonly<Record<string, readonly EpcRole[]>> = {
  MATCH_epc: ["epc"],
  MATCH_parentID: ["parent"],
  MATCH_inputEPC: ["input"],
  MATCH_outputEPC: ["output"],
  MATCH_anyEPC: ["epc", "parent", "input", "output"],
  MATCH_epcClass: ["class"],
  MATCH_inputEPCClass: ["input_class"],
  MATCH_outputEPCClass: ["output_class"],
  MATCH_anyEPCClass: ["class", "input_class", "output_class"],
};

const eventTypes = [
  ...["ObjectEvent", "AggregationEvent", "AssociationEvent"],
  ...["TransactionEvent", "TransformationEvent"],
];
/** What a parameter may say, where that is a few words. */
const wordsOf: Readonly<Record<string, readonly string[]>> = {
  eventType: eventTypes,
  EQ_eventType: eventTypes,
  EQ_action: ["ADD", "OBSERVE", "DELETE"],
  // The standard gives it no value, where an event that declares another wrong is asked for.
  EXISTS_errorDeclaration: ["", "true", "false"],
  orderBy: ["eventTime", "recordTime"],
  orderDirection: ["ASC", "DESC"],
};

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Reads the parameters; a list is separated by `|`, and a parameter may be repeated. */
export function readQuery(parameters: Readonly<Record<string, unknown>>): ReadQuery {
  const filter: Mutable<EventFilter> = {};
  const page: Mutable<PageQuery> = { perPage: perPageDefault };
  for (const [name, raw] of Object.entries(parameters)) {
    const texts = [raw].flat().map(String);
    const values = name === "nextPageToken" ? texts : texts.flatMap((text) => text.split("|"));
    const problem = problemOf(filter, page, name, values);
    if (problem !== undefined) return { ok: false, parameter: name, message: problem };
  }
  const { order, ...rest } = page;
  const misfit = misfitOf(parameters);
  if (misfit !== undefined) return { ok: false, ...misfit };
  return { ok: true, filter, ...rest, ...(parameters["orderBy"] === undefined ? {} : { order }) };
}

function problemOf(
  filter: Mutable<EventFilter>,
  page: Mutable<PageQuery>,
  name: string,
  values: string[],
): string | undefined {
  if (values.length > valueCountMax) return `has more than ${valueCountMax} values`;
  const known = Object.hasOwn(wordsOf, name) ? wordsOf[name]! : values;
  if (!values.every((value) => known.includes(value)))
    return `must be of ${known.filter(Boolean).join(", ")}`;
  const read = Object.hasOwn(pageParameters, name) ? pageParameters[name] : undefined;
  if (read === undefined) return addParameter(filter, name, values) ?? faultOf(name, values);
  return values.length === 1 ? read(page, values[0]!) : "takes one value";
}

const named =
  /^((EQ|WD)_(readPoint|bizLocation)|EQ_(eventID|correctiveEventID|transformationID|(bizTransaction|source|destination)_.*))$/;

/** What is wrong with the first of the values that names nothing (8.2.7.1). */
function faultOf(name: string, values: readonly string[]): string | undefined {
  if (name.startsWith("EXISTS_") && values.length > 1) return "takes one value";
  const fault = name.startsWith("MATCH_") ? unitFault : named.test(name) ? nameFault : undefined;
  const faults = fault === undefined ? [] : values.map(fault);
  return faults.find((text) => text !== undefined);
}

/** What two parameters say that do not go together (8.2.7.1). */
function misfitOf(asked: Readonly<Record<string, unknown>>) {
  const has = (name: string) => asked[name] !== undefined;
  if (has("eventCountLimit") && !has("orderBy"))
    return { parameter: "eventCountLimit", message: "needs orderBy" };
  if (has("eventCountLimit") && has("maxEventCount"))
    return { parameter: "maxEventCount", message: "does not go together with eventCountLimit" };
  return undefined;
}

type PageReader = (page: Mutable<PageQuery>, value: string) => string | undefined;

/** A whole number from 1 on, into a field of the page. */
function counted(field: "perPage" | "eventCountLimit" | "maxEventCount", max: number): PageReader {
  return (page, value) => {
    const count = /^\d{1,15}$/.test(value) ? Number(value) : 0;
    // A larger page than there is becomes the largest; a larger limit would not be kept.
    if (count < 1 || (count > max && field !== "perPage")) return `must be 1..${max}`;
    page[field] = Math.min(count, max);
    return undefined;
  };
}

// The order of the standard is descending where nobody says otherwise.
const defaultOrder: EventOrder = { by: "eventTime", isDescending: true };

const pageParameters: Readonly<Record<string, PageReader>> = {
  perPage: counted("perPage", perPageMax),
  eventCountLimit: counted("eventCountLimit", Number.MAX_SAFE_INTEGER),
  maxEventCount: counted("maxEventCount", perPageMax),
  nextPageToken: (page, value) => {
    page.token = value;
    return undefined;
  },
  orderBy: (page, value) => {
    page.order = { ...defaultOrder, ...page.order, by: value as EventOrder["by"] };
    return undefined;
  },
  orderDirection: (page, value) => {
    page.order = { ...defaultOrder, ...page.order, isDescending: value === "DESC" };
    return undefined;
  },
};

function addParameter(
  filter: Mutable<EventFilter>,
  name: string,
  values: string[],
): string | undefined {
  const reference = referenceFilter(name, values);
  if (typeof reference === "string") return reference;
  if (reference !== undefined) {
    filter.references = [...(filter.references ?? []), reference];
    return undefined;
  }
  const roles = Object.hasOwn(rolesOf, name) ? rolesOf[name] : undefined;
  if (roles !== undefined) {
    filter.epcs = [...(filter.epcs ?? []), { uris: values.map(canonicalUri), roles }];
    return undefined;
  }
  const [, comparison = "", field = ""] = /^(EQ|WD|GE|LT|EXISTS)_(\w+)$/.exec(name) ?? [];
  if (comparison === "GE" || comparison === "LT") return addTime(filter, comparison, field, values);
  if (!Object.hasOwn(equalities, name)) return "is no parameter that is known here";
  Object.assign(filter, equalities[name]!(values));
  return undefined;
}

const equalities: Readonly<Record<string, (values: string[]) => EventFilter>> = {
  eventType: (types) => ({ types }),
  EQ_eventType: (types) => ({ types }),
  EQ_action: (actions) => ({ actions }),
  EQ_eventID: (eventIds) => ({ eventIds }),
  EQ_bizStep: (words) => ({ bizSteps: words.map((word) => canonicalWord("bizStep", word)!) }),
  EQ_disposition: (words) => ({
    dispositions: words.map((word) => canonicalWord("disposition", word)!),
  }),
  EQ_readPoint: (uris) => ({ readPoint: placeFilter(uris, false) }),
  WD_readPoint: (uris) => ({ readPoint: placeFilter(uris, true) }),
  EQ_bizLocation: (uris) => ({ bizLocation: placeFilter(uris, false) }),
  WD_bizLocation: (uris) => ({ bizLocation: placeFilter(uris, true) }),
  EXISTS_errorDeclaration: ([value]) => ({ isDeclaration: value !== "false" }),
};

function placeFilter(uris: string[], withBelow: boolean): PlaceFilter {
  return { uris: uris.map(canonicalUri), withBelow };
}

const timeFields = {
  eventTime: "eventTimeMs",
  recordTime: "recordTimeMs",
  errorDeclarationTime: "declarationTimeMs",
} as const;

function addTime(
  filter: Mutable<EventFilter>,
  comparison: "GE" | "LT",
  field: string,
  [text = "", ...others]: string[],
): string | undefined {
  if (!Object.hasOwn(timeFields, field)) return "is no parameter that is known here";
  if (others.length > 0) return "takes one value";
  // A plus that was not escaped arrives as a space.
  const time = canonicalTime(text.replace(/ (?=\d\d:\d\d$)/, "+"));
  if (time === undefined) return "must be a time with a zone, like 2026-03-04T11:00:30.000Z";
  const key = timeFields[field as keyof typeof timeFields];
  const bound = comparison === "GE" ? "from" : "before";
  filter[key] = { ...filter[key], [bound]: Date.parse(time) };
  return undefined;
}

/** Whether an event of an entry is what is asked for, as far as no column of the entry says. */
export function fits(event: EpcisEvent, filter: EventFilter): boolean {
  const { eventIds, isDeclaration, declarationTimeMs, references = [] } = filter;
  if (eventIds !== undefined && !eventIds.includes(event.eventID ?? "")) return false;
  const { errorDeclaration } = event;
  if (isDeclaration !== undefined && isDeclaration !== (errorDeclaration !== undefined))
    return false;
  if (declarationTimeMs !== undefined) {
    const { from = Number.NEGATIVE_INFINITY, before = Number.POSITIVE_INFINITY } =
      declarationTimeMs;
    const timeMs = Date.parse(errorDeclaration?.declarationTime ?? "");
    if (!(timeMs >= from && timeMs < before)) return false;
  }
  if (references.length === 0) return true;
  const own = referencesOf(event, standardNamespaces);
  return references.every((asked) =>
    own.some(({ role, name }) => role === asked.role && asked.names.includes(name)),
  );
}

/** Every parameter that narrows a query, or orders what it finds. */
export const queryParameterNames: readonly string[] = [
  ...Object.keys(equalities),
  ...Object.keys(rolesOf),
  ...["GE", "LT"].flatMap((bound) => Object.keys(timeFields).map((field) => `${bound}_${field}`)),
  ...referenceParameterNames,
  ...["orderBy", "orderDirection", "eventCountLimit", "maxEventCount"],
];
