// What an event refers to beside units, words and places: transactions, sources, destinations, a transformation, and
// what it declares wrong. The same text stands in the ledger and in a query. Pure.

import {
  canonicalValue,
  type Namespaces,
  standardNamespaces,
  wordStems,
} from "../../contract/epcis/canonical-value.ts";
import type { EpcisEvent } from "../../contract/epcis/event.ts";
import { bizTransactionTypes, sourceDestinationTypes } from "../../contract/epcis/words.ts";
import { canonicalUri } from "./places.ts";

/** One of them: what it is to the event (of a transaction, its type too), and its name. */
export interface Reference {
  readonly role: string;
  readonly name: string;
}

/** Any of the names, in the role. */
export interface ReferenceFilter {
  readonly role: string;
  readonly names: readonly string[];
}

/** When the event was declared wrong: a time in UTC to the millisecond, so that text stands in its order. */
export const declarationTimeRole = "declaration_time";
const errorReasonRole = "error_reason";
const correctiveRole = "corrective_event";

/** Roles that only an event which declares another wrong has. */
export const declarationRoles: readonly string[] = [
  ...[declarationTimeRole, errorReasonRole, correctiveRole],
];

/** A time as `declarationTimeRole` has it. */
export function timeName(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

/** Lists of an event whose members have a type, by the name of their member. */
const typedLists = {
  bizTransaction: { stem: wordStems.bizTransaction, words: bizTransactionTypes },
  source: { stem: wordStems.sourceOrDestination, words: sourceDestinationTypes },
  destination: { stem: wordStems.sourceOrDestination, words: sourceDestinationTypes },
} as const;
type TypedList = keyof typeof typedLists;

/** All that an event refers to, each once. A transaction without a type cannot be asked for. */
export function referencesOf(event: EpcisEvent, namespaces: Namespaces): Reference[] {
  const found = new Map<string, Reference>();
  const add = (role: string, name: string) => found.set(`${role} ${name}`, { role, name });
  const addTyped = (list: TypedList, type: string | undefined, uri: string) => {
    if (type !== undefined) add(typedRole(list, type, namespaces), canonicalUri(uri));
  };
  for (const each of event.bizTransactionList ?? [])
    addTyped("bizTransaction", each.type, each.bizTransaction);
  for (const { type, source } of event.sourceList ?? []) addTyped("source", type, source);
  for (const { type, destination } of event.destinationList ?? [])
    addTyped("destination", type, destination);
  const { transformationID } = event as { transformationID?: string };
  if (transformationID !== undefined) add("transformation", canonicalUri(transformationID));
  const { declarationTime, reason, correctiveEventIDs = [] } = event.errorDeclaration ?? {};
  if (declarationTime !== undefined)
    add(declarationTimeRole, timeName(Date.parse(declarationTime)));
  if (reason !== undefined) add(errorReasonRole, reasonUri(reason, namespaces));
  for (const eventId of correctiveEventIDs) add(correctiveRole, eventId);
  return [...found.values()];
}

/** What a query's parameter asks for; undefined for a parameter of another kind, a text for what is wrong with it. */
export function referenceFilter(
  parameter: string,
  values: readonly string[],
): ReferenceFilter | string | undefined {
  const names = values.map(canonicalUri);
  if (parameter === "EQ_transformationID") return { role: "transformation", names };
  if (parameter === "EQ_correctiveEventID") return { role: correctiveRole, names: values };
  if (parameter === "EQ_errorReason") {
    const reasons = values.map((value) => reasonUri(value, standardNamespaces));
    return { role: errorReasonRole, names: reasons };
  }
  const [, list = "", type = ""] =
    /^EQ_(bizTransaction|source|destination)_(.+)$/.exec(parameter) ?? [];
  if (!Object.hasOwn(typedLists, list)) return undefined;
  const { words } = typedLists[list as TypedList];
  if (!type.includes(":") && !(words as readonly string[]).includes(type))
    return `its type must be a URI, or of ${words.join(", ")}`;
  return { role: typedRole(list as TypedList, type, standardNamespaces), names };
}

/** Names of these parameters, for the reader of a description; a type may be a URI as well. */
export const referenceParameterNames: readonly string[] = [
  ...Object.entries(typedLists).flatMap(([list, { words }]) =>
    words.map((word) => `EQ_${list}_${word}`),
  ),
  ...["EQ_transformationID", "EQ_errorReason", "EQ_correctiveEventID"],
];

function typedRole(list: TypedList, type: string, namespaces: Namespaces): string {
  const writing = { namespaces, hasPlainApostrophes: false };
  return `${list} ${canonicalValue("type", type, writing, typedLists[list].stem)}`;
}

function reasonUri(reason: string, namespaces: Namespaces): string {
  const writing = { namespaces, hasPlainApostrophes: false };
  return canonicalValue("reason", reason, writing, wordStems.errorReason);
}
