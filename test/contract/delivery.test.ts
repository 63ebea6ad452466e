import { describe, expect, test } from "vitest";
import {
  acknowledgementSchema,
  answerSchema,
  commandSchema,
  configSizeBytesMax,
  edgeStatusSchema,
  healthSchema,
  refusalSchema,
  rejectionCountMax,
  replySchema,
} from "../../contract/delivery.ts";

const digest = "0123456789abcdef".repeat(4);
const randomId = "6b1f0f0e-3f6c-4d0f-9c4b-2f1f5d1c9a11";

const acknowledgement = {
  outboxId: randomId,
  ledgerEpoch: 1,
  throughSequence: 1200,
  throughDigest: digest,
  rejected: [],
};
const rejection = { sequence: 1199, code: "LEDGER_RULE", message: "a location of another store" };
const refusal = { code: "BATCH_UNREADABLE", message: "not a batch", payloadDigest: digest };
const status = {
  storeId: "s0042",
  edgeId: "edge-1",
  state: "online",
  reason: "started",
  bootId: randomId,
  outboxId: randomId,
  softwareVersion: "0.1.0",
  sinceAtMs: 1_763_888_000_000,
};
const health = {
  atMs: 1_763_888_000_000,
  uptimeMs: 81_000,
  bootId: randomId,
  clockSynced: true,
  outboxId: randomId,
  lastSequence: 12,
  acknowledgedSequence: 10,
  waitingCount: 2,
  bufferUsedShare: 0.01,
  linkState: "online",
  rssBytes: 80_000_000,
  eventLoopDelayMsP99: 1.7,
  devices: [
    { deviceId: "portal-1", kind: "r2000", state: "online", readingCount: 7, restartCount: 0 },
  ],
  counters: { "portal-1.frames": 9 },
};
const antennas = [
  { antenna: 1, readingCount: 4 },
  { antenna: 255, readingCount: 3 },
];
/** With what edges of before do not say. */
const wholeHealth = {
  ...health,
  ...{ storeId: "s0042", edgeId: "edge-1", sinceAcknowledgementMs: 1200 },
  config: {
    ...{ digest: "b".repeat(64), origin: "applied" },
    returned: { digest: "c".repeat(64), reason: "no link", atMs: 1 },
  },
  devices: health.devices.map((device) => ({ ...device, antennas })),
};
const withAntennas = (each: object[]) => ({
  ...health,
  devices: [{ ...health.devices[0], antennas: each }],
});

describe("acknowledgements", () => {
  test.each([
    ["the least", acknowledgement, true],
    ["of an empty outbox", { ...acknowledgement, throughSequence: 0 }, true],
    ["with rejections", { ...acknowledgement, rejected: [rejection] }, true],
    ["to a hello with a probe", { ...acknowledgement, nonce: randomId, probeMatches: false }, true],
    ["of a hole", { ...acknowledgement, code: "OUTBOX_HOLE" }, true],
    ["with a code of a refusal", { ...acknowledgement, code: "BATCH_UNREADABLE" }, false],
    ["of epoch 0", { ...acknowledgement, ledgerEpoch: 0 }, false],
    ["without a digest", { ...acknowledgement, throughDigest: undefined }, false],
    ["with an unknown key", { ...acknowledgement, extra: 1 }, false],
    [
      "with more rejections than a batch has events",
      { ...acknowledgement, rejected: new Array(rejectionCountMax + 1).fill(rejection) },
      false,
    ],
  ])("%s", (_what, value, isTaken) => {
    expect(acknowledgementSchema.safeParse(value).success).toBe(isTaken);
  });
});

test("an answer is an acknowledgement or a refusal, and never both", () => {
  expect(answerSchema.parse(acknowledgement)).toEqual(acknowledgement);
  expect(answerSchema.parse(refusal)).toEqual(refusal);
  expect(answerSchema.safeParse({ ...acknowledgement, ...refusal }).success).toBe(false);
  expect(answerSchema.safeParse({}).success).toBe(false);
});

test.each([
  ["with another code", { ...refusal, code: "OUTBOX_HOLE" }],
  ["with a long message", { ...refusal, message: "x".repeat(501) }],
  ["without the payload's digest", { ...refusal, payloadDigest: undefined }],
])("a refusal %s is none", (_what, value) => {
  expect(refusalSchema.safeParse(value).success).toBe(false);
});

test.each([
  ["status", edgeStatusSchema, status],
  ["a last will", edgeStatusSchema, { ...status, state: "offline", reason: "lost" }],
  ["health of an edge of before", healthSchema, health],
  ["health", healthSchema, wholeHealth],
  ["a hello request", commandSchema, { id: randomId, command: "hello_request" }],
  [
    "a workflow",
    commandSchema,
    { id: randomId, command: "workflow", deviceId: "till-1", workflow: "return" },
  ],
  [
    "a lamp to light",
    commandSchema,
    {
      id: randomId,
      command: "actuate",
      deviceId: "lights-1",
      output: "red",
      action: { type: "on", durationMs: 1000 },
    },
  ],
  ["a rewind", commandSchema, { id: randomId, command: "rewind", fromSequence: 7 }],
  ["a tare", commandSchema, { id: randomId, command: "tare", deviceId: "shelf-1", cell: 2 }],
  [
    "a configuration, as large as may be",
    commandSchema,
    { id: randomId, command: "apply_config", config: "\n".repeat(configSizeBytesMax / 2 - 1) },
  ],
  ["a good reply", replySchema, { id: randomId, ok: true }],
  ["a bad reply", replySchema, { id: randomId, ok: false, code: "UNKNOWN", message: "no device" }],
])("%s is taken, and refused with an unknown key", (_what, schema, value) => {
  expect(schema.parse(value)).toEqual(value);
  expect(schema.safeParse({ ...value, extra: 1 }).success).toBe(false);
});

test.each([
  ["a command nobody knows", commandSchema, { id: randomId, command: "reboot" }],
  [
    "a configuration that is too large as JSON",
    commandSchema,
    { id: randomId, command: "apply_config", config: "\n".repeat(configSizeBytesMax / 2) },
  ],
  ["a rewind to nowhere", commandSchema, { id: randomId, command: "rewind", fromSequence: 0 }],
  ["cell 0", commandSchema, { id: randomId, command: "tare", deviceId: "shelf-1", cell: 0 }],
  ["a workflow without its device", commandSchema, { id: randomId, command: "workflow" }],
  [
    "a lamp to light for 10 ms",
    commandSchema,
    {
      id: randomId,
      command: "actuate",
      deviceId: "lights-1",
      output: "red",
      action: { type: "on", durationMs: 10 },
    },
  ],
  ["a buffer fuller than full", healthSchema, { ...health, bufferUsedShare: 1.2 }],
  ["257 devices", healthSchema, { ...health, devices: new Array(257).fill(health.devices[0]) }],
  ["antenna 256", healthSchema, withAntennas([{ antenna: 256, readingCount: 1 }])],
  ["more antennas than are told of", healthSchema, withAntennas(new Array(65).fill(antennas[0]))],
  ["an acknowledgement to come", healthSchema, { ...health, sinceAcknowledgementMs: -1 }],
  ["a status in between", edgeStatusSchema, { ...status, state: "starting" }],
])("refuses %s", (_what, schema, value) => {
  expect(schema.safeParse(value).success).toBe(false);
});
