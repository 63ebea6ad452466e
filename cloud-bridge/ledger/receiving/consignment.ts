// What was to come to a store, and what came: deliveries of suppliers, transfers between stores. Pure. What was sent and
// received is read from the movements that name the consignment, so the order in which they arrive does not matter.

import type { Alert } from "../../../contract/stock.ts";

export const consignmentKinds = ["delivery", "transfer"] as const;
export type ConsignmentKind = (typeof consignmentKinds)[number];

/** Of captured shipments alone: `withdrawn` by who sent them, `expired` where nobody ended them in time. */
export const consignmentStates = ["open", "closed", "cancelled", "withdrawn", "expired"] as const;
export type ConsignmentState = (typeof consignmentStates)[number];

/** So many units of a product; of a delivery with their lot and their serials, where the announcer named them. */
export interface ConsignmentLine {
  readonly item: string;
  readonly quantity: number;
  readonly lot?: string;
  readonly serials?: readonly string[];
}

/** A consignment as it was announced. */
export interface Consignment {
  /** Named by the reference of its movements. */
  readonly consignmentId: string;
  readonly kind: ConsignmentKind;
  /** Where it goes. */
  readonly storeId: string;
  /** The supplier's name; of a transfer the store it comes from. */
  readonly from: string;
  readonly expectedAtMs?: number;
  /** None, where nobody said what is in it: a transfer is what was sent, a delivery what came. */
  readonly lines: readonly ConsignmentLine[];
  readonly state: ConsignmentState;
  readonly openedAtMs: number;
  readonly openedBy: string;
  readonly closedAtMs?: number;
  readonly closedBy?: string;
  readonly reason?: string;
  /** Of a transfer that was closed so: what is lost for now, held equal to what was sent and never came. */
  readonly writtenOff?: readonly ConsignmentLine[];
  /** Of a delivery whose captured shipment is not kept any more: its report as it was then. */
  readonly finalReport?: readonly ReportLine[];
}

/** A movement that names a consignment. */
export interface ConsignmentMove {
  readonly side: "sent" | "received";
  readonly item: string;
  readonly quantity: number;
}

/** A unit with a serial: to come by its announcement or a captured shipment, `arrived` though nobody named that, or of a movement that names it. */
export interface ConsignmentUnit {
  readonly side: ConsignmentMove["side"] | "expected" | "arrived";
  readonly item: string;
  readonly serial: string;
  /** How often it was named. */
  readonly quantity: number;
}

/** Units of a lot. */
export type LotQuantity = { readonly lot: string; readonly quantity: number };

/** Units of a lot that came. */
export interface ConsignmentLot extends LotQuantity {
  readonly item: string;
}

/** A line beside what happened. */
export interface ReportLine {
  readonly item: string;
  readonly expected: number;
  /** Of a transfer: what left the store it comes from. */
  readonly sent?: number;
  readonly received: number;
  readonly missing: number;
  readonly extra: number;
  /** Nobody announced it. */
  readonly isUnlisted?: true;
  /** Serials that were to come and did not, where units without a serial cannot have been these. */
  readonly missingUnits?: string[];
  /** Serials that came, where others were to come. */
  readonly unknownUnits?: string[];
  /** The same of lots. */
  readonly missingLots?: LotQuantity[];
  readonly unknownLots?: LotQuantity[];
}

/** Lines of one consignment. */
export const consignmentLineCountMax = 2000;
/** Serials that its announcement names. */
export const consignmentUnitCountMax = 5000;
/** Serials, or lots, that a line names of each kind. */
const unitCountMax = 100;
/** Lines that an alert names. */
const shownLineCountMax = 20;
/** So long after it was expected a consignment that is still open is overdue. */
export const overdueMs = 24 * 3_600_000;

/** Units may have come so long before a delivery that names them is announced. */
export const lateAnnouncementMsMax = 24 * 3_600_000;

/** Who sent and announced a shipment that was captured. */
export const capturer = "epcis";

/** Whether nobody announced it but a shipment that was captured. */
export function isCaptured({ from, openedBy }: Consignment): boolean {
  return from === capturer && openedBy === capturer;
}

/** What came beside what was to come, by item. */
export function reportOf(
  { kind, lines }: Pick<Consignment, "kind" | "lines">,
  moves: readonly ConsignmentMove[],
  units: readonly ConsignmentUnit[] = [],
  lots: readonly ConsignmentLot[] = [],
): ReportLine[] {
  const announced = sumsOf(lines);
  const sent = sumsOf(moves.filter(({ side }) => side === "sent"));
  const arrived = units.filter(({ side }) => side === "arrived");
  const received = sumsOf([...moves.filter(({ side }) => side === "received"), ...arrived]);
  // What left the other store is on its way, whatever had been announced.
  const isAnnounced = lines.length > 0;
  const expected = kind === "transfer" && (sent.size > 0 || !isAnnounced) ? sent : announced;
  const hasList = kind === "transfer" || isAnnounced;
  const items = [...new Set([...announced.keys(), ...sent.keys(), ...received.keys()])].sort();
  return items.map((item) => {
    const [due, came] = [expected.get(item) ?? 0, received.get(item) ?? 0];
    const isUnlisted = isAnnounced && !announced.has(item);
    return {
      ...{ item, expected: due },
      ...(kind === "transfer" ? { sent: sent.get(item) ?? 0 } : {}),
      received: came,
      missing: Math.max(due - came, 0),
      extra: hasList ? Math.max(came - due, 0) : 0,
      ...(isUnlisted ? { isUnlisted } : {}),
      ...unitsOf(
        units.filter((unit) => unit.item === item),
        { kind, due, came },
      ),
      ...lotsOf(
        lines.filter((line) => line.item === item),
        { lots: lots.filter((lot) => lot.item === item), due, came },
      ),
    };
  });
}

/** Which units of a line are missing and which nobody sent; only what must be so is said. */
function unitsOf(
  units: readonly ConsignmentUnit[],
  { kind, due, came }: { kind: ConsignmentKind; due: number; came: number },
): Pick<ReportLine, "missingUnits" | "unknownUnits"> {
  const serialsOf = (side: ConsignmentUnit["side"]) =>
    new Set(units.filter((unit) => unit.side === side).map(({ serial }) => serial));
  const expected = serialsOf(kind === "transfer" ? "sent" : "expected");
  const named = units.filter(({ side }) => side === "received" || side === "arrived");
  const received = new Set(named.map(({ serial }) => serial));
  if (expected.size === 0) return {};
  const missing = [...expected].filter((serial) => !received.has(serial));
  const unknown = [...received].filter((serial) => !expected.has(serial));
  const namedCount = unitSum(named);
  const unnamedCount = Math.max(came - namedCount, 0);
  const isWhole = expected.size >= due;
  return {
    ...(missing.length > unnamedCount ? { missingUnits: missing.slice(0, unitCountMax) } : {}),
    ...(isWhole && unknown.length > 0 ? { unknownUnits: unknown.slice(0, unitCountMax) } : {}),
  };
}

/** The same of lots, by how many units came of each. */
function lotsOf(
  lines: readonly ConsignmentLine[],
  { lots, due, came }: { lots: readonly LotQuantity[]; due: number; came: number },
): Pick<ReportLine, "missingLots" | "unknownLots"> {
  const expected = new Map<string, number>();
  for (const { lot, quantity } of lines) {
    if (lot !== undefined) expected.set(lot, (expected.get(lot) ?? 0) + quantity);
  }
  if (expected.size === 0) return {};
  const received = new Map(lots.map(({ lot, quantity }) => [lot, quantity]));
  const missing = [...expected].flatMap(([lot, quantity]) => {
    const lack = quantity - (received.get(lot) ?? 0);
    return lack > 0 ? [{ lot, quantity: lack }] : [];
  });
  const unknown = lots.filter(({ lot }) => !expected.has(lot));
  const unnamedCount = Math.max(came - unitSum(lots), 0);
  const isWhole = unitSum(lines.filter(({ lot }) => lot !== undefined)) >= due;
  const shown = (some: readonly LotQuantity[]) =>
    some.slice(0, unitCountMax).map(({ lot, quantity }) => ({ lot, quantity }));
  return {
    ...(unitSum(missing) > unnamedCount ? { missingLots: shown(missing) } : {}),
    ...(isWhole && unknown.length > 0 ? { unknownLots: shown(unknown) } : {}),
  };
}

function unitSum(some: readonly { readonly quantity: number }[]): number {
  return some.reduce((sum, { quantity }) => sum + quantity, 0);
}

/** Tells what is missing and what was too much; undefined where everything came. */
export function discrepancyAlert(
  { consignmentId, kind, storeId, from }: Consignment,
  lines: readonly ReportLine[],
  nowMs: number,
): Alert | undefined {
  const counted = lines.map((line) => ({
    line,
    missing: Math.max(
      line.missing,
      line.missingUnits?.length ?? 0,
      unitSum(line.missingLots ?? []),
    ),
    extra: Math.max(line.extra, line.unknownUnits?.length ?? 0, unitSum(line.unknownLots ?? [])),
  }));
  const wrong = counted.filter(({ missing, extra }) => missing + extra > 0);
  if (wrong.length === 0) return undefined;
  const missing = wrong.reduce((sum, each) => sum + each.missing, 0);
  const extra = wrong.reduce((sum, each) => sum + each.extra, 0);
  return {
    ...{ storeId, code: `${kind}_discrepancy`, severity: "warning", atMs: nowMs },
    message: `${kind} ${consignmentId} from ${from}: ${missing} missing, ${extra} too many`,
    detail: {
      ...{ key: consignmentId, from, missing, extra, lineCount: wrong.length },
      lines: wrong.slice(0, shownLineCountMax).map(({ line }) => ({ ...line })),
    },
  };
}

/** Tells that it should have come. */
export function overdueAlert(
  { consignmentId, kind, storeId, from, expectedAtMs = 0 }: Consignment,
  nowMs: number,
): Alert {
  const hours = Math.floor((nowMs - expectedAtMs) / 3_600_000);
  return {
    ...{ storeId, code: `${kind}_overdue`, severity: "warning", atMs: nowMs },
    message: `${kind} ${consignmentId} from ${from} was expected ${hours} h ago and is still open`,
    detail: { key: consignmentId, from, expectedAtMs },
  };
}

/** Tells of a captured shipment that should have come: nobody said when, so its age tells. */
export function overdueShipmentAlert(
  { consignmentId, storeId, from }: Consignment,
  { shippedAtMs, nowMs }: { readonly shippedAtMs: number; readonly nowMs: number },
): Alert {
  const days = Math.floor((nowMs - shippedAtMs) / 86_400_000);
  return {
    ...{ storeId, code: "delivery_overdue", severity: "warning", atMs: nowMs },
    message: `delivery ${consignmentId} from ${from} was shipped ${days} d ago and is still open`,
    detail: { key: consignmentId, from, shippedAtMs },
  };
}

function sumsOf(lines: readonly ConsignmentLine[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { item, quantity } of lines) sums.set(item, (sums.get(item) ?? 0) + quantity);
  return sums;
}
