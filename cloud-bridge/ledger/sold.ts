// What was sold and may still be on its way out: sales less what came back, folded in the order of their
// time. Pure: the same sales give the same list, in whatever order they arrived.

import { serialKey } from "../../contract/gs1/digital-link.ts";
import type { Sold } from "../../contract/sold.ts";
import { gtinSchema } from "../../contract/units.ts";

/** A sale, or a return of what was sold. */
export interface Sale {
  readonly gtin: string;
  readonly serial?: string | undefined;
  readonly quantity: number;
  readonly atMs: number;
  readonly isReturn: boolean;
}

/** How long a sale is listed: as long as an exit may ask for it by default. */
export const soldWindows = { serialMs: 24 * 3_600_000, unitMs: 2 * 3_600_000 } as const;

/** Entries of each list; the oldest are left out beyond. */
export const soldCountMax = 20_000;

/** The list that exits read, and how many sales did not fit. */
export function soldList(
  sales: readonly Sale[],
  { storeId, asOfAtMs, nowMs }: { storeId: string; asOfAtMs: number; nowMs: number },
): { sold: Sold; droppedCount: number } {
  const serials = new Map<string, number>();
  const units = new Map<string, { atMs: number; quantity: number }[]>();
  // At one time a sale comes first: what came back then was sold before.
  const ordered = [...sales].sort(
    (a, b) => a.atMs - b.atMs || Number(a.isReturn) - Number(b.isReturn),
  );
  for (const sale of ordered) {
    const gtin = gtinSchema.safeParse(sale.gtin).data;
    if (gtin === undefined) continue;
    if (sale.serial !== undefined) {
      const key = serialKey(gtin, sale.serial);
      if (sale.isReturn) serials.delete(key);
      else serials.set(key, sale.atMs);
    } else if (sale.isReturn) takeBack(units.get(gtin) ?? [], sale.quantity);
    else addUnits(units, gtin, sale);
  }
  const recentSerials = [...serials]
    .filter(([, soldAtMs]) => nowMs - soldAtMs <= soldWindows.serialMs)
    .map(([key, soldAtMs]) => ({ key, soldAtMs }));
  const recentUnits = [...units].flatMap(([gtin, list]) =>
    list
      .filter(({ atMs, quantity }) => quantity > 0 && nowMs - atMs <= soldWindows.unitMs)
      .map(({ atMs, quantity }) => ({
        gtin: gtinSchema.parse(gtin),
        quantity: Math.min(quantity, 1_000_000),
        soldAtMs: atMs,
      })),
  );
  const kept = {
    serials: newest(recentSerials, ({ key }) => key),
    units: newest(recentUnits, ({ gtin }) => gtin),
  };
  const droppedCount =
    recentSerials.length + recentUnits.length - kept.serials.length - kept.units.length;
  return { sold: { schemaVersion: 1, storeId, asOfAtMs, ...kept }, droppedCount };
}

function addUnits(
  units: Map<string, { atMs: number; quantity: number }[]>,
  gtin: string,
  { atMs, quantity }: Sale,
): void {
  const list = units.get(gtin) ?? [];
  const last = list.at(-1);
  // An exit knows sales of a GTIN by their time.
  if (last?.atMs === atMs) last.quantity += quantity;
  else list.push({ atMs, quantity });
  units.set(gtin, list);
}

/** A return without a serial takes from the newest sales. */
function takeBack(list: { quantity: number }[], quantity: number): void {
  let left = quantity;
  for (const sale of [...list].reverse()) {
    const taken = Math.min(left, sale.quantity);
    sale.quantity -= taken;
    left -= taken;
  }
}

function newest<T extends { soldAtMs: number }>(list: T[], nameOf: (one: T) => string): T[] {
  const byName = (a: T, b: T) => (nameOf(a) < nameOf(b) ? -1 : 1);
  return list.sort((a, b) => b.soldAtMs - a.soldAtMs || byName(a, b)).slice(0, soldCountMax);
}

/** What is known of an edge that has a till. */
export interface TillEdge {
  /** Nothing older than this will follow from it. */
  readonly completeThroughAtMs: number;
  /** It has caught up where that reaches until then. Absent while it may be gone. */
  readonly caughtUpFromAtMs?: number | undefined;
}

/**
 * Until when all tills have told their sales. An edge that is there sends a sale at once, so one that has caught up
 * counts as of now; of one that may be gone or is still catching up only its word holds.
 */
export function soldAsOfAtMs(tills: readonly TillEdge[], nowMs: number): number {
  const each = tills.map(({ completeThroughAtMs, caughtUpFromAtMs }) => {
    const isCurrent = caughtUpFromAtMs !== undefined && completeThroughAtMs >= caughtUpFromAtMs;
    return isCurrent ? nowMs : Math.min(nowMs, completeThroughAtMs);
  });
  return Math.min(nowMs, ...each);
}
