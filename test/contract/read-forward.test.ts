// Old and new beside each other: what a later minor version adds is passed over by the one before, in every message.

import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { decodeBatch } from "../../contract/batch-codec.ts";
import {
  acknowledgementSchema,
  answerSchema,
  edgeStatusSchema,
  healthSchema,
  refusalSchema,
  replySchema,
} from "../../contract/delivery.ts";
import { readPlan } from "../../contract/plan.ts";
import { readForward } from "../../contract/read-forward.ts";
import { soldSchema } from "../../contract/sold.ts";
import { health, reader, status } from "../cloud-bridge/edges/health-message.ts";

const digest = "a".repeat(64);
const acknowledgement = {
  ...{ outboxId: "aaaaaaaa-0001", ledgerEpoch: 1, throughSequence: 3, throughDigest: digest },
  rejected: [{ sequence: 2, code: "EVENT_INVALID", message: "no" }],
};
const refusal = { code: "BATCH_UNREADABLE", message: "no", payloadDigest: digest };
const report = health({ devices: [reader("r1", { 1: 7 }), reader("r2", { 1: 2, 2: 3 })] });
const sold = {
  ...{ schemaVersion: 1, storeId: "s0042", asOfAtMs: 5 },
  through: { ledgerEpoch: 1, entryNumber: 7 },
  serials: [{ key: "01/09506000134352/21/A", soldAtMs: 4 }],
  units: [{ gtin: "09506000134352", quantity: 2, soldAtMs: 3 }],
};
const messages: [string, z.ZodType, object][] = [
  ["acknowledgement", answerSchema, acknowledgement],
  ["refusal", answerSchema, refusal],
  ["status", edgeStatusSchema, status("s0042", "e1")],
  ["health", healthSchema, report],
  ["reply", replySchema, { id: "aaaaaaaa", ok: true, health: report }],
  ["sold", soldSchema, sold],
];

/** The value with a key that nobody knows in every object of it; `counters` have names of their own. */
function grown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(grown);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, each]) => [
    key,
    key === "counters" ? each : grown(each),
  ]);
  return { ...Object.fromEntries(entries), added: { since: "2.1" } };
}

describe.each(messages)("%s", (_, schema, message) => {
  test("is read without what a later version added, wherever it stands", () => {
    expect(readForward(schema, message).data).toEqual(schema.parse(message));
    expect(schema.safeParse(grown(message)).success).toBe(false);
    expect(readForward(schema, grown(message)).data).toEqual(schema.parse(message));
  });

  test("is refused for anything else, and what was given stays as it is", () => {
    const [first] = Object.keys(message);
    const broken = { ...(grown(message) as object), [first!]: null };
    const before = structuredClone(broken);
    expect(readForward(schema, broken).success).toBe(false);
    expect(broken).toEqual(before);
  });
});

test("an answer that is neither an acknowledgement nor a refusal is none", () => {
  expect(readForward(answerSchema, { added: 1 }).success).toBe(false);
  expect(acknowledgementSchema.safeParse(acknowledgement).success).toBe(true);
  expect(refusalSchema.safeParse(refusal).success).toBe(true);
});

test("a plan of a later version keeps its edges: unknown keys are passed over, a place of an unknown role is on the floor", () => {
  const plan = {
    ...{ schemaVersion: 1, storeId: "s0042", version: 3 },
    products: [{ gtin: "09506000134352", name: "Coffee", unitWeightGrams: 500 }],
    locations: [
      { location: "s0042/floor", role: "floor", picksSensed: true },
      { location: "s0042/door", role: "exit", picksSensed: false },
    ],
    facings: [{ location: "s0042/floor", gtin: "09506000134352" }],
  };
  expect(readPlan(grown(plan)).data).toEqual(plan);
  const locker = { location: "s0042/locker", role: "parcel_locker", picksSensed: false };
  const locations = [...plan.locations, locker];
  const facings = [...plan.facings, { location: "s0042/locker", gtin: "09506000134352" }];
  expect(readPlan({ ...plan, locations, facings }).data).toEqual({
    ...{ ...plan, facings },
    locations: [...plan.locations, { ...locker, role: "floor" }],
  });
  for (const other of [
    { ...plan, schemaVersion: 2 },
    { ...plan, locations: [{ location: "s0043/floor", role: "parcel_locker" }] },
    { ...plan, locations: [{ location: "s0042/floor", role: 7 }] },
    { ...plan, locations: undefined },
    "plan",
  ]) {
    expect(readPlan(other).success).toBe(false);
  }
});

test("a batch with more keys is read; one of a later version of the wire moves nothing", () => {
  const batch = {
    ...{ schemaVersion: 1, storeId: "s0042", edgeId: "e1", outboxId: "aaaaaaaa-0001" },
    ...{ firstSequence: 1, previousDigest: digest, completeThroughAtMs: 1, sentAtMs: 1 },
    ...{ nonce: "bbbbbbbb", events: [{ type: "of tomorrow", added: 1 }] },
  };
  const decode = (value: unknown) => decodeBatch(Buffer.from(JSON.stringify(value)));
  expect(decode({ ...batch, shelfCount: 4 })).toEqual({ ok: true, batch });
  expect(decode({ ...batch, schemaVersion: 2, shelfCount: 4 })).toMatchObject({
    refusal: { code: "VERSION_UNSUPPORTED" },
  });
  expect(decode({ ...batch, shelfCount: 4, nonce: 5 })).toMatchObject({
    refusal: { code: "BATCH_UNREADABLE" },
  });
  // Deep and hostile: read or refused, nothing thrown.
  const deep = `{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}`;
  expect(decodeBatch(Buffer.from(deep))).toMatchObject({ ok: false });
});
