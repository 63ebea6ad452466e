// Alerts of units that left unpaid, held against what settlement says of their passages. Pure. Such an alert is over when
// each passage that it tells of is paid, whichever arrived first: passage, notice or sale. What is stolen stays open.

import { isExit } from "../../contract/units.ts";
import { isFlowRule } from "./flow.ts";

/** What an alert says of the passages that it tells of. */
export interface ToldExit {
  readonly edgeId: string | null;
  /** Null: units without one. */
  readonly serial: string | null;
  /** Null: any exit of the store. */
  readonly exit: string | null;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  /** How many passages it tells of. */
  readonly count: number;
}

/** An entry of the alert's product: a passage, what settlement posted beside one, or a return. */
export interface ExitEntry {
  readonly serial: string | null;
  readonly quantity: number;
  readonly reason: string;
  readonly fromLocation: string;
  readonly toLocation: string;
  /** As the edge reported it, as its notice does; and where it lies in time. */
  readonly occurredAtMs: number;
  readonly placedAtMs: number;
  readonly edgeId: string;
  readonly outboxId: string;
  readonly sequence: number;
}

/** Reasons of entries that say whether a passage was paid. */
export const exitReasons = ["exit_paid", "exit_repeated", "returning"] as const;

/** How an alert stands. */
export interface ExitStanding {
  /** Each passage is known, and paid. */
  readonly isPaid: boolean;
  /** Times of those that are not. */
  readonly unpaidAtMs: readonly number[];
}

/** Says which passages of an alert are paid; `entries` are of its product in its store, from some time before it. */
export function exitStanding(told: ToldExit, entries: readonly ExitEntry[]): ExitStanding {
  const own = entries.filter(({ serial }) => serial === told.serial);
  const atExit = own.filter(
    ({ reason, toLocation, occurredAtMs }) =>
      !isFlowRule(reason) &&
      isExit(toLocation) &&
      (told.exit ?? toLocation) === toLocation &&
      occurredAtMs >= told.firstAtMs &&
      occurredAtMs <= told.lastAtMs,
  );
  // Another edge may stand at the same exit.
  const ofEdge = atExit.filter(({ edgeId }) => edgeId === told.edgeId);
  const passages = ofEdge.length >= told.count ? ofEdge : atExit;
  const unpaid = passages.filter((passage) => !isPaid(passage, own));
  return {
    isPaid: passages.length >= Math.max(1, told.count) && unpaid.length === 0,
    unpaidAtMs: unpaid.map(({ occurredAtMs }) => occurredAtMs),
  };
}

/** A unit that passes again is paid as it was the last time, unless it was brought back since. */
function isPaid(passage: ExitEntry, own: readonly ExitEntry[]): boolean {
  if (settledOf(passage, "exit_paid", own) >= passage.quantity) return true;
  const isRepeated = settledOf(passage, "exit_repeated", own) >= passage.quantity;
  if (!isRepeated || passage.serial === null) return false;
  const before = own.filter(
    (entry) =>
      entry.placedAtMs <= passage.placedAtMs &&
      (entry.reason === "returning" ||
        (!isFlowRule(entry.reason) &&
          isExit(entry.toLocation) &&
          settledOf(entry, "exit_paid", own) > 0)),
  );
  const [last] = before.sort((a, b) => b.placedAtMs - a.placedAtMs);
  return last !== undefined && last.reason !== "returning";
}

/** How many units settlement took back out of the exit beside a passage. */
function settledOf(passage: ExitEntry, rule: string, own: readonly ExitEntry[]): number {
  const beside = own.filter(
    ({ reason, edgeId, outboxId, sequence }) =>
      reason === rule &&
      sequence === passage.sequence &&
      outboxId === passage.outboxId &&
      edgeId === passage.edgeId,
  );
  return beside.reduce(
    (sum, { quantity, toLocation }) => sum + (isExit(toLocation) ? -quantity : quantity),
    0,
  );
}
