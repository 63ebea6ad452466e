// Health reports and status messages as edges say them.

import type { EdgeStatus, Health } from "../../../contract/delivery.ts";

const bootId = "0f0f0f0f0f0f";

/** A device that reads tags by these antennas. */
export function reader(deviceId: string, readingCounts: Record<number, number>) {
  const antennas = Object.entries(readingCounts).map(([antenna, readingCount]) => ({
    ...{ antenna: Number(antenna), readingCount },
  }));
  const readingCount = antennas.reduce((sum, each) => sum + each.readingCount, 0);
  const state = "online" as const;
  return { deviceId, kind: "llrp", state, readingCount, restartCount: 0, antennas };
}

/** A report, with whatever differs. */
export function health(fields: Partial<Health> = {}): Health {
  return {
    ...{ atMs: Date.now(), uptimeMs: 1000, bootId, clockSynced: true, outboxId: "aaaaaaaa-0001" },
    ...{ lastSequence: 3, acknowledgedSequence: 3, waitingCount: 0, bufferUsedShare: 0.25 },
    ...{ linkState: "online" as const, rssBytes: 1, eventLoopDelayMsP99: 1 },
    ...{ devices: [], counters: {} },
    ...fields,
  };
}

/** A status, as one is published. */
export function status(
  storeId: string,
  edgeId: string,
  state: EdgeStatus["state"] = "online",
  reason: EdgeStatus["reason"] = state === "online" ? "started" : "lost",
): EdgeStatus {
  return {
    ...{ storeId, edgeId, state, reason, bootId, outboxId: "aaaaaaaa-0001" },
    ...{ softwareVersion: "1.2.3", sinceAtMs: 1_763_888_000_000 },
  };
}
