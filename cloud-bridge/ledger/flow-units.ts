// What settlement looks at: movements of customers' goods, unit by unit, and which two may be one. Pure.

import type { Place } from "../../contract/event.ts";

/** `claimed`, `released`, `handed_over`: steps of an order that staff carried out. */
export type FlowKind =
  | "pick"
  | "putback"
  | "sale"
  | "exit"
  | "returned"
  | "claimed"
  | "released"
  | "handed_over";

/** A posted movement of customers' goods, or of what staff take for orders. */
export interface FlowFact {
  readonly kind: FlowKind;
  readonly atMs: number;
  readonly quantity: number;
  readonly serial?: string | undefined;
  readonly from: Place;
  readonly to: Place;
  readonly edgeId: string;
  readonly outboxId: string;
  readonly sequence: number;
  readonly deviceId: string;
}

/** How far apart in time two facts of one unit may lie, and when what is open is closed. */
export const flowWindows = {
  /** From the shelf to the till or the exit. */
  pickMs: 4 * 3_600_000,
  /** From the till to the exit. */
  saleMs: 2 * 3_600_000,
  /** A sale that is stamped after its exit. */
  lateSaleMs: 15 * 60_000,
  /** From the shelf to where staff say that an order is picked, and back; whichever comes first. */
  claimMs: 30 * 60_000,
  /** By how much the clocks of two edges may differ. */
  skewMs: 60_000,
  /** Still in a basket after this: the unit stands somewhere on the floor again. */
  basketTimeoutMs: 4 * 3_600_000,
  /** Left unpaid and nobody sold it since: it is lost. */
  exitTimeoutMs: 24 * 3_600_000,
} as const;

/** Facts that are further apart than this have nothing to do with each other. */
export const flowGapMs = flowWindows.pickMs + flowWindows.skewMs;

/** One unit of a fact, and what it was found to be one with. */
export interface Unit {
  readonly fact: FlowFact;
  /** The unit of the pick that it is one with. */
  pick?: Unit;
  isTaken: boolean;
  isLeft: boolean;
  /** Of one with a serial that left unpaid: when it passed an exit last. */
  seenAtMs?: number;
  /** It passes again, and its first leaving was closed as a loss. */
  isLost?: boolean;
}

/** A fact's units, each for itself. */
export function unitsOf(fact: FlowFact): Unit[] {
  return Array.from({ length: fact.quantity }, () => ({ fact, isTaken: false, isLeft: false }));
}

/** Orders facts by time, and those of one moment by who told them. */
export function inTime(a: FlowFact, b: FlowFact): number {
  if (a.atMs !== b.atMs) return a.atMs - b.atMs;
  const [nameA, nameB] = [a, b].map(({ edgeId, outboxId }) => `${edgeId}/${outboxId}`);
  if (nameA !== nameB) return nameA! < nameB! ? -1 : 1;
  return a.sequence - b.sequence;
}

/** Names the event behind a fact, and what is posted beside it. */
export function nameOf({
  edgeId,
  outboxId,
  sequence,
}: Pick<FlowFact, "edgeId" | "outboxId" | "sequence">) {
  return `${edgeId}/${outboxId}/${sequence}`;
}

/** Whether both may be one unit, `one` lying between `beforeMs` and `afterMs` of `other`. */
export function isSame(one: Unit, other: Unit, beforeMs: number, afterMs: number): boolean {
  const differenceMs = one.fact.atMs - other.fact.atMs;
  if (differenceMs < beforeMs || differenceMs > afterMs) return false;
  const [serial, otherSerial] = [one.fact.serial, other.fact.serial];
  return serial === undefined || otherSerial === undefined || serial === otherSerial;
}

/** Two times, the earlier one first. */
export function inOrder(oneMs: number, otherMs: number): [fromMs: number, untilMs: number] {
  return oneMs <= otherMs ? [oneMs, otherMs] : [otherMs, oneMs];
}

/** From the last one before a unit back in time; then those after it, which only clocks that differ explain. */
export function latestFirst(open: readonly Unit[], { fact: { atMs } }: Unit): Unit[] {
  const later = open.filter(({ fact }) => fact.atMs > atMs);
  return [...open.filter((unit) => !later.includes(unit)).reverse(), ...later];
}

/** The first with the same serial, else the first. */
export function best(open: readonly Unit[], unit: Unit): Unit | undefined {
  const { serial } = unit.fact;
  const named = serial === undefined ? undefined : open.find(({ fact }) => fact.serial === serial);
  return named ?? open[0];
}
