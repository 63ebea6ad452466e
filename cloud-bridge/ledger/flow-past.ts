// From all entries of units with serials: how they passed an exit last, and when they came in from outside. Pure.

import { isExit } from "../../contract/units.ts";
import { type FlowRule, flowKindOf, isBasket, isFlowRule } from "./flow.ts";
import type { Leaving, UnitPast } from "./flow-exits.ts";
import type { FlowEntry } from "./flow-posting.ts";
import { inTime, nameOf } from "./flow-units.ts";
import { isReal } from "./settle.ts";

/** What entries of units say; `beforeMs`: of passages only those before it. */
export function pastOf(rows: readonly FlowEntry[], beforeMs: number): UnitPast {
  const left = new Map<string, Leaving>();
  const standingOf = standings(rows);
  const passages = rows.flatMap((row) =>
    row.atMs < beforeMs && flowKindOf(row) === "exit" ? { ...row, kind: "exit" as const } : [],
  );
  for (const passage of passages.sort(inTime)) {
    const { serial, atMs } = passage;
    if (serial === undefined) continue;
    const standing = standingOf(passage) ?? left.get(serial)?.standing ?? "unpaid";
    left.set(serial, { atMs, standing });
  }
  return { left, cameIn: rows.filter(isComingIn) };
}

/** What settlement said of each passage; undefined where it was one again. */
function standings(rows: readonly FlowEntry[]) {
  const sums = new Map<string, number>();
  for (const row of rows) {
    const key = `${row.reason} ${nameOf(row)}`;
    if (!isFlowRule(row.reason)) continue;
    sums.set(key, (sums.get(key) ?? 0) + (isExit(row.to.location) ? -1 : 1));
  }
  return (passage: FlowEntry): Leaving["standing"] | undefined => {
    const isSaid = (rule: FlowRule) => (sums.get(`${rule} ${nameOf(passage)}`) ?? 0) > 0;
    if (isSaid("exit_paid")) return "paid";
    if (isSaid("exit_timeout")) return "lost";
    return isSaid("exit_repeated") ? undefined : "unpaid";
  };
}

/** Whether a unit is in the store by the book that was out of it; a basket is in it. */
function isComingIn({ reason, serial, from, to }: FlowEntry): boolean {
  if (serial === undefined || isFlowRule(reason)) return false;
  const isFromOutside = !isReal(from.location) && !isBasket(from.location);
  return reason === "returning" || (isFromOutside && isReal(to.location));
}
