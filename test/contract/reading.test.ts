import { describe, expect, test } from "vitest";
import { readingSchema } from "../../contract/reading.ts";

const receivedAtMs = 1_763_888_000_140;
const tag = {
  kind: "tag",
  deviceId: "portal-1",
  antenna: 2,
  epc: "3034257BF7194E4000001A85",
  rssiDbm: -51.5,
  receivedAtMs,
};
const weight = {
  kind: "weight",
  deviceId: "shelf-3",
  cell: 4,
  weightGrams: 1204.6,
  status: "ok",
  receivedAtMs,
};
const scan = {
  kind: "scan",
  deviceId: "till-1",
  data: "0109506000134352\u001d21ABC",
  receivedAtMs,
};
const input = {
  kind: "input",
  deviceId: "portal-1",
  line: "beam-outer",
  active: true,
  receivedAtMs,
};
const device = { kind: "device", deviceId: "portal-1", state: "online", receivedAtMs };

describe("every kind", () => {
  test.each([
    ["tag", tag],
    [
      "tag with all it may have",
      {
        ...tag,
        tid: "E2801160600002054E5F0123",
        phaseDeg: 181.4,
        channelMhz: 866.9,
        count: 1,
        readerAtMs: 946_684_800_000,
      },
    ],
    ["weight", weight],
    ["weight below zero", { ...weight, weightGrams: -3.2, status: "underload" }],
    ["scan", scan],
    ["scan with its symbology", { ...scan, symbology: "]d2" }],
    ["input", input],
    ["device", device],
    ["device with a reason", { ...device, state: "offline", reason: "unplugged" }],
  ])("%s is taken and comes back unchanged", (_what, reading) => {
    expect(readingSchema.parse(JSON.parse(JSON.stringify(reading)))).toEqual(reading);
  });

  test.each([tag, weight, scan, input, device])("$kind: nothing may be missing", (reading) => {
    for (const key of Object.keys(reading)) {
      const { [key as keyof typeof reading]: _left, ...rest } = reading;
      expect(readingSchema.safeParse(rest).success).toBe(false);
    }
  });

  test.each([tag, weight, scan, input, device])("$kind: nothing may be added", (reading) => {
    expect(readingSchema.safeParse({ ...reading, extra: 1 }).success).toBe(false);
  });
});

test.each([
  ["antenna 0", { ...tag, antenna: 0 }],
  ["antenna 1.5", { ...tag, antenna: 1.5 }],
  ["a signal of -200 dBm", { ...tag, rssiDbm: -200 }],
  ["a signal that is no number", { ...tag, rssiDbm: Number.NaN }],
  ["a phase of 361 degrees", { ...tag, phaseDeg: 361 }],
  ["an EPC in lower case", { ...tag, epc: "3034257bf7194e4000001a85" }],
  ["a count of 0", { ...tag, count: 0 }],
  ["cell 256", { ...weight, cell: 256 }],
  ["an infinite weight", { ...weight, weightGrams: Number.POSITIVE_INFINITY }],
  ["an unknown status", { ...weight, status: "fine" }],
  ["an empty scan", { ...scan, data: "" }],
  ["a scan of 4097 characters", { ...scan, data: "x".repeat(4097) }],
  ["a symbology without its bracket", { ...scan, symbology: "d2" }],
  ["an input that is neither", { ...input, active: 1 }],
  ["an unknown state", { ...device, state: "asleep" }],
  ["a time in seconds with a fraction", { ...tag, receivedAtMs: 1_763_888_000.14 }],
  ["an unknown kind", { ...tag, kind: "smell" }],
  ["no object", "tag"],
])("refuses %s", (_what, reading) => {
  expect(readingSchema.safeParse(reading).success).toBe(false);
});
