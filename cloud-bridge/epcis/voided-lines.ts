// Which lines of shipments their senders called off. Pure.

import type { EpcisEvent } from "../../contract/epcis/event.ts";
import { epcsOf } from "./captured-event.ts";
import { type Contents, type ExpectedLine, linesOf, shipmentOf } from "./expected-lines.ts";
import { canonicalUri } from "./places.ts";
import { type NamedUnit, unitOfUri } from "./unit-of-uri.ts";

/** That goods were called off. */
export interface Void {
  /** Whose lines it withdraws; empty for every store's. */
  readonly storeId: string;
  readonly eventTimeMs: number;
  /** When it was captured. */
  readonly recordTimeMs: number;
  /** The one shipment that it names, as `canonicalUri` has it. */
  readonly about?: string;
  readonly units: readonly NamedUnit[];
}

/** A line of a shipment, and what names that. */
export interface ShippedLine extends Pick<ExpectedLine, "item" | "serial" | "lot" | "sscc"> {
  readonly storeId: string;
  readonly shippedAtMs: number;
  readonly names: ReadonlySet<string>;
}

/** What a void names: units, lots and products, logistic units, and those inside these. */
export function voidedUnits(
  event: EpcisEvent,
  contentsOf: (uri: string) => Contents | undefined,
): NamedUnit[] {
  const own = epcsOf(event).flatMap(({ epc }) => unitOfUri(epc) ?? []);
  if (!own.some(({ item }) => item.startsWith("sscc/"))) return own;
  const inner = new Set(linesOf(event, contentsOf).flatMap(({ sscc }) => sscc ?? []));
  return [...own, ...[...inner].map((sscc) => ({ item: `sscc/${sscc}` }))];
}

/** The shipment that a void is about, where it names one. */
export function voidedShipment(event: EpcisEvent): Pick<Void, "about"> {
  const name = shipmentOf(event);
  return name === undefined ? {} : { about: canonicalUri(name) };
}

/**
 * Looks lines up among voids: gives the first that was captured of those that call the line off. What was shipped after a void,
 * is of another lot, or of another shipment than the void names, it does not touch.
 */
export function voidOf(voids: readonly Void[]): (line: ShippedLine) => Void | undefined {
  const byUnit = new Map<string, Void[]>();
  for (const each of voids) {
    for (const key of new Set(each.units.map(keyOf))) {
      const same = byUnit.get(key) ?? [];
      same.push(each);
      byUnit.set(key, same);
    }
  }
  return (line) => {
    const { item, serial, sscc, storeId, shippedAtMs, names } = line;
    const keys = [keyOf(line)];
    // Units of a lot are units of their product too; one with a serial is called off by that alone.
    if (serial === undefined) keys.push(keyOf({ item }));
    if (sscc !== undefined) keys.push(keyOf({ item: `sscc/${sscc}` }));
    const fitting = keys
      .flatMap((key) => byUnit.get(key) ?? [])
      .filter((each) => each.storeId === "" || each.storeId === storeId)
      .filter(({ eventTimeMs }) => shippedAtMs <= eventTimeMs)
      .filter(({ about }) => about === undefined || names.has(about));
    return fitting.reduce<Void | undefined>((first, each) => {
      return first === undefined || each.recordTimeMs < first.recordTimeMs ? each : first;
    }, undefined);
  };
}

function keyOf({ item, serial, lot }: NamedUnit): string {
  if (serial !== undefined) return `${item} 21 ${serial}`;
  return lot === undefined ? item : `${item} 10 ${lot}`;
}
