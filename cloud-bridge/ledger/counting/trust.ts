// How far the book of a product is to be trusted. Pure. The score is a product of factors, each 1 where nothing
// speaks against the book:
//
//   age        1/2 to the power of (time since the last count / rotation of its class); never counted: 1/4
//   variance   1 / (1 + mean share by which its counts differed)
//   passages   0.95 to the power of the uncertain passages since the last count
//   blindness  1/2 to the power of (time since the last count that devices were blind / 48 h)
//   negative   1/5 where the book stands below zero
//
// A store's score of a product is the mean over its accounts, weighted by what the book says stands there.

import { classPolicyOf, type TrustPolicy } from "./count-policy.ts";
import { unclassified } from "./item-class.ts";
import { type Account, CountIndex, type StoreFacts } from "./store-facts.ts";

export const trustFactors = {
  neverCounted: 0.25,
  uncertainPassage: 0.95,
  blindHalfMs: 48 * 3_600_000,
  negative: 0.2,
} as const;

/** What speaks for and against the book of an account. */
export interface TrustEvidence {
  /** Since the last count; undefined where there was none. */
  readonly ageMs: number | undefined;
  readonly rotationMs: number;
  /** Mean share by which counts differed from the book. */
  readonly differenceShare: number;
  readonly uncertainCount: number;
  readonly blindMs: number;
  readonly isNegative: boolean;
}

/** A score of 0..1. */
export function trustScore(evidence: TrustEvidence): number {
  const { ageMs, rotationMs, differenceShare, uncertainCount, blindMs, isNegative } = evidence;
  const { neverCounted, uncertainPassage, blindHalfMs, negative } = trustFactors;
  const age = ageMs === undefined ? neverCounted : 0.5 ** (Math.max(0, ageMs) / rotationMs);
  const variance = 1 / (1 + differenceShare);
  const sensing = uncertainPassage ** uncertainCount * 0.5 ** (blindMs / blindHalfMs);
  return age * variance * sensing * (isNegative ? negative : 1);
}

/** The trust in one account, and why. */
export interface AccountTrust extends Account {
  readonly score: number;
  readonly evidence: TrustEvidence;
}

/** The trust in the accounts of a store; of one product, or of all. */
export function accountTrusts(facts: StoreFacts, gtin?: string): AccountTrust[] {
  const counts = new CountIndex(facts);
  const differing = new Map<string, number>();
  for (const { gtin: item, location, quantity } of facts.differences) {
    const name = `${item} ${location}`;
    differing.set(name, (differing.get(name) ?? 0) + Math.abs(quantity));
  }
  const accounts = facts.accounts.filter((each) => gtin === undefined || each.gtin === gtin);
  return accounts.map((account) => {
    const className = facts.items.get(account.gtin)?.className ?? unclassified;
    const last = counts.of(account);
    const sinceMs = last?.atMs ?? facts.firstAtMs;
    const wrong = differing.get(`${account.gtin} ${account.location}`) ?? 0;
    const evidence: TrustEvidence = {
      ageMs: last === undefined ? undefined : facts.nowMs - last.atMs,
      rotationMs: classPolicyOf(facts.policy, className).rotationMs,
      differenceShare: wrong / Math.max(1, Math.abs(account.quantity)) / (last?.count ?? 1),
      uncertainCount: (facts.uncertain.get(account.gtin) ?? []).filter((at) => at > sinceMs).length,
      blindMs: blindMsSince(facts.gaps, sinceMs, facts.nowMs),
      isNegative: account.quantity < 0,
    };
    return { ...account, score: trustScore(evidence), evidence };
  });
}

/** How long anything was blind since a time; what overlaps counts once. */
export function blindMsSince(gaps: StoreFacts["gaps"], sinceMs: number, nowMs: number): number {
  let blindMs = 0;
  let throughMs = sinceMs;
  for (const { fromAtMs, toAtMs } of [...gaps].sort((a, b) => a.fromAtMs - b.fromAtMs)) {
    const [from, to] = [Math.max(fromAtMs, throughMs), Math.min(toAtMs, nowMs)];
    if (to <= from) continue;
    blindMs += to - from;
    throughMs = to;
  }
  return blindMs;
}

/** The store's score of each product. */
export function storeScores(trusts: readonly AccountTrust[]): Map<string, number> {
  const sums = new Map<string, { weight: number; score: number }>();
  for (const { gtin, quantity, score } of trusts) {
    const sum = sums.get(gtin) ?? { weight: 0, score: 0 };
    const weight = Math.max(1, Math.abs(quantity));
    sums.set(gtin, { weight: sum.weight + weight, score: sum.score + weight * score });
  }
  return new Map([...sums].map(([gtin, { weight, score }]) => [gtin, score / weight]));
}

/** What share of the stock, in percent, is not promised at a score. */
export function withheldPercent(score: number, { mode, scoreShareMin }: TrustPolicy): number {
  if (mode === "off" || score >= scoreShareMin) return 0;
  return mode === "withhold" ? 100 : Math.round((1 - score / scoreShareMin) * 100);
}
