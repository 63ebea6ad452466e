// Entries of the ledger as events of EPCIS 2.0: what happened in CBV's words, with Digital Links for identities, and the
// event hash as the ID, so that the same entry is the same event whenever and by whomever it is asked for. Pure.

import { standardNamespaces, wordStems } from "../../contract/epcis/canonical-value.ts";
import type { EpcisEvent } from "../../contract/epcis/event.ts";
import { eventHash } from "../../contract/epcis/event-hash.ts";
import { canonicalLink } from "../../contract/gs1/digital-link.ts";
import type { Entry } from "../../contract/stock.ts";
import { isReal } from "../ledger/settle.ts";

/** What events and documents of ours declare beside EPCIS's own context. */
export const ownNamespaces = { gondola: "urn:gondola:epcis:" };

const namespaces = { ...standardNamespaces, ...ownNamespaces };

/** CBV's words for a reason of an entry. A disposition that is left out stays what it was. */
interface Meaning {
  readonly bizStep: string;
  readonly disposition?: string;
}

// A shopper's pick is no `picking`, which is of orders; CBV has no word for it. A first sight and a counted difference
// say where goods are, not in which condition.
const meanings: Readonly<Record<string, Meaning>> = {
  receiving: { bizStep: "receiving", disposition: "in_progress" },
  stocking: { bizStep: "stocking", disposition: "sellable_accessible" },
  customer_pick: { bizStep: "other", disposition: "sellable_not_accessible" },
  customer_putback: { bizStep: "stocking", disposition: "sellable_accessible" },
  retail_selling: { bizStep: "retail_selling", disposition: "retail_sold" },
  returning: { bizStep: "receiving", disposition: "returned" },
  shipping: { bizStep: "shipping", disposition: "in_transit" },
  arriving: { bizStep: "arriving", disposition: "in_progress" },
  departing: { bizStep: "departing", disposition: "in_transit" },
  // By where to: see `meaningKeyOf`. A condition that nobody said stays what it was.
  "relocating sellable": { bizStep: "storing" },
  "relocating set_aside": { bizStep: "storing" },
  "relocating returned": { bizStep: "storing", disposition: "returned" },
  "relocating quality_hold": { bizStep: "holding", disposition: "non_sellable_other" },
  "relocating damaged": { bizStep: "holding", disposition: "damaged" },
  // A return that is recycled; and what was written off, which nobody has seen destroyed.
  "relocating @loss damaged": { bizStep: "destroying", disposition: "destroyed" },
  "relocating @loss": { bizStep: "other", disposition: "unknown" },
  first_seen: { bizStep: "cycle_counting" },
  count_difference: { bizStep: "stock_taking" },
  // What the ledger concludes of several facts (`../ledger/flow.ts`): where the unit was, and what became of it.
  pick_claimed: { bizStep: "other", disposition: "reserved" },
  putback_claimed: { bizStep: "other", disposition: "sellable_accessible" },
  putback_unpicked: { bizStep: "other", disposition: "sellable_accessible" },
  sale_from_floor: { bizStep: "other", disposition: "retail_sold" },
  sale_from_basket: { bizStep: "other", disposition: "retail_sold" },
  exit_paid: { bizStep: "entering_exiting", disposition: "retail_sold" },
  exit_repeated: { bizStep: "entering_exiting" },
  exit_from_basket: { bizStep: "entering_exiting", disposition: "sellable_not_accessible" },
  basket_timeout: { bizStep: "other", disposition: "sellable_accessible" },
  // Orders that were promised (`../ledger/claims.ts`).
  claim_pick: { bizStep: "picking", disposition: "reserved" },
  claim_hand_over: { bizStep: "retail_selling", disposition: "retail_sold" },
  claim_release: { bizStep: "stocking", disposition: "sellable_accessible" },
  // Sent to another store and never seen there.
  transfer_written_off: { bizStep: "other", disposition: "unknown" },
  // Unpaid and gone: nobody has seen it stolen.
  exit_timeout: { bizStep: "other", disposition: "unknown" },
};
const unnamedMeaning: Meaning = { bizStep: "other" };

const told = [...Object.values(meanings), unnamedMeaning];
/** Every word that events of entries can have (canonical URIs). */
export const ownWords = {
  bizStep: told.map(({ bizStep }) => wordStems.bizStep + bizStep),
  disposition: told.flatMap(({ disposition }) =>
    disposition === undefined ? [] : wordStems.disposition + disposition,
  ),
};

/** Under which name `meanings` has an entry: its reason, and of what was only moved where it went. */
function meaningKeyOf({ reason, to: { location, state } }: Pick<Entry, "reason" | "to">): string {
  if (reason !== "relocating") return reason;
  if (!location.endsWith("/@loss")) return `relocating ${state}`;
  return state === "damaged" ? "relocating @loss damaged" : "relocating @loss";
}

/** The same of a row of `entries`. */
export const meaningKeySql = `CASE WHEN reason <> 'relocating' THEN reason
   WHEN NOT to_location LIKE '%/@loss' THEN 'relocating ' || to_state
   WHEN to_state = 'damaged' THEN 'relocating @loss damaged' ELSE 'relocating @loss' END`;

/** The event of an entry. `locationUri` names a place; a store's own URI serves where it has no GLN. */
export function eventOfEntry(
  entry: Entry,
  locationUri: (location: string) => string = ownLocationUri,
): EpcisEvent {
  const { from, to } = entry;
  const meaningKey = meaningKeyOf(entry);
  const meaning = Object.hasOwn(meanings, meaningKey) ? meanings[meaningKey]! : unnamedMeaning;
  const seenAt = [to, from].find(({ location }) => isReal(location));
  const event = {
    type: "ObjectEvent" as const,
    action: "OBSERVE" as const,
    eventTime: new Date(entry.occurredAtMs).toISOString(),
    eventTimeZoneOffset: "+00:00",
    ...identityOf(entry),
    ...meaning,
    ...(seenAt === undefined ? {} : { readPoint: { id: locationUri(seenAt.location) } }),
    // Where it is afterwards; behind the till that is nowhere.
    ...(isReal(to.location) ? { bizLocation: { id: locationUri(to.location) } } : {}),
    // Two like units that move in the same millisecond are two events.
    "gondola:entry": `${entry.storeId}/${entry.entryNumber}`,
  };
  const recordTime = new Date(entry.recordedAtMs).toISOString();
  return { ...event, eventID: eventHash(event, { namespaces }), recordTime };
}

/** What undid an entry: the entry that took it back, and those that were posted instead. */
export interface Correction {
  readonly original: Entry;
  readonly instead: readonly Entry[];
}

/**
 * The event of an entry that takes another back: the other's event once more, with the declaration that it did not
 * happen so (EPCIS 2.0, 7.4.1.4). One entry is one event here too.
 */
export function declarationOfEntry(
  entry: Entry,
  { original, instead }: Correction,
  locationUri: (location: string) => string = ownLocationUri,
): EpcisEvent {
  const ids = instead.map((each) => eventOfEntry(each, locationUri).eventID!);
  return {
    ...eventOfEntry(original, locationUri),
    recordTime: new Date(entry.recordedAtMs).toISOString(),
    errorDeclaration: {
      declarationTime: new Date(entry.recordedAtMs).toISOString(),
      reason: ids.length === 0 ? "did_not_occur" : "incorrect_data",
      ...(ids.length === 0 ? {} : { correctiveEventIDs: ids }),
      "gondola:entry": `${entry.storeId}/${entry.entryNumber}`,
    },
  };
}

/** Which meanings (`meaningKeySql`) have a word that is asked for; `isExcept`: all but these. */
export interface MeaningFilter {
  readonly keys: readonly string[];
  readonly isExcept: boolean;
}

/** The meanings of entries whose events have one of the words (canonical URIs). */
export function meaningsOf(asked: {
  bizSteps?: readonly string[] | undefined;
  dispositions?: readonly string[] | undefined;
}): MeaningFilter {
  const isAsked = ({ bizStep, disposition }: Meaning) => {
    const { bizSteps, dispositions } = asked;
    const isStep = bizSteps === undefined || bizSteps.includes(wordStems.bizStep + bizStep);
    const isState =
      dispositions === undefined ||
      (disposition !== undefined && dispositions.includes(wordStems.disposition + disposition));
    return isStep && isState;
  };
  const names = Object.keys(meanings);
  const isExcept = isAsked(unnamedMeaning);
  return { keys: names.filter((name) => isAsked(meanings[name]!) !== isExcept), isExcept };
}

/** A place of a store as a URI. */
export function ownLocationUri(location: string): string {
  return `urn:gondola:location:${location.replaceAll("/", ":")}`;
}

// A serialised unit by itself, others as a quantity of their class; a tag that is not GS1 as TDS has it (14.4, step 6).
function identityOf({ item, serial, lot, quantity }: Entry) {
  if (item.startsWith("epc/")) {
    const hex = item.slice("epc/".length);
    return { epcList: [`urn:epc:raw:${hex.length * 4}.x${hex}`] };
  }
  const unit = serial === undefined ? undefined : linkOf(item, "21", serial);
  if (unit !== undefined) return { epcList: [unit] };
  const batch = lot === undefined ? undefined : linkOf(item, "10", lot);
  const epcClass = batch ?? `https://id.gs1.org/01/${item}`;
  return { quantityList: [{ epcClass, quantity }] };
}

function linkOf(gtin: string, ai: string, value: string): string | undefined {
  const link = canonicalLink([
    ["01", gtin],
    [ai, value],
  ]);
  return link.ok ? link.uri : undefined;
}
