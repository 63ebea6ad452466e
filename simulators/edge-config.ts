// The edge configuration that fits a scenario's devices, so that nobody has to write it by hand.

import { stringify } from "yaml";
import type { Scenario } from "./scenario.ts";

/** The edge of a scenario's store. */
export const edgeId = "edge-1";

/** What the scenario itself does not know. */
export interface EdgeConfigFacts {
  readonly scenario: Scenario;
  readonly storeId: string;
  readonly planFile: string;
  readonly dataDir: string;
  readonly brokerUrl: string;
  /** Other than the edge's own defaults. */
  readonly logLevel?: "debug";
  readonly healthIntervalMs?: number;
  readonly reconnectDelayMsMax?: number;
  /** Serial path of each device. */
  readonly paths: ReadonlyMap<string, string>;
}

/** The devices of a scenario: what each is, and the settings of its driver and of its simulator. */
export function devicesOf(scenario: Scenario) {
  const { portal, gondola, till, backDoor, handScanner } = scenario;
  const cellCount = Math.max(...gondola.cells.map(({ cell }) => cell));
  const scanners = [till, backDoor, handScanner].map(({ deviceId }) => ({
    deviceId,
    kind: "serial-scanner" as const,
    options: { prefix: "aim" },
    simulated: { prefix: "aim" },
  }));
  return [
    {
      deviceId: portal.deviceId,
      kind: "r2000" as const,
      options: { antennas: [...portal.sideA.antennas, ...portal.sideB.antennas] },
      simulated: {},
    },
    {
      deviceId: gondola.deviceId,
      kind: "load-cell-board" as const,
      options: { cellCount },
      simulated: { cellCount },
    },
    ...scanners,
  ];
}
export type DeviceSet = ReturnType<typeof devicesOf>;

/** The edge's configuration. */
export function edgeConfig(facts: EdgeConfigFacts) {
  const { scenario, storeId, paths, logLevel, healthIntervalMs, reconnectDelayMsMax } = facts;
  const { portal, gondola, till, backDoor, handScanner } = scenario;
  return {
    storeId,
    edgeId,
    dataDir: facts.dataDir,
    broker: { url: facts.brokerUrl },
    plan: facts.planFile,
    ...(logLevel === undefined ? {} : { logLevel }),
    ...(healthIntervalMs === undefined ? {} : { healthIntervalMs }),
    ...(reconnectDelayMsMax === undefined ? {} : { link: { reconnectDelayMsMax } }),
    devices: devicesOf(scenario).map(({ deviceId, kind, options }) => ({
      id: deviceId,
      kind,
      port: { path: paths.get(deviceId) },
      options,
    })),
    portals: [
      {
        deviceId: portal.deviceId,
        sideA: portal.sideA,
        sideB: portal.sideB,
        stepAToB: "stocking",
        stepBToA: "relocating",
        // On a busy machine simulated reads come in bursts; the carriers leave more time than this.
        quietMs: 2500,
      },
    ],
    shelves: [
      {
        deviceId: gondola.deviceId,
        cells: gondola.cells.map(({ cell, location }) => ({ cell, location })),
      },
    ],
    scanners: [
      { deviceId: till.deviceId, workflow: "sell", location: storeId },
      { deviceId: backDoor.deviceId, workflow: "receive", location: backDoor.location },
      // Staff pull the trigger once for each unit, also of the same product, one right after another.
      { deviceId: handScanner.deviceId, workflow: "count", location: storeId, repeatMs: 0 },
    ],
  };
}

/** The same as a file's text. */
export function edgeConfigText(facts: EdgeConfigFacts): string {
  return `# Written by gondola-sim for scenario ${facts.scenario.name}.\n${stringify(edgeConfig(facts))}`;
}
