// The steps of a stocktake. Pure: each takes a stocktake and what is known of the book, and gives the next
// one or why not. A line is accepted within tolerance; outside, another person counts it; two who agree are
// believed up to the value that the second may post, above it somebody of more authority approves.

import type { Count } from "../anchors.ts";
import { claimEdgeId } from "../claims.ts";
import {
  authorityOf,
  type CountRole,
  classPolicyOf,
  isCountSure,
  judge,
  mayPost,
} from "./count-policy.ts";
import {
  type AdjustmentReason,
  clockSkewMsMax,
  type LineKey,
  lineKey,
  newLine,
  type Observation,
  observationCountMax,
  refusal,
  type Stocktake,
  type StocktakeLine,
  type StocktakeOutcome,
  type StocktakeRefusal,
  type StocktakeView,
  stocktakeLineCountMax,
} from "./stocktake.ts";

/** Counted so often without agreement, a line waits for somebody's decision. */
export const recountCountMax = 3;

/** Who does something. */
export interface Actor {
  readonly by: string;
  readonly role: CountRole;
}

/** What somebody counted. */
export interface CountedLine extends LineKey {
  readonly quantity: number;
  readonly observedAtMs: number;
  readonly confidence?: number;
}

/** Notes what somebody counted; all lines or none. After the review each is judged at once. */
export function recordLines(
  stocktake: Stocktake,
  actor: Actor,
  counted: readonly CountedLine[],
  view: StocktakeView,
): StocktakeOutcome {
  if (stocktake.phase !== "counting" && stocktake.phase !== "review")
    return phaseRefusal(stocktake);
  const lines = new Map(stocktake.lines.map((line) => [lineKey(line), line]));
  for (const [index, each] of counted.entries()) {
    const known = lines.get(lineKey(each));
    const problem = lineProblem(stocktake, actor, each, known, view.nowMs);
    if (problem !== undefined) return { ...problem, field: `lines.${index}.${problem.field}` };
    const line = noted(known ?? newLine(each), actor, each, view);
    const isJudged = stocktake.phase === "review";
    lines.set(lineKey(each), isJudged ? judgedLine(line, actor, view) : line);
  }
  if (lines.size > stocktakeLineCountMax) {
    const message = `a count has ${stocktakeLineCountMax} lines at most`;
    return refusal("STOCKTAKE_LIMIT", "lines", message);
  }
  return next(stocktake, actor, view, { lines: [...lines.values()] });
}

function lineProblem(
  { kind, location, openedAtMs }: Stocktake,
  { by }: Actor,
  counted: CountedLine,
  line: StocktakeLine | undefined,
  nowMs: number,
): StocktakeRefusal | undefined {
  const { observedAtMs, gtin } = counted;
  if (observedAtMs < openedAtMs || observedAtMs > nowMs + clockSkewMsMax) {
    const message = `must lie between the opening of the count (${openedAtMs}) and now (${nowMs})`;
    return refusal("STOCKTAKE_TIME", "observedAtMs", message);
  }
  if (line === undefined) {
    if (kind === "sample") {
      return refusal("STOCKTAKE_LINE", "gtin", `${gtin} is not in the sample`);
    }
    if (kind !== "full" || counted.location === location) return undefined;
    return refusal("STOCKTAKE_LINE", "location", `a full count of ${location} has no other places`);
  }
  if (line.status === "posted") {
    return refusal("STOCKTAKE_LINE", "gtin", `${gtin} has been posted; count it anew`);
  }
  const last = line.observations.at(-1);
  if (line.status === "recount") {
    if (last?.by === by && last.confidence === undefined) {
      return refusal("SAME_ACTOR", "gtin", `${by} counted ${gtin} already; another person has to`);
    }
    if (line.observations.length < observationCountMax) return undefined;
    const message = `${gtin} was counted ${observationCountMax} times; count it in another count`;
    return refusal("STOCKTAKE_LIMIT", "gtin", message);
  }
  const isOwn = line.status === "open" || (line.status === "counted" && last?.by === by);
  if (isOwn) return undefined;
  const message = `${gtin} was counted by ${last?.by}; send it to recount to count it again`;
  return refusal("STOCKTAKE_LINE", "gtin", message);
}

function noted(
  line: StocktakeLine,
  { by }: Actor,
  counted: CountedLine,
  view: StocktakeView,
): StocktakeLine {
  const { quantity, observedAtMs, confidence } = counted;
  const observation: Observation = {
    ...{ by, quantity, observedAtMs, entryNumber: view.entryNumber },
    ...(confidence === undefined ? {} : { confidence }),
    book: view.bookAt(line, observedAtMs),
  };
  // Who counts a line again before the review puts right what he wrote.
  const before = line.status === "counted" ? line.observations.slice(0, -1) : line.observations;
  return { ...line, status: "counted", isOutdated: false, observations: [...before, observation] };
}

/** What an edge counted: already in the book of its time, which it was `book` before. */
export interface EdgeCount extends Omit<CountedLine, "confidence"> {
  readonly by: string;
  readonly book: number;
}

/** Takes what edges counted for the lines that nobody has counted yet. */
export function absorb(
  stocktake: Stocktake,
  counted: readonly EdgeCount[],
  { entryNumber }: Pick<StocktakeView, "entryNumber">,
): Stocktake {
  // Of several the last holds.
  const byLine = new Map(counted.map((each) => [lineKey(each), each]));
  const lines = stocktake.lines.map((line): StocktakeLine => {
    const found = line.status === "open" ? byLine.get(lineKey(line)) : undefined;
    if (found === undefined) return line;
    const { by, quantity, observedAtMs, book } = found;
    const observation = { by, quantity, observedAtMs, book, entryNumber, isAnchored: true };
    return { ...line, status: "counted", observations: [observation] };
  });
  return { ...stocktake, lines };
}

/**
 * Ends the first round: every line that was counted is judged; in a full count the others are absent. What
 * `arrived` in the place since the sheet was made is a line that is still to be counted.
 */
export function submit(
  stocktake: Stocktake,
  actor: Actor,
  view: StocktakeView,
  arrived: readonly LineKey[] = [],
): StocktakeOutcome {
  if (stocktake.phase !== "counting") return phaseRefusal(stocktake);
  const { nowMs } = view;
  const isFull = stocktake.kind === "full";
  if (!isFull && stocktake.lines.every(({ status }) => status === "open")) {
    return refusal("STOCKTAKE_LINE", "lines", "no line was counted yet");
  }
  const lines = stocktake.lines.map((line) => {
    if (line.status === "counted") return judgedLine(line, actor, view);
    if (!isFull) return line;
    const absent = noted(line, actor, { ...line, quantity: 0, observedAtMs: nowMs }, view);
    const implied = absent.observations.map((each) => ({ ...each, isImplied: true }));
    return judgedLine({ ...absent, observations: implied }, actor, view);
  });
  const known = new Set(lines.map(lineKey));
  const added = arrived.filter((line) => !known.has(lineKey(line))).map(newLine);
  const all = { lines: [...lines, ...added] };
  return next(stocktake, actor, view, { phase: "review", submittedAtMs: nowMs, ...all });
}

/** What becomes of a line that was just counted, `actor` having counted it. */
function judgedLine(line: StocktakeLine, actor: Actor, view: StocktakeView): StocktakeLine {
  const { policy } = view;
  const item = view.itemOf(line.gtin);
  const last = line.observations.at(-1)!;
  const before = line.observations.at(-2);
  const found = judge({ counted: last.quantity, book: last.book }, item, policy);
  const { difference, valueMinor = null, isWithin } = found;
  const judged = { ...line, valueMinor };
  if (!isCountSure(last, policy)) return { ...judged, status: "recount" };
  if (isWithin) return { ...judged, status: "accepted" };
  const unitsMax = classPolicyOf(policy, item.className).differenceCountMax;
  const isConfirmed =
    before !== undefined &&
    before.by !== last.by &&
    Math.abs(before.quantity - before.book - difference) <= unitsMax;
  if (isConfirmed) {
    const isAllowed = mayPost(policy, actor.role, found);
    return { ...judged, status: isAllowed ? "accepted" : "approval" };
  }
  const isTried = line.observations.length >= recountCountMax;
  return { ...judged, status: isTried ? "approval" : "recount" };
}

/** Sends lines to be counted again by another person. */
export function askRecount(
  stocktake: Stocktake,
  actor: Actor,
  keys: readonly LineKey[],
  view: StocktakeView,
): StocktakeOutcome {
  if (stocktake.phase !== "review") return phaseRefusal(stocktake);
  return change(stocktake, actor, keys, view, (line) =>
    line.status === "accepted" || line.status === "approval"
      ? withoutApproval({ ...line, status: "recount" })
      : refusal("STOCKTAKE_LINE", "gtin", `${line.gtin} is ${line.status}`),
  );
}

/** Approves differences, with a reason. Who counted a line does not approve it. */
export function approve(
  stocktake: Stocktake,
  actor: Actor,
  request: { keys: readonly LineKey[]; reason: AdjustmentReason; cause?: string },
  view: StocktakeView,
): StocktakeOutcome {
  if (stocktake.phase !== "review") return phaseRefusal(stocktake);
  const { keys, reason, cause } = request;
  return change(stocktake, actor, keys, view, (line) => {
    if (line.status !== "approval") {
      const message = `${line.gtin} is ${line.status}; only what waits for approval can be approved`;
      return refusal("STOCKTAKE_LINE", "gtin", message);
    }
    if (line.observations.some(({ by }) => by === actor.by)) {
      const message = `${actor.by} counted ${line.gtin}; another person has to approve it`;
      return refusal("SAME_ACTOR", "gtin", message);
    }
    const message = authorityProblem(line, actor, view);
    if (message !== undefined) return refusal("AUTHORITY_LOW", "gtin", message);
    const why = cause === undefined ? { reason } : { reason, cause };
    return { ...line, ...why, status: "accepted", approvedBy: actor.by };
  });
}

/** Why a role may not approve a line; by the price that the product has now. */
function authorityProblem(
  line: StocktakeLine,
  { role }: Actor,
  { policy, itemOf }: StocktakeView,
): string | undefined {
  const { quantity: counted, book } = line.observations.at(-1)!;
  const judged = judge({ counted, book }, itemOf(line.gtin), policy);
  if (mayPost(policy, role, judged)) return undefined;
  if (judged.valueMinor === undefined) {
    return `${line.gtin} has no price, so its difference may be worth anything; a ${role} may not approve that: give it a price, or have it approved by whoever may approve the most`;
  }
  const limitMinor = Math.max(0, authorityOf(policy, role));
  return `${line.gtin} differs by a value of ${judged.valueMinor}; a ${role} approves up to ${limitMinor}`;
}

/** Ends a stocktake; what was posted stays. */
export function cancel(stocktake: Stocktake, actor: Actor, view: StocktakeView): StocktakeOutcome {
  if (stocktake.phase === "cancelled") return { ok: true, stocktake };
  if (stocktake.phase === "done") return phaseRefusal(stocktake);
  return next(stocktake, actor, view, { phase: "cancelled" });
}

/**
 * Posts what is accepted, each line at the time when it was counted. What the book now says of that time may
 * have changed since: a line that is out of tolerance by another difference than was accepted goes to recount.
 */
export function post(
  stocktake: Stocktake,
  actor: Actor,
  view: StocktakeView,
): { outcome: StocktakeOutcome; counts: Count[] } {
  if (stocktake.phase === "done") return { outcome: { ok: true, stocktake }, counts: [] };
  if (stocktake.phase !== "review") return { outcome: phaseRefusal(stocktake), counts: [] };
  const lines = stocktake.lines.map((line) => {
    if (line.status !== "accepted") return line;
    return postedLine(outdatedLine(line, view), view);
  });
  const posted = lines.filter(
    (line, index) => line.status === "posted" && stocktake.lines[index]!.status === "accepted",
  );
  const isDone = lines.every(({ status }) => status === "posted");
  const isComplete = isDone && stocktake.kind === "full";
  const counts = countsOf(stocktake, isComplete ? lines : posted, isComplete);
  if (counts.length === 0 && !isDone) {
    const waiting = lines.filter(({ status }) => status !== "posted").length;
    if (lines.every((line, index) => line.status === stocktake.lines[index]!.status)) {
      const message = `no line is accepted; ${waiting} wait to be counted, recounted or approved`;
      return { outcome: refusal("STOCKTAKE_LINE", "lines", message), counts };
    }
  }
  const phase = isDone ? "done" : "review";
  const postingCount = stocktake.postingCount + counts.length;
  return { outcome: next(stocktake, actor, view, { phase, lines, postingCount }), counts };
}

/** The line with whether stock moved in its accounts since it was counted. */
export function outdatedLine(line: StocktakeLine, view: Pick<StocktakeView, "hasMoved">) {
  const last = line.observations.at(-1);
  if (last === undefined || line.status === "posted") return line;
  return { ...line, isOutdated: view.hasMoved(line, last.entryNumber) };
}

function postedLine(line: StocktakeLine, view: StocktakeView): StocktakeLine {
  const last = line.observations.at(-1)!;
  const book = last.isAnchored === true ? last.book : view.bookAt(line, last.observedAtMs);
  const observations = [...line.observations.slice(0, -1), { ...last, book }];
  if (book === last.book) return { ...line, status: "posted" };
  const judged = judge({ counted: last.quantity, book }, view.itemOf(line.gtin), view.policy);
  const again = { ...line, observations, valueMinor: judged.valueMinor ?? null };
  if (judged.isWithin) return { ...again, status: "posted" };
  return withoutApproval({ ...again, status: "recount" });
}

function countsOf(
  { storeId, countId, location, state, postingCount, submittedAtMs }: Stocktake,
  lines: readonly StocktakeLine[],
  isComplete: boolean,
): Count[] {
  const places = isComplete ? [location] : [...new Set(lines.map((line) => line.location))].sort();
  return places.map((place, index) => {
    const here = lines.filter((line) => line.location === place);
    const counted = here.map(({ gtin, observations }) => {
      const { quantity, observedAtMs: atMs } = observations.at(-1)!;
      return { item: gtin, quantity, atMs };
    });
    const atMs = isComplete ? submittedAtMs! : Math.max(...counted.map((line) => line.atMs));
    return {
      ...{ storeId, edgeId: claimEdgeId, outboxId: countId, sequence: postingCount + index + 1 },
      ...{ location: place, state, complete: isComplete, atMs, lines: counted },
    };
  });
}

function change(
  stocktake: Stocktake,
  actor: Actor,
  keys: readonly LineKey[],
  view: StocktakeView,
  changed: (line: StocktakeLine) => StocktakeLine | StocktakeRefusal,
): StocktakeOutcome {
  const lines = new Map(stocktake.lines.map((line) => [lineKey(line), line]));
  for (const [index, key] of keys.entries()) {
    const line = lines.get(lineKey(key));
    const result =
      line === undefined
        ? refusal("STOCKTAKE_LINE", "gtin", `${key.gtin} at ${key.location} is no line of it`)
        : changed(line);
    if ("ok" in result) return { ...result, field: `lines.${index}.${result.field}` };
    lines.set(lineKey(key), result);
  }
  return next(stocktake, actor, view, { lines: [...lines.values()] });
}

function next(
  stocktake: Stocktake,
  { by }: Actor,
  { nowMs }: StocktakeView,
  changes: Partial<Stocktake>,
): StocktakeOutcome {
  return { ok: true, stocktake: { ...stocktake, ...changes, changedAtMs: nowMs, changedBy: by } };
}

function withoutApproval({ approvedBy: _, reason: __, cause: ___, ...line }: StocktakeLine) {
  return line;
}

function phaseRefusal({ phase }: Stocktake): StocktakeRefusal {
  return refusal("STOCKTAKE_PHASE", "countId", `the count is ${phase}: this step is not for it`);
}
