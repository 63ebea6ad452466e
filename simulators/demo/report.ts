// What the demo says at its end: ledger beside truth before and after the closing count, what the
// difference is made of, and one line that says whether that is right.

import type { Plan } from "../../contract/plan.ts";
import { type Balances, difference, type Movement } from "../world/truth.ts";
import { isStanding, stockLines } from "./table.ts";
import { explain, movementsInside, type SensingGap } from "./verdict.ts";

/** What is judged. */
export interface Findings {
  readonly plan: Plan;
  /** Truth and ledger when the last shopper had gone, and again after staff had counted. */
  readonly before: { readonly truth: Balances; readonly ledger: Balances };
  readonly after: { readonly truth: Balances; readonly ledger: Balances };
  readonly movements: readonly Movement[];
  readonly gaps: readonly SensingGap[];
  /** Without faults nothing is forgiven. */
  readonly hadFaults: boolean;
}

/** The report's lines, the verdict last, and whether all is well. */
export function report(findings: Findings): { lines: string[]; isRight: boolean } {
  const { plan, before, after, movements, gaps, hadFaults } = findings;
  const candidates = hadFaults ? movementsInside(movements, gaps) : [];
  const missed = explain(difference(before.truth, before.ledger), candidates);
  const isRightAfter = difference(standing(after.truth), standing(after.ledger)).size === 0;
  const lines = [
    "Before the closing count:",
    ...stockLines(plan, before.truth, before.ledger, { withVirtual: true }),
    "",
    ...gaps.map((gap) => `The edge declared a sensing gap ${gapText(gap)}.`),
    ...(missed ?? []).map((movement) => `Missed in it: ${movementText(plan, movement)}.`),
    ...(gaps.length > 0 ? [""] : []),
    "After the closing count:",
    ...stockLines(plan, after.truth, after.ledger, { withVirtual: false }),
    "",
  ];
  const verdict = verdictText(missed, isRightAfter, hadFaults);
  return { lines: [...lines, verdict.text], isRight: verdict.isRight };
}

function verdictText(missed: Movement[] | undefined, isRightAfter: boolean, hadFaults: boolean) {
  if (missed === undefined) {
    const text = hadFaults
      ? "WRONG: before the count the ledger differs from the truth by more than the declared gaps explain."
      : "WRONG: before the count the ledger differs from the truth, and nothing was disturbed.";
    return { text, isRight: false };
  }
  if (!isRightAfter) {
    return { text: "WRONG: after the count the ledger differs from the truth.", isRight: false };
  }
  const missedText = missed.length === 1 ? "one movement" : `${missed.length} movements`;
  const beforehand =
    missed.length === 0
      ? "before the count, and after it"
      : `after the count; before it they differed by ${missedText} inside declared gaps`;
  return { text: `RIGHT: ledger and truth agree ${beforehand}.`, isRight: true };
}

/** What a count can restore: it cannot know through which `@` account a missed unit went. */
function standing(balances: Balances): Balances {
  return new Map([...balances].filter(([key]) => isStanding(key.split(" ")[0] ?? "")));
}

function gapText({ fromAtMs, toAtMs, deviceIds }: SensingGap): string {
  return `from ${timeText(fromAtMs)} to ${timeText(toAtMs)} (${deviceIds.join(", ")})`;
}

function movementText(plan: Plan, movement: Movement): string {
  const { endedAtMs, kind, gtin, serial, from, to } = movement;
  const name = plan.products.find((product) => product.gtin === gtin)?.name ?? gtin;
  const place = (location: string) => location.slice(plan.storeId.length + 1);
  const what = serial === undefined ? name : `${name} ${serial}`;
  return `${timeText(endedAtMs)} ${kind} ${what}, ${place(from.location)} to ${place(to.location)}`;
}

function timeText(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 23);
}
