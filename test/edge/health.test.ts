// What a report leaves out so that brokers take it.

import { expect, test } from "vitest";
import { type Health, healthSchema } from "../../contract/delivery.ts";
import { fitted, healthSizeBytesMax } from "../../edge/health.ts";

function report(deviceCount: number, reasonLength: number, antennaCount: number): Health {
  const antennas = Array.from({ length: antennaCount }, (_, index) => ({
    antenna: index + 1,
    readingCount: 1_000_000 + index,
  }));
  return healthSchema.parse({
    ...{ storeId: "s1", edgeId: "e1", atMs: 1, uptimeMs: 1, bootId: "0f0f0f0f", clockSynced: true },
    ...{ outboxId: "0f0f0f0f", lastSequence: 1, acknowledgedSequence: 1, waitingCount: 0 },
    ...{ bufferUsedShare: 0, linkState: "online", rssBytes: 1, eventLoopDelayMsP99: 1 },
    counters: {},
    devices: Array.from({ length: deviceCount }, (_, index) => ({
      ...{ deviceId: `d${index}`, kind: "llrp", state: "offline", readingCount: 9 },
      ...{ reason: "x".repeat(reasonLength), restartCount: 1, antennas },
    })),
  });
}

const sizeOf = (health: Health) => Buffer.byteLength(JSON.stringify(health));

test("a usual report is left as it is", () => {
  const usual = report(12, 60, 4);
  expect(fitted(usual)).toBe(usual);
});

test("one with very many antennas is told without them, and one with many reasons without those", () => {
  const many = fitted(report(64, 60, 64));
  expect(sizeOf(many)).toBeLessThanOrEqual(healthSizeBytesMax);
  expect(many.devices).toHaveLength(64);
  expect(many.devices[0]).toMatchObject({ reason: "x".repeat(60), readingCount: 9 });
  expect(many.devices[0]?.antennas).toBeUndefined();
  const most = fitted(report(256, 500, 64));
  expect(sizeOf(most)).toBeLessThanOrEqual(healthSizeBytesMax);
  expect(most.devices).toHaveLength(256);
  expect(most.devices[0]?.reason).toBeUndefined();
  expect(healthSchema.parse(most)).toEqual(most);
});
