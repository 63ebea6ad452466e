// The parameters of an EPCIS query (EPCIS 2.0, 8.2.7.1), read into one filter. Pure.

import { canonicalTime } from "../../contract/epcis/canonical-value.ts";
import { canonicalWord, type EpcRole } from "./captured-event.ts";
import { canonicalUri } from "./places.ts";

/** Events that are asked for; a field that is absent asks for nothing. */
export interface EventFilter {
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

/** A filter and a page, or what is wrong with a parameter. */
export type ReadQuery =
  | {
      readonly ok: true;
      readonly filter: EventFilter;
      readonly perPage: number;
      readonly token?: string;
      /** More than these are a problem of the asker's. */
      readonly maxEventCount?: number;
    }
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
  EXISTS_errorDeclaration: ["true", "false"],
};

type Mutable = { -readonly [Key in keyof EventFilter]: EventFilter[Key] };

/** Reads the parameters; a list is separated by `|`, and a parameter may be repeated. */
export function readQuery(parameters: Readonly<Record<string, unknown>>): ReadQuery {
  const filter: Mutable = {};
  let perPage = perPageDefault;
  let token: string | undefined;
  let maxEventCount: number | undefined;
  for (const [name, raw] of Object.entries(parameters)) {
    const values = [raw]
      .flat()
      .map(String)
      .flatMap((text) => text.split("|"));
    const refuse = (message: string): ReadQuery => ({ ok: false, parameter: name, message });
    if (values.length > valueCountMax) return refuse(`has more than ${valueCountMax} values`);
    if (name === "perPage") {
      perPage = Number(values[0]);
      if (!Number.isSafeInteger(perPage) || perPage < 1) return refuse(`must be 1..${perPageMax}`);
      perPage = Math.min(perPage, perPageMax);
    } else if (name === "maxEventCount") {
      maxEventCount = Number(values[0]);
      if (!Number.isSafeInteger(maxEventCount) || maxEventCount < 1 || maxEventCount > perPageMax)
        return refuse(`must be 1..${perPageMax}`);
    } else if (name === "nextPageToken") {
      token = values.join("|");
    } else {
      const problem = addParameter(filter, name, values);
      if (problem !== undefined) return refuse(problem);
    }
  }
  return {
    ...{ ok: true, filter, perPage },
    ...(token === undefined ? {} : { token }),
    ...(maxEventCount === undefined ? {} : { maxEventCount }),
  };
}

function addParameter(filter: Mutable, name: string, values: string[]): string | undefined {
  const known = Object.hasOwn(wordsOf, name) ? wordsOf[name]! : values;
  if (!values.every((value) => known.includes(value))) return `must be of ${known.join(", ")}`;
  const roles = Object.hasOwn(rolesOf, name) ? rolesOf[name] : undefined;
  if (roles !== undefined) {
    filter.epcs = [...(filter.epcs ?? []), { uris: values.map(canonicalUri), roles }];
    return undefined;
  }
  const [, comparison = "", field = ""] = /^(EQ|WD|GE|LT|EXISTS)_(\w+)$/.exec(name) ?? [];
  if (comparison === "GE" || comparison === "LT") return addTime(filter, comparison, field, values);
  const add = equalities[`${comparison}_${field}`] ?? equalities[name];
  if (add === undefined) return "is no parameter that is known here";
  Object.assign(filter, add(values));
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

function addTime(
  filter: Mutable,
  comparison: "GE" | "LT",
  field: string,
  [text = ""]: string[],
): string | undefined {
  if (field !== "eventTime" && field !== "recordTime") return "is no parameter that is known here";
  // A plus that was not escaped arrives as a space.
  const time = canonicalTime(text.replace(/ (?=\d\d:\d\d$)/, "+"));
  if (time === undefined) return "must be a time with a zone, like 2026-03-04T11:00:30.000Z";
  const key = field === "eventTime" ? "eventTimeMs" : "recordTimeMs";
  const bound = comparison === "GE" ? "from" : "before";
  filter[key] = { ...filter[key], [bound]: Date.parse(time) };
  return undefined;
}

/** Every parameter that narrows a query. */
export const queryParameterNames: readonly string[] = [
  ...Object.keys(equalities),
  ...Object.keys(rolesOf),
  ...["GE", "LT"].flatMap((bound) => [`${bound}_eventTime`, `${bound}_recordTime`]),
];
