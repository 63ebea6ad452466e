// What a store demands of its counts: tolerances by class, how often each class is counted, who may approve
// what, and how trust in the book bounds promises. One document a store; `*` speaks for all others.

import { z } from "zod";
import { productClassSchema } from "../../../contract/catalogue.ts";
import { atMsSchema, durationMsSchema } from "../../../contract/units.ts";

const dayMs = 86_400_000;

/** Roles, from the least to the most authority in counting. */
export const countRoles = [
  "integration",
  "technician",
  "associate",
  "store_manager",
  "regional_lead",
  "network_director",
] as const;
export type CountRole = (typeof countRoles)[number];

/** Money in the currency's smallest unit. */
const valueMinor = z.int().min(0).max(1_000_000_000_000);
const share = z.number().min(0).max(1);

/** What one class demands. */
const classPolicySchema = z.strictObject({
  /** A count that differs by more than the larger of units and share, or by more than the value, is recounted. */
  differenceCountMax: z.int().min(0).max(1_000_000),
  differenceShareMax: share,
  differenceValueMinorMax: valueMinor,
  /** Every item of the class is counted once in this time. */
  rotationMs: durationMsSchema.min(dayMs).max(10 * 365 * dayMs),
});
export type ClassPolicy = z.infer<typeof classPolicySchema>;

/** Lines out of tolerance are posted by a role up to the value here; a role that is not named approves nothing. */
const authoritySchema = z.partialRecord(z.enum(countRoles), valueMinor);

const trustPolicySchema = z.strictObject({
  /** `off`: promises do not look at trust; `reduce`: the less trust, the less is promised; `withhold`: nothing. */
  mode: z.enum(["off", "reduce", "withhold"]).default("off"),
  /** Below this score promises are reduced, or withheld. */
  scoreShareMin: share.default(0.4),
});

/** A store's demands. */
export const countPolicySchema = z.strictObject({
  /** By class; `*` for every other. */
  classes: z.record(z.union([z.literal("*"), productClassSchema]), classPolicySchema).default({
    A: policyOf(1, 0.01, 91),
    B: policyOf(1, 0.03, 182),
    C: policyOf(2, 0.05, 365),
    "*": policyOf(1, 0.03, 182),
  }),
  /** A sensor's count that is less sure changes nothing and asks for a look; a person's, who gives none, always counts. */
  confidenceShareMin: share.default(0.98),
  approvalValueMinorMax: authoritySchema.default({
    associate: 20_00,
    store_manager: 500_00,
    regional_lead: 5_000_00,
    network_director: 1_000_000_000_000,
  }),
  /** Cumulative share of turnover that class A, and A with B, make up. */
  classAShare: share.default(0.8),
  classABShare: share.default(0.95),
  /** Turnover and rates of sale are taken from so much time. */
  turnoverMs: durationMsSchema
    .min(dayMs)
    .max(400 * dayMs)
    .default(28 * dayMs),
  /** Lines that a day's plan asks for. */
  dailyLineCountMax: z.int().min(1).max(5000).default(200),
  trust: trustPolicySchema.prefault({}),
  /** A known delivery, and how long after it the next ones follow. */
  deliveryAtMs: atMsSchema.default(0),
  deliveryIntervalMs: durationMsSchema.min(3_600_000).default(dayMs),
});
export type CountPolicy = z.infer<typeof countPolicySchema>;
export type TrustPolicy = CountPolicy["trust"];

function policyOf(units: number, differenceShareMax: number, rotationDays: number): ClassPolicy {
  return {
    ...{ differenceCountMax: units, differenceShareMax, differenceValueMinorMax: 50_00 },
    rotationMs: rotationDays * dayMs,
  };
}

/** What holds where a store has said nothing. */
export const defaultCountPolicy: CountPolicy = countPolicySchema.parse({});

/** Whether a count is sure enough to change balances. */
export function isCountSure(
  { confidence }: { readonly confidence?: number | undefined },
  { confidenceShareMin }: Pick<CountPolicy, "confidenceShareMin">,
): boolean {
  return confidence === undefined || confidence >= confidenceShareMin;
}

/** What a class demands. */
export function classPolicyOf({ classes }: CountPolicy, name: string): ClassPolicy {
  const own = Object.hasOwn(classes, name) ? classes[name] : classes["*"];
  return own ?? defaultCountPolicy.classes["*"]!;
}

/** What the catalogue, or the plan, says of a product that counting needs. */
export interface CountItem {
  readonly gtin: string;
  readonly className: string;
  /** Of one unit; undefined where nobody said it. */
  readonly priceMinor: number | undefined;
}

/** A count of an account beside its book. */
export interface Judged {
  /** Counted less book. */
  readonly difference: number;
  /** Undefined without a price: then units and share alone say whether it is within. */
  readonly valueMinor: number | undefined;
  readonly isWithin: boolean;
}

/** Judges a count. Pluses are never set off against minuses: each line stands for itself. */
export function judge(
  { counted, book }: { counted: number; book: number },
  item: Pick<CountItem, "className" | "priceMinor">,
  policy: CountPolicy,
): Judged {
  const limits = classPolicyOf(policy, item.className);
  const difference = counted - book;
  const valueMinor = worthOf(difference, item.priceMinor);
  const unitsMax = Math.max(
    limits.differenceCountMax,
    limits.differenceShareMax * Math.max(0, book),
  );
  const isWithin =
    Math.abs(difference) <= unitsMax && (valueMinor ?? 0) <= limits.differenceValueMinorMax;
  return { difference, valueMinor, isWithin };
}

/** What a difference is worth; undefined where the product has no price. */
export function worthOf(difference: number, priceMinor: number | undefined): number | undefined {
  if (difference === 0) return 0;
  return priceMinor === undefined ? undefined : Math.abs(difference) * priceMinor;
}

/** What a role may approve. */
export function authorityOf({ approvalValueMinorMax }: CountPolicy, role: CountRole): number {
  return approvalValueMinorMax[role] ?? -1;
}

/** Whether a role may post a difference. One of unknown value may be worth anything: whoever may approve the most does. */
export function mayPost(
  policy: CountPolicy,
  role: CountRole,
  { valueMinor }: Pick<Judged, "valueMinor">,
): boolean {
  const limitMinor = authorityOf(policy, role);
  if (valueMinor !== undefined) return valueMinor <= limitMinor;
  return limitMinor >= Math.max(0, ...Object.values(policy.approvalValueMinorMax));
}
