// What shelf, till, exit and an order's claim said of the same unit, made one. Pure. Each of them posts its own
// movement at once; this looks at all of one item over some hours, finds which of them are one unit, and says what has
// to be posted beside them. It depends on the facts and the watermark alone, never on their arrival.

import type { Place } from "../../contract/event.ts";
import { isExit } from "../../contract/units.ts";
import { settleExits, type UnitPast } from "./flow-exits.ts";
import {
  best,
  type FlowFact,
  type FlowKind,
  flowGapMs,
  flowWindows,
  inTime,
  isSame,
  latestFirst,
  type Unit,
  unitsOf,
} from "./flow-units.ts";

// The rules: which units they speak of, and from where to where the ledger posts one beside the fact. `unitAt`: where the
// unit itself is, where the rule says so; else it is where the fact took it.
export const rules = {
  /** A pick that the claim of an order moved too: staff took it. */
  pick_claimed: { from: "to", to: "from" },
  /** A putback of what the claim had given back already. */
  putback_claimed: { from: "to", to: "from" },
  /** A putback that no pick went before: nothing was in a basket. */
  putback_unpicked: { from: "to", to: "from" },
  /** A sale out of the basket that no pick went before: the shelf did not notice. */
  sale_from_floor: { from: "shelf", to: "from" },
  /** A sale from the floor of a unit that was picked: it was in the basket. */
  sale_from_basket: { from: "basket", to: "from" },
  /** An exit of a unit that was sold, however often it passes: only a confirmation. */
  exit_paid: { from: "to", to: "from", unitAt: "customer" },
  /** One that left unpaid is at an exit again, and did not come in meanwhile. */
  exit_repeated: { from: "to", to: "from" },
  /** An unpaid exit of a unit that was picked: it was in the basket. */
  exit_from_basket: { from: "basket", to: "from" },
  /** Neither sold nor put back in time. */
  basket_timeout: { from: "to", to: "from", unitAt: "from" },
  /** Unpaid, and not sold since. */
  exit_timeout: { from: "to", to: "loss", unitAt: "loss" },
} as const;
export type FlowRule = keyof typeof rules;

/** Whether an entry's reason is one of these rules. */
export function isFlowRule(reason: string): reason is FlowRule {
  return Object.hasOwn(rules, reason);
}

/** Whether a rule may say where its unit is. */
export function isUnitSaid(rule: FlowRule): boolean {
  return rule === "exit_repeated" || "unitAt" in rules[rule];
}

/** Every reason of entries that the ledger posts beside a fact, and may take back. */
export const flowRules: readonly string[] = Object.keys(rules);

/** What is to be posted beside a fact, in all. */
export interface FlowCorrection {
  readonly fact: FlowFact;
  readonly rule: FlowRule;
  readonly from: Place;
  readonly to: Place;
  readonly atMs: number;
  /** Where the unit is by it, at which time of its own: anything later that is known of it holds. */
  readonly unitAt?: { readonly place: Place; readonly atMs: number } | undefined;
  quantity: number;
}

export interface FlowSettlement {
  readonly corrections: FlowCorrection[];
  /** The earliest fact that waits, and when the next time-out can fire; undefined when nothing is open. */
  readonly open: { readonly sinceMs: number; readonly dueAtMs: number } | undefined;
}

/**
 * Settles the facts of one item. `watermarkMs`: until when every edge has told everything. `shelf`: where the
 * product has its place. Facts that belong together have to be there together (see `flowGapMs`); how units with serials
 * left before is said by `past`.
 */
export function settleFlow(
  facts: readonly FlowFact[],
  {
    storeId,
    shelf,
    watermarkMs,
    past,
  }: { storeId: string; shelf: string; watermarkMs: number; past: UnitPast },
): FlowSettlement {
  const units = [...facts].sort(inTime).flatMap(unitsOf);
  const of = (kind: FlowKind) => units.filter(({ fact }) => fact.kind === kind);
  const found: Finding[] = [];
  const say = (rule: FlowRule, unit: Unit, atMs = unit.fact.atMs) =>
    found.push({ rule, unit, atMs });
  const open: { sinceMs: number; dueAtMs: number }[] = [];
  // What follows from something that is not there waits until everybody has told all of that time.
  const sayWhen = (dueAtMs: number, rule: FlowRule, unit: Unit, atMs = unit.fact.atMs) => {
    const isDue = watermarkMs >= dueAtMs;
    if (isDue) say(rule, unit, atMs);
    else open.push({ sinceMs: unit.fact.atMs, dueAtMs });
    return isDue;
  };
  const { pickMs, skewMs, basketTimeoutMs } = flowWindows;
  const picks = of("pick");
  const [claimed, released] = [of("claimed"), of("released")];
  for (const unit of ofStaff(picks, claimed, released)) say("pick_claimed", unit);
  const putbacks = of("putback");
  for (const unit of ofStaff(putbacks, released, claimed)) say("putback_claimed", unit);
  const takePick = (unit: Unit, isLatest = false) => {
    const open = picks.filter((pick) => !pick.isTaken && isSame(pick, unit, -pickMs, skewMs));
    const pick = best(isLatest ? latestFirst(open, unit) : open, unit);
    if (pick !== undefined) pick.isTaken = true;
    return pick;
  };

  for (const unit of putbacks.filter(({ isTaken }) => !isTaken)) {
    if (takePick(unit, true) === undefined) {
      sayWhen(unit.fact.atMs + skewMs, "putback_unpicked", unit);
    }
  }
  const sales = of("sale");
  for (const unit of sales) {
    const pick = takePick(unit);
    const isFromBasket = isBasket(unit.fact.from.location);
    if (pick !== undefined) unit.pick = pick;
    if (pick === undefined && isFromBasket) {
      sayWhen(unit.fact.atMs + skewMs, "sale_from_floor", unit);
    }
    if (pick !== undefined && !isFromBasket) say("sale_from_basket", unit);
  }
  settleExits(units, past, { say, sayWhen, takePick });
  for (const pick of picks.filter(({ isTaken }) => !isTaken)) {
    const timeoutAtMs = pick.fact.atMs + basketTimeoutMs;
    sayWhen(timeoutAtMs + skewMs, "basket_timeout", pick, timeoutAtMs);
  }

  const corrections = found.map((each) => correctionOf(each, storeId, shelf));
  return {
    corrections: together(corrections.filter(({ from, to }) => !isPlace(from, to))),
    open: earliest(open),
  };
}

interface Finding {
  readonly rule: FlowRule;
  readonly unit: Unit;
  readonly atMs: number;
}

/** What a rule that holds of a unit asks for. */
function correctionOf(
  { rule, unit, atMs }: Finding,
  storeId: string,
  shelf: string,
): FlowCorrection {
  const { from: factFrom, to: factTo, atMs: factAtMs } = unit.fact;
  const place = (name: PlaceName): Place => {
    if (name === "from") return factFrom;
    if (name === "to") return factTo;
    if (name === "basket") return unit.pick!.fact.to;
    const location = name === "shelf" ? shelf : `${storeId}/@${name}`;
    return { location, state: factFrom.state };
  };
  const { from, to, unitAt }: { from: PlaceName; to: PlaceName; unitAt?: PlaceName } = rules[rule];
  const name = unit.isLost === true ? "loss" : unitAt;
  const held = name && { place: place(name), atMs: unit.seenAtMs ?? factAtMs };
  const beside = { fact: unit.fact, rule, from: place(from), to: place(to), atMs };
  return { ...beside, unitAt: held, quantity: 1 };
}

type PlaceName = "from" | "to" | "shelf" | "basket" | "loss" | "customer";

/**
 * What the shelf saw of which each is one with a step of an order at the same place, the one nearest in time; they are taken.
 * Nothing is taken for an order that was released already, nor put back before it was picked.
 */
function ofStaff(
  seen: readonly Unit[],
  steps: readonly Unit[],
  otherSteps: readonly Unit[],
): Unit[] {
  const otherAtMs = new Map(otherSteps.map(({ fact }) => [fact.outboxId, fact.atMs]));
  const isOfOrder = ({ fact: { kind, atMs } }: Unit, { fact: { outboxId } }: Unit) => {
    const endMs = otherAtMs.get(outboxId);
    if (endMs === undefined) return true;
    const afterMs = kind === "pick" ? atMs - endMs : endMs - atMs;
    return afterMs <= flowWindows.skewMs;
  };
  const shelfOf = ({ fact: { kind, from, to } }: Unit) =>
    (kind === "pick" || kind === "claimed" ? from : to).location;
  return steps.flatMap((step) => {
    const distanceMs = ({ fact }: Unit) => Math.abs(fact.atMs - step.fact.atMs);
    const near = seen.filter(
      (unit) =>
        !unit.isTaken &&
        shelfOf(unit) === shelfOf(step) &&
        distanceMs(unit) <= flowWindows.claimMs &&
        isOfOrder(unit, step),
    );
    const [unit] = near.sort((a, b) => distanceMs(a) - distanceMs(b));
    if (unit === undefined) return [];
    unit.isTaken = true;
    return [unit];
  });
}

function earliest(open: readonly { sinceMs: number; dueAtMs: number }[]): FlowSettlement["open"] {
  if (open.length === 0) return undefined;
  return {
    sinceMs: Math.min(...open.map(({ sinceMs }) => sinceMs)),
    dueAtMs: Math.min(...open.map(({ dueAtMs }) => dueAtMs)),
  };
}

/** What has to be posted so that what was posted for these facts becomes `wanted`; a negative quantity goes back. */
export function flowDifference(
  wanted: readonly FlowCorrection[],
  posted: readonly FlowCorrection[],
): FlowCorrection[] {
  const turned = posted.map((each) => ({ ...each, quantity: -each.quantity }));
  return together([...wanted, ...turned]).filter(({ quantity }) => quantity !== 0);
}

/** Corrections of one kind beside one fact, added up; one that goes back counts against one that went. */
function together(corrections: readonly FlowCorrection[]): FlowCorrection[] {
  const sums = new Map<string, FlowCorrection>();
  for (const each of corrections) {
    const { fact, rule, atMs, from, to } = each;
    const name = (a: Place, b: Place) => `${a.location} ${a.state} > ${b.location} ${b.state}`;
    const key = `${fact.edgeId}/${fact.outboxId}/${fact.sequence} ${rule} ${atMs}`;
    const back = sums.get(`${key} ${name(to, from)}`);
    const same = sums.get(`${key} ${name(from, to)}`);
    if (back !== undefined) back.quantity -= each.quantity;
    else if (same !== undefined) same.quantity += each.quantity;
    else sums.set(`${key} ${name(from, to)}`, { ...each });
  }
  return [...sums.values()];
}

/** From the facts of an item, in order of time, those that may have to do with what happened since `sinceMs`. */
export function flowSegment(facts: readonly FlowFact[], sinceMs: number): FlowFact[] {
  const ordered = [...facts].sort(inTime);
  let first = 0;
  for (let index = 1; index < ordered.length; index += 1) {
    const gapMs = ordered[index]!.atMs - ordered[index - 1]!.atMs;
    if (gapMs > flowGapMs && ordered[index]!.atMs <= sinceMs) first = index;
  }
  return ordered.slice(first);
}

/** A movement of more units at once is no customer's or picker's, and stands as it was told. */
export const flowUnitCountMax = 100;

const claimKinds: Readonly<Record<string, FlowKind>> = {
  claim_pick: "claimed",
  claim_release: "released",
  claim_hand_over: "handed_over",
};

/** What a posted movement is to the customers' goods; undefined where it has nothing to do with them. */
export function flowKindOf(entry: {
  reason: string;
  quantity: number;
  from: Place;
  to: Place;
}): FlowKind | undefined {
  if (isFlowRule(entry.reason) || entry.quantity > flowUnitCountMax) return undefined;
  if (Object.hasOwn(claimKinds, entry.reason)) return claimKinds[entry.reason];
  if (entry.reason === "retail_selling") return "sale";
  if (entry.reason === "returning") return "returned";
  if (isExit(entry.to.location)) return "exit";
  if (entry.reason === "customer_pick" && isBasket(entry.to.location)) return "pick";
  if (entry.reason === "customer_putback" && isBasket(entry.from.location)) return "putback";
  return undefined;
}

/** Whether a location is the basket of a store. */
export function isBasket(location: string): boolean {
  return location.endsWith("/@basket");
}

function isPlace(a: Place, b: Place): boolean {
  return a.location === b.location && a.state === b.state;
}
