// What is kept of an edge's health report: the numbers, within a named limit. Pure.

import type { Health, RunningConfig } from "../../contract/delivery.ts";

type DeviceHealth = Health["devices"][number];

/** A device of a report; each id stands once. */
export interface DeviceReport extends Omit<DeviceHealth, "antennas"> {
  /** Each antenna stands once. */
  readonly antennas: readonly { readonly antenna: number; readonly readingCount: number }[];
}

/** What an edge said of itself, and when it came. */
export interface EdgeReport {
  /** By the bridge's clock that never jumps. */
  readonly takenMs: number;
  /** By how much the edge's clock is ahead of the bridge's, the message's way included. */
  readonly clockOffsetMs: number;
  readonly clockSynced: boolean;
  readonly outboxId: string;
  readonly lastSequence: number;
  readonly waitingCount: number;
  /** Age of the oldest event that the ledger has not acknowledged; 0 when none waits. */
  readonly backlogAgeMs: number;
  readonly bufferUsedShare: number;
  readonly sinceAcknowledgementMs: number | undefined;
  /** Which configuration it works by. */
  readonly config: RunningConfig | undefined;
  readonly planVersion: number | undefined;
  readonly devices: readonly DeviceReport[];
  /** Devices and antennas that the limit left out. */
  readonly leftOutCount: number;
}

/** Series that every device has beside those of its antennas. */
const seriesPerDevice = 2;

/** A report as it is kept. `seriesCountMax`: series of its devices and antennas, all together. */
export function reportOf(
  health: Health,
  taken: { readonly nowMs: number; readonly monotonicMs: number; readonly seriesCountMax: number },
): EdgeReport {
  const { atMs, waitingCount, oldestWaitingAtMs } = health;
  const oldestAtMs = waitingCount === 0 ? undefined : oldestWaitingAtMs;
  return {
    takenMs: taken.monotonicMs,
    clockOffsetMs: Math.round(atMs - taken.nowMs),
    clockSynced: health.clockSynced,
    outboxId: health.outboxId,
    lastSequence: health.lastSequence,
    waitingCount,
    backlogAgeMs: oldestAtMs === undefined ? 0 : Math.max(0, atMs - oldestAtMs),
    bufferUsedShare: health.bufferUsedShare,
    sinceAcknowledgementMs: health.sinceAcknowledgementMs,
    config: health.config,
    planVersion: health.planVersion,
    ...devicesOf(health, taken.seriesCountMax),
  };
}

function devicesOf({ devices }: Health, seriesCountMax: number) {
  const kept = new Map<string, DeviceReport>();
  let seriesCount = 0;
  let leftOutCount = 0;
  for (const { antennas = [], ...device } of devices) {
    // A series that is there twice would cost Prometheus the whole answer.
    if (kept.has(device.deviceId)) continue;
    if (seriesCount + seriesPerDevice > seriesCountMax) {
      leftOutCount += 1 + antennas.length;
      continue;
    }
    seriesCount += seriesPerDevice;
    const counts = new Map(antennas.map((each) => [each.antenna, each]));
    const within = [...counts.values()].slice(0, seriesCountMax - seriesCount);
    seriesCount += within.length;
    leftOutCount += counts.size - within.length;
    kept.set(device.deviceId, { ...device, antennas: within });
  }
  return { devices: [...kept.values()], leftOutCount };
}
