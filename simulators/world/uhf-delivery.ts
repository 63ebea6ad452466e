// From what a reader read to what the edge received: the reader's own clock, the way, stalls, repeated,
// missing and exchanged readings, and the device's states. In order of receipt.

import type { Reading, TagReading } from "../../contract/reading.ts";
import type { EpcHex } from "../../contract/units.ts";
import { between, type Random, waitMs } from "../random.ts";
import type { Physics } from "./physics.ts";
import type { RawRead } from "./uhf-reader.ts";

/** What is delivered, and how badly. */
export interface Delivery {
  readonly deviceId: string;
  readonly physics: Physics;
  readonly reads: readonly RawRead[];
  readonly fromAtMs: number;
  readonly toAtMs: number;
  /** `isTold`: the driver notices and says so; what was read before is delivered. */
  readonly outages: readonly { readonly fromAtMs: number; readonly toAtMs: number }[];
  /** While the network is down the reader keeps what it read, and sends all of it afterwards. */
  readonly backlogs: readonly { readonly fromAtMs: number; readonly toAtMs: number }[];
  readonly random: Random;
}

/** How long a driver takes to find out that its reader is gone. */
const detectMs = 3000;

/** Readings in order of receipt. */
export function deliver(delivery: Delivery): Reading[] {
  const { deviceId, reads, fromAtMs, outages } = delivery;
  const tags = exchange(received(delivery, reads), delivery);
  const states: Reading[] = [{ kind: "device", deviceId, state: "online", receivedAtMs: fromAtMs }];
  for (const { fromAtMs: offMs, toAtMs: onMs } of outages) {
    const offline = { kind: "device", deviceId, state: "offline" } as const;
    states.push({ ...offline, receivedAtMs: Math.min(offMs + detectMs, onMs) });
    states.push({ kind: "device", deviceId, state: "online", receivedAtMs: onMs });
  }
  return [...states, ...tags].sort((one, other) => one.receivedAtMs - other.receivedAtMs);
}

function received(delivery: Delivery, reads: readonly RawRead[]): TagReading[] {
  const { deviceId, physics, fromAtMs, backlogs, random } = delivery;
  const { clockErrorMs, clockDriftPpm, rssiNoiseDb, rssiStepDb, stallsPerHour } = physics;
  const meanStallGapMs = 3_600_000 / Math.max(stallsPerHour, 1e-6);
  let stallAtMs = fromAtMs + waitMs(random, meanStallGapMs);
  let lastReceivedMs = fromAtMs;
  const readings: TagReading[] = [];
  for (const { atMs, antenna, epc, rssiDbm } of reads) {
    const noisyDbm = rssiDbm + between(random, -1.7, 1.7) * rssiNoiseDb;
    const backlog = backlogs.find((one) => atMs >= one.fromAtMs && atMs < one.toAtMs);
    let receivedAtMs = atMs + between(random, physics.latencyMsMin, physics.latencyMsMax);
    if (atMs >= stallAtMs) {
      receivedAtMs += between(random, 50, physics.stallMsMax);
      stallAtMs = atMs + waitMs(random, meanStallGapMs);
    }
    // One connection keeps the order of what it carries.
    receivedAtMs = Math.round(Math.max(receivedAtMs, backlog?.toAtMs ?? 0, lastReceivedMs));
    lastReceivedMs = receivedAtMs;
    if (random() < physics.missingShare) continue;
    const reading: TagReading = {
      kind: "tag",
      deviceId,
      antenna,
      epc: epc as EpcHex,
      rssiDbm: Math.round(noisyDbm / rssiStepDb) * rssiStepDb,
      receivedAtMs,
      readerAtMs: Math.round(atMs + clockErrorMs + ((atMs - fromAtMs) * clockDriftPpm) / 1e6),
    };
    readings.push(reading);
    if (random() < physics.duplicateShare) readings.push({ ...reading });
  }
  return readings;
}

// Exchanged readings keep the times of their places: the reader's own time says what came first.
function exchange(readings: TagReading[], { physics, random }: Delivery): TagReading[] {
  const all = [...readings];
  for (let index = 1; index < all.length; index += 1) {
    if (random() >= physics.reorderedShare) continue;
    const [before, after] = [all[index - 1]!, all[index]!];
    all[index - 1] = { ...after, receivedAtMs: before.receivedAtMs };
    all[index] = { ...before, receivedAtMs: after.receivedAtMs };
  }
  return all;
}
