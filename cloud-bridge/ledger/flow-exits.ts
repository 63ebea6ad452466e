// Which sale paid for what left, what passes an exit again, and what left unpaid. Pure.

import { flowWindows, inOrder, isSame, type Unit } from "./flow-units.ts";

/** How a unit with a serial passed an exit. */
export interface Leaving {
  readonly atMs: number;
  readonly standing: "paid" | "unpaid" | "lost";
}

/** A unit with a serial that came into the store from outside. */
export interface ComingIn {
  readonly atMs: number;
  readonly serial?: string | undefined;
}

/** What is known of units with serials beside the facts of some hours, however long ago it was. */
export interface UnitPast {
  /** Before all of the facts, the last time that each passed an exit. */
  readonly left: ReadonlyMap<string, Leaving>;
  readonly cameIn: readonly ComingIn[];
}

/** How what is found of a unit is said. */
export interface Findings {
  say(rule: "exit_paid" | "exit_repeated", unit: Unit): void;
  /** Says it once everybody has told of all the time before `dueAtMs`; whether that is so. */
  sayWhen(
    dueAtMs: number,
    rule: "exit_from_basket" | "exit_timeout",
    unit: Unit,
    atMs?: number,
  ): boolean;
  /** The pick that a unit is one with. */
  takePick(unit: Unit): Unit | undefined;
}

interface Passage extends Leaving {
  /** What left; absent where it did so before all of the facts. */
  readonly unit?: Unit;
}

/** Settles the exits among the units of an item, which are in order of time. */
export function settleExits(units: readonly Unit[], past: UnitPast, findings: Findings): void {
  const { say, sayWhen, takePick } = findings;
  const { saleMs, lateSaleMs, exitTimeoutMs } = flowWindows;
  const of = (...kinds: string[]) => units.filter(({ fact }) => kinds.includes(fact.kind));
  const bought = of("sale", "handed_over");
  const returns = of("returned").map(({ fact }) => fact);
  const cameBack = cameBetween(returns);
  const cameIn = cameBetween([...returns, ...past.cameIn]);
  const left = new Map<string, Passage>(past.left);
  for (const unit of of("exit")) {
    const { serial, atMs } = unit.fact;
    const listed = bought.filter(
      (sale) =>
        !sale.isLeft &&
        isSame(sale, unit, -saleMs, lateSaleMs) &&
        !cameBack(serial ?? sale.fact.serial, ...inOrder(sale.fact.atMs, atMs)),
    );
    const named = listed.find(({ fact }) => serial !== undefined && fact.serial === serial);
    const before = serial === undefined ? undefined : left.get(serial);
    // However long ago that was: what is out of the store cannot leave it, and is not lost twice.
    if (named === undefined && before !== undefined && !cameIn(serial, before.atMs, atMs)) {
      left.set(serial!, { ...before, atMs });
      if (before.unit !== undefined) before.unit.seenAtMs = atMs;
      unit.isLost = before.standing === "lost";
      say(before.standing === "paid" ? "exit_paid" : "exit_repeated", unit);
      continue;
    }
    const sale = named ?? listed[0];
    if (sale !== undefined) {
      sale.isLeft = true;
      say("exit_paid", unit);
      if (serial !== undefined) left.set(serial, { atMs, standing: "paid" });
      continue;
    }
    const pick = takePick(unit);
    if (pick !== undefined) {
      unit.pick = pick;
      sayWhen(atMs + lateSaleMs, "exit_from_basket", unit);
    }
    const timeoutAtMs = atMs + exitTimeoutMs;
    const isLost = sayWhen(timeoutAtMs, "exit_timeout", unit, timeoutAtMs);
    if (serial !== undefined)
      left.set(serial, { atMs, standing: isLost ? "lost" : "unpaid", unit });
  }
}

/** Whether a unit with a serial came in between two times: what was before it says nothing of what is after it. */
function cameBetween(comings: readonly ComingIn[]) {
  const timesOf = new Map<string, number[]>();
  for (const { serial, atMs } of comings) {
    if (serial !== undefined) timesOf.set(serial, [...(timesOf.get(serial) ?? []), atMs]);
  }
  return (serial: string | undefined, afterMs: number, untilMs: number) =>
    serial !== undefined &&
    (timesOf.get(serial) ?? []).some((atMs) => atMs > afterMs && atMs <= untilMs);
}
