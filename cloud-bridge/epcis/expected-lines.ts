// What a supplier's shipment lets a store expect: lines of products, lots and units, from events that goods were sent
// and from events that say what was packed into what. Pure.

import type { EpcisEvent } from "../../contract/epcis/event.ts";
import { type CapturedEvent, canonicalWord } from "./captured-event.ts";
import { unitOfUri } from "./unit-of-uri.ts";

/** One line of what is to come. */
export interface ExpectedLine {
  /** A GTIN, `epc/HEX`, or `sscc/…` for a logistic unit whose contents nobody told yet. */
  readonly item: string;
  readonly serial?: string;
  readonly lot?: string;
  /** Logistic unit (SSCC) that it is packed in. */
  readonly sscc?: string;
  /** Units; 0 where it is measured. */
  readonly quantity: number;
  /** What is measured, `12.5 KGM`. */
  readonly measure?: string;
}

/** What was packed into a logistic unit. */
export interface Contents {
  readonly epcs: readonly string[];
  readonly quantities: readonly Quantity[];
}

interface Quantity {
  readonly epcClass: string;
  readonly quantity?: number | undefined;
  readonly uom?: string | undefined;
}

/** Logistic units inside each other that are looked into. */
export const packingDepthMax = 5;

const sentSteps = new Set(["shipping", "departing"].map((word) => canonicalWord("bizStep", word)));
/** The step of an event that calls goods off. */
export const voidStep = "https://ref.gs1.org/cbv/BizStep-void_shipping";

/** Whether goods were sent to a store that is known. */
export function isShipment(captured: CapturedEvent): boolean {
  const { storeId, bizStep, action, isDeclaration } = captured;
  if (storeId === "" || isDeclaration || action === "DELETE") return false;
  const hasAdvice = transactionsOf(captured.event).some(({ type }) => type.endsWith("desadv"));
  return sentSteps.has(bizStep) || (bizStep === undefined && hasAdvice);
}

/** By what name people know a shipment: its despatch advice, or its order. */
export function shipmentOf(event: EpcisEvent): string | undefined {
  const list = transactionsOf(event);
  const named = ["desadv", "bol", "po"].map((word) => list.find(({ type }) => type.endsWith(word)));
  return named.find((each) => each !== undefined)?.bizTransaction;
}

function transactionsOf({ bizTransactionList = [] }: EpcisEvent) {
  return bizTransactionList.map(({ type, bizTransaction }) => {
    return { type: `${type ?? ""}`, bizTransaction };
  });
}

/** Lines of a shipment. `contentsOf` tells what a logistic unit (canonical URI) holds, where somebody said so. */
export function linesOf(
  event: EpcisEvent,
  contentsOf: (uri: string) => Contents | undefined,
): ExpectedLine[] {
  if (event.type === "TransformationEvent") return [];
  const isOfMembers = event.type === "AggregationEvent" || event.type === "AssociationEvent";
  const own: Contents = isOfMembers
    ? { epcs: event.childEPCs ?? [], quantities: event.childQuantityList ?? [] }
    : { epcs: event.epcList ?? [], quantities: event.quantityList ?? [] };
  const parent = typeof event.parentID === "string" ? event.parentID : undefined;
  const sscc = parent === undefined ? undefined : ssccOf(parent);
  return linesOfContents(own, sscc, contentsOf, 0);
}

function linesOfContents(
  { epcs, quantities }: Contents,
  sscc: string | undefined,
  contentsOf: (uri: string) => Contents | undefined,
  depth: number,
): ExpectedLine[] {
  const packed = sscc === undefined ? {} : { sscc };
  const lines = epcs.flatMap((uri): ExpectedLine[] => {
    const unit = unitOfUri(uri);
    if (unit === undefined) return [];
    const inner = ssccOf(uri);
    const contents = inner === undefined || depth >= packingDepthMax ? undefined : contentsOf(uri);
    if (contents !== undefined) return linesOfContents(contents, inner, contentsOf, depth + 1);
    return [{ ...unit, ...packed, quantity: 1 }];
  });
  const counted = quantities.flatMap((each): ExpectedLine[] => {
    const unit = unitOfUri(each.epcClass);
    return unit === undefined ? [] : [{ ...unit, ...packed, ...amountOf(each) }];
  });
  return [...lines, ...counted];
}

function amountOf({ quantity = 0, uom }: Quantity): Pick<ExpectedLine, "quantity" | "measure"> {
  const isCount = uom === undefined && Number.isSafeInteger(quantity) && quantity > 0;
  return isCount ? { quantity } : { quantity: 0, measure: `${quantity} ${uom ?? "units"}` };
}

function ssccOf(uri: string): string | undefined {
  const item = unitOfUri(uri)?.item;
  return item?.startsWith("sscc/") ? item.slice("sscc/".length) : undefined;
}

/** What is in a logistic unit after events of packing and unpacking, in order. */
export function contentsAfter(events: readonly EpcisEvent[]): Contents | undefined {
  let epcs = new Set<string>();
  let quantities: readonly Quantity[] = [];
  let isKnown = false;
  for (const event of events) {
    if (event.type !== "AggregationEvent" || event.errorDeclaration !== undefined) continue;
    const { action, childEPCs = [], childQuantityList = [] } = event;
    isKnown = true;
    if (action === "DELETE") {
      const isAll = childEPCs.length === 0 && childQuantityList.length === 0;
      epcs = isAll ? new Set() : new Set([...epcs].filter((epc) => !childEPCs.includes(epc)));
      const gone = new Set(childQuantityList.map(({ epcClass }) => epcClass));
      quantities = isAll ? [] : quantities.filter(({ epcClass }) => !gone.has(epcClass));
    } else if (action === "ADD") {
      for (const epc of childEPCs) epcs.add(epc);
      quantities = [...quantities, ...childQuantityList];
    } else if (epcs.size === 0 && quantities.length === 0) {
      epcs = new Set(childEPCs);
      quantities = childQuantityList;
    }
  }
  return isKnown ? { epcs: [...epcs], quantities } : undefined;
}
