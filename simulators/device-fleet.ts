// The simulated devices of a store, each a process of its own on a pseudo-terminal.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { GatewayError } from "../contract/errors.ts";
import { type DeviceChild, startDeviceChild } from "./device-child.ts";
import type { DeviceSet } from "./edge-config.ts";
import type { Control } from "./world/store.ts";

/** What a fleet is made of. */
export interface DeviceFleetOptions {
  readonly devices: DeviceSet;
  /** Where the links to the pseudo-terminals are made, one named after each device. */
  readonly ptyDir: string;
  readonly seed: number;
  /** A device ended that nobody ended, or refused what the world did to it. */
  readonly onFailure: (error: GatewayError) => void;
}

/** Running devices. */
export class DeviceFleet {
  readonly #children = new Map<string, DeviceChild>();

  /** Starts all devices; those that did start are ended again when one does not. SCENARIO_FAILED. */
  static async open(options: DeviceFleetOptions): Promise<DeviceFleet> {
    const fleet = new DeviceFleet();
    await mkdir(options.ptyDir, { recursive: true });
    const starts = options.devices.map((device, index) => fleet.#start(device, index, options));
    const failed = (await Promise.allSettled(starts)).find(({ status }) => status === "rejected");
    if (failed?.status !== "rejected") return fleet;
    await fleet.close();
    throw failed.reason;
  }

  /** Serial path of each device, by its name. */
  get paths(): ReadonlyMap<string, string> {
    const entries = [...this.#children].map(([id, { address }]) => [id, address] as const);
    return new Map(entries.sort());
  }

  /** The world acts on a device. */
  control(deviceId: string, message: Control): void {
    this.#children.get(deviceId)?.control(message);
  }

  /** Ends every device; the links go too. */
  async close(): Promise<void> {
    await Promise.all([...this.#children.values()].map((child) => child.stop()));
    this.#children.clear();
  }

  async #start(
    { deviceId, kind, simulated }: DeviceSet[number],
    index: number,
    { ptyDir, seed, onFailure }: DeviceFleetOptions,
  ): Promise<void> {
    const ptyPath = join(ptyDir, deviceId);
    const run = { kind, ptyPath, seed: seed * 100 + index, options: simulated };
    const refused = (message: string) => {
      onFailure(new GatewayError("SCENARIO_FAILED", `${deviceId} refused: ${message}`));
    };
    this.#children.set(deviceId, await startDeviceChild(run, refused, onFailure));
  }
}
