// What is to be counted: classes by turnover, which lines are due today, and which something speaks against.
// Pure.

import { orderPlaceIndex } from "../place-roles.ts";
import { classPolicyOf, judge, worthOf } from "./count-policy.ts";
import { unclassified } from "./item-class.ts";
import { type Account, CountIndex, type StoreFacts } from "./store-facts.ts";

/** Sales before a product's silence says something. */
export const silenceSaleCountMin = 5;
/** A shelf is silent when so long without a sale had less than this probability. */
export const silenceProbabilityMax = 0.01;
/** Lines of the problem list. */
export const problemLineCountMax = 1000;

/** Classes by cumulative share of turnover: A makes up the first share, A and B the second. Sold nothing: C. */
export function classify(
  turnover: readonly { readonly gtin: string; readonly valueMinor: number }[],
  { classAShare, classABShare }: { classAShare: number; classABShare: number },
): { gtin: string; abc: "A" | "B" | "C" }[] {
  const total = turnover.reduce((sum, { valueMinor }) => sum + Math.max(0, valueMinor), 0);
  let before = 0;
  return [...turnover]
    .sort((a, b) => b.valueMinor - a.valueMinor || (a.gtin < b.gtin ? -1 : 1))
    .map(({ gtin, valueMinor }) => {
      // The product that crosses a limit still belongs to the better class.
      const share = total === 0 ? 1 : before / total;
      before += Math.max(0, valueMinor);
      if (valueMinor <= 0) return { gtin, abc: "C" };
      return { gtin, abc: share < classAShare ? "A" : share < classABShare ? "B" : "C" };
    });
}

/** Turnover of every product with stock or sales. Without its price a product is taken at the mean of the others. */
export function turnoverOf({ accounts, sales, items }: StoreFacts) {
  const prices = [...items.values()].flatMap(({ priceMinor }) => priceMinor ?? []);
  const mean = prices.reduce((sum, price) => sum + price, 0) / Math.max(1, prices.length);
  const fallback = prices.length === 0 ? 1 : mean;
  const gtins = new Set([...accounts.map(({ gtin }) => gtin), ...sales.keys()]);
  return [...gtins].map((gtin) => ({
    gtin,
    valueMinor: (sales.get(gtin)?.quantity ?? 0) * (items.get(gtin)?.priceMinor ?? fallback),
  }));
}

/** A line that is to be counted. */
export interface DueLine extends Account {
  readonly className: string;
  readonly dueAtMs: number;
  readonly lastCountAtMs?: number;
}

/** Lines that are due, the most overdue (in its own rotation) first, as many as a day has. */
export function dueLines(facts: StoreFacts): { lines: DueLine[]; dueCount: number } {
  const { policy, nowMs, items, firstAtMs } = facts;
  const counts = new CountIndex(facts);
  const due = facts.accounts.flatMap((account) => {
    if (account.quantity === 0) return [];
    const className = items.get(account.gtin)?.className ?? unclassified;
    const { rotationMs } = classPolicyOf(policy, className);
    const last = counts.of(account);
    // Of what was never counted each day takes its part, so that a new store is not due all at once.
    const spreadMs = Math.floor(spread(`${account.gtin} ${account.location}`) * rotationMs);
    const dueAtMs = last === undefined ? firstAtMs + spreadMs : last.atMs + rotationMs;
    if (dueAtMs > nowMs) return [];
    const counted = last === undefined ? {} : { lastCountAtMs: last.atMs };
    const line = { ...account, className, dueAtMs, ...counted };
    return [{ line, overdue: (nowMs - dueAtMs) / rotationMs }];
  });
  due.sort((a, b) => b.overdue - a.overdue || (nameOf(a.line) < nameOf(b.line) ? -1 : 1));
  const lines = due.slice(0, policy.dailyLineCountMax).map(({ line }) => line);
  return { lines, dueCount: due.length };
}

/** Why a line should be counted before its turn. */
export const problemKinds = ["negative", "variance", "silent_shelf", "sells_nowhere"] as const;
export type ProblemLineKind = (typeof problemKinds)[number];
const weights: Record<ProblemLineKind, number> = {
  negative: 8,
  variance: 4,
  silent_shelf: 2,
  sells_nowhere: 1,
};

/** A line that something speaks against, and what. */
export interface ProblemLine extends Account {
  readonly kinds: readonly ProblemLineKind[];
  /** Null where the product has no price. */
  readonly valueMinor: number | null;
  readonly evidence: Readonly<Record<string, number>>;
}

/** Lines that something speaks against, the worst first. */
export function problemLines(facts: StoreFacts): ProblemLine[] {
  const counts = new CountIndex(facts);
  const facings = new Set(facts.facings.map(nameOf));
  const kindAt = orderPlaceIndex(facts.orderPlaces);
  const differences = new Map(facts.differences.map((each) => [nameOf(each), each]));
  const lines = facts.accounts.flatMap((account) => {
    const { gtin, quantity } = account;
    const kinds: ProblemLineKind[] = [];
    const evidence: Record<string, number> = {};
    if (quantity < 0) kinds.push("negative");
    const difference = differences.get(nameOf(account));
    const isLast = difference !== undefined && counts.of(account)?.atMs === difference.atMs;
    if (isLast && !isTolerable(facts, account, difference.quantity)) {
      kinds.push("variance");
      Object.assign(evidence, { difference: difference.quantity, countedAtMs: difference.atMs });
    }
    // No till sells from a place for orders.
    const isOnSale = quantity > 0 && kindAt(account.location) === "all";
    const silence = isOnSale && facings.has(nameOf(account)) ? silenceOf(facts, gtin) : undefined;
    if (silence !== undefined && silence.probability < silenceProbabilityMax) {
      kinds.push("silent_shelf");
      Object.assign(evidence, silence);
    }
    const isOld = facts.nowMs - facts.firstAtMs >= facts.policy.turnoverMs;
    if (isOld && isOnSale && facts.unsold.has(gtin)) kinds.push("sells_nowhere");
    if (kinds.length === 0) return [];
    const valueMinor = worthOf(quantity, facts.items.get(gtin)?.priceMinor) ?? null;
    return [{ ...account, kinds, valueMinor, evidence }];
  });
  // What has no price may be worth anything.
  const worth = ({ valueMinor }: ProblemLine) => valueMinor ?? Number.MAX_SAFE_INTEGER;
  const weightOf = ({ kinds }: ProblemLine) => kinds.reduce((sum, kind) => sum + weights[kind], 0);
  return lines
    .sort(
      (a, b) =>
        weightOf(b) - weightOf(a) || worth(b) - worth(a) || (nameOf(a) < nameOf(b) ? -1 : 1),
    )
    .slice(0, problemLineCountMax);
}

function isTolerable(
  { items, policy }: StoreFacts,
  { gtin, quantity }: Account,
  difference: number,
) {
  const item = items.get(gtin) ?? { className: unclassified, priceMinor: undefined };
  return judge({ counted: quantity, book: quantity - difference }, item, policy).isWithin;
}

/** How likely a product that sold as it did would be silent for so long (Poisson); undefined if it sold little. */
export function silenceOf(
  facts: Pick<StoreFacts, "sales" | "nowMs" | "policy" | "firstAtMs">,
  gtin: string,
) {
  const sold = facts.sales.get(gtin);
  if (sold === undefined || sold.saleCount < silenceSaleCountMin) return undefined;
  const beginMs = Math.max(facts.firstAtMs, facts.nowMs - facts.policy.turnoverMs);
  const soldMs = Math.max(1, sold.lastAtMs - beginMs);
  const silentMs = facts.nowMs - sold.lastAtMs;
  return { probability: Math.exp((-sold.saleCount * silentMs) / soldMs), silentMs };
}

function nameOf({ gtin, location }: { gtin: string; location: string }): string {
  return `${gtin} ${location}`;
}

/** A number 0..1 that depends on a name alone (FNV-1a). */
function spread(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash / 4_294_967_296;
}
