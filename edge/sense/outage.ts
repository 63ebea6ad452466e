// Says from when to when the edge was blind, one device or all of them: `noticed: sensing_gap`. A gap
// begins where sensing was last known to be complete and ends when the device has been back long enough
// to see whole movements again. An open gap is durable, so a crash in the middle only makes it longer.

import { z } from "zod";
import { noticeCodes } from "../../contract/event.ts";
import type { Reading } from "../../contract/reading.ts";
import { durationMsSchema } from "../../contract/units.ts";
import type { Machine, Output } from "./machine.ts";
import { readStored } from "./stored.ts";

/** Settings of outages. */
export const outageConfigSchema = z.strictObject({
  /** A device is trusted again when it has been online for this long: a movement may be half over. */
  settleMs: durationMsSchema.max(60_000).default(3_000),
  /** The longest a driver takes to find out that its device is gone. */
  detectMsMax: durationMsSchema.max(600_000).default(10_000),
});

/** What an outage machine works with. */
export interface OutageOptions {
  /** Named as the device of its notices. */
  readonly edgeId: string;
  readonly deviceIds: readonly string[];
  readonly config: z.infer<typeof outageConfigSchema>;
  /** Through when everything that the device's sensing saw is decided. */
  readonly decidedThroughMs: (deviceId: string, nowMs: number) => number;
  /** Through when sensing was complete in the edge's last life; absent in its first. */
  readonly lastAliveAtMs: number | undefined;
}

interface Device {
  readonly deviceId: string;
  /** Since when it is online; undefined while it is not. */
  onlineAtMs: number | undefined;
  lastReadingAtMs: number | undefined;
  /** Where the gap that is not yet declared begins. */
  gapFromMs: number | undefined;
  /** Whether that time is of this life's clock, and moves when the clock is set. */
  isGapOfThisLife: boolean;
}

/** A gap that several devices share. `toAtMs` is never before its beginning: a clock that is still in the
 * past cannot say how long the gap was, so the gap waits until the clock is set. */
interface Group {
  readonly fromAtMs: number;
  toAtMs: number;
  readonly devices: Device[];
}

const storedSchema = z.strictObject({ fromAtMs: z.number() });

/** Watches all devices. It must be asked first, before other machines forget what they had under way. */
export class Outage implements Machine {
  readonly deviceIds: readonly string[];
  readonly #options: OutageOptions;
  readonly #devices: ReadonlyMap<string, Device>;
  readonly #unsaved = new Set<Device>();
  #saveAtMs = 0;
  #next: Group | undefined;

  constructor(options: OutageOptions) {
    this.deviceIds = options.deviceIds;
    this.#options = options;
    this.#devices = new Map(
      options.deviceIds.map((deviceId) => [
        deviceId,
        {
          deviceId,
          onlineAtMs: undefined,
          lastReadingAtMs: undefined,
          gapFromMs: undefined,
          isGapOfThisLife: false,
        },
      ]),
    );
  }

  nextDeadlineMs(): number {
    if (this.#unsaved.size > 0) return this.#saveAtMs;
    return this.#next?.toAtMs ?? Number.POSITIVE_INFINITY;
  }

  advance(atMs: number, output: Output): void {
    this.#save(output);
    while (this.#next !== undefined && this.#next.toAtMs <= atMs) this.#declare(this.#next, output);
  }

  apply(reading: Reading, output: Output): void {
    const device = this.#devices.get(reading.deviceId);
    if (device === undefined) return;
    const { receivedAtMs } = reading;
    if (reading.kind === "device" && reading.state === "offline") {
      this.#goOffline(device, receivedAtMs, output);
    } else {
      device.lastReadingAtMs = receivedAtMs;
      if (device.onlineAtMs !== undefined) return;
      device.onlineAtMs = receivedAtMs;
      this.#schedule();
    }
  }

  decidedThroughMs(nowMs: number): number {
    return nowMs;
  }

  restore(stored: ReadonlyMap<string, string>, nowMs: number): void {
    const { lastAliveAtMs } = this.#options;
    for (const device of this.#devices.values()) {
      const row = readStored(storedSchema, stored.get(keyOf(device)) ?? "");
      const fromMs = Math.min(row?.fromAtMs ?? Infinity, lastAliveAtMs ?? Infinity);
      if (!Number.isFinite(fromMs)) continue;
      device.gapFromMs = fromMs;
      if (row?.fromAtMs !== fromMs) this.#unsaved.add(device);
    }
    this.#saveAtMs = nowMs;
  }

  setPlan(): void {
    // Blindness has nothing to do with products.
  }

  shiftTime(byMs: number): void {
    for (const device of this.#devices.values()) {
      if (device.onlineAtMs !== undefined) device.onlineAtMs += byMs;
      if (device.lastReadingAtMs !== undefined) device.lastReadingAtMs += byMs;
      if (device.gapFromMs === undefined || !device.isGapOfThisLife) continue;
      device.gapFromMs += byMs;
      this.#unsaved.add(device);
    }
    this.#saveAtMs += byMs;
    this.#schedule();
  }

  #goOffline(device: Device, atMs: number, output: Output): void {
    const { deviceId, onlineAtMs, lastReadingAtMs } = device;
    device.onlineAtMs = undefined;
    if (device.gapFromMs === undefined) {
      // A device that was silent before may have been gone for as long as its driver takes to see it.
      const detectableMs = atMs - this.#options.config.detectMsMax;
      const aliveMs =
        onlineAtMs === undefined ? atMs : Math.max(lastReadingAtMs ?? 0, detectableMs);
      device.gapFromMs = Math.min(aliveMs, this.#options.decidedThroughMs(deviceId, atMs));
      device.isGapOfThisLife = true;
      this.#unsaved.add(device);
      this.#save(output);
    }
    this.#schedule();
  }

  #save(output: Output): void {
    for (const device of this.#unsaved) {
      const value = JSON.stringify({ fromAtMs: device.gapFromMs });
      output.state.push({ key: keyOf(device), value });
    }
    this.#unsaved.clear();
  }

  // Devices that went blind together and come back one soon after the other share one gap.
  #schedule(): void {
    const groups = new Map<number, Group>();
    for (const device of this.#devices.values()) {
      const { gapFromMs, onlineAtMs } = device;
      if (gapFromMs === undefined || onlineAtMs === undefined) continue;
      const group = groups.get(gapFromMs) ?? {
        fromAtMs: gapFromMs,
        toAtMs: gapFromMs,
        devices: [],
      };
      groups.set(gapFromMs, group);
      group.toAtMs = Math.max(group.toAtMs, onlineAtMs + this.#options.config.settleMs);
      group.devices.push(device);
    }
    const [next] = [...groups.values()].sort((one, other) => one.toAtMs - other.toAtMs);
    this.#next = next;
  }

  #declare({ fromAtMs, toAtMs, devices }: Group, output: Output): void {
    output.conclusions.push({
      type: "noticed",
      occurredAtMs: toAtMs,
      deviceId: this.#options.edgeId,
      code: noticeCodes.sensingGap,
      severity: "warning",
      detail: { fromAtMs, toAtMs, deviceIds: devices.map(({ deviceId }) => deviceId) },
    });
    for (const device of devices) {
      device.gapFromMs = undefined;
      output.state.push({ key: keyOf(device), value: null });
    }
    this.#schedule();
  }
}

function keyOf({ deviceId }: Device): string {
  return `outage/${deviceId}`;
}
