// One simulated device as a process of its own: a pty or a TCP port on one side, control messages
// over process IPC or, for a technician at a terminal, as JSON lines on stdin.

import { createInterface } from "node:readline";
import { z } from "zod";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import { systemClock } from "../drivers/clock.ts";
import { AsciiScaleSimulator } from "./ascii-scale.ts";
import { ChafonSimulator } from "./chafon.ts";
import {
  DeviceRunner,
  type PublishingDevice,
  parseControl,
  type SimulatedDevice,
} from "./device.ts";
import type { DeviceLink } from "./device-link.ts";
import { GpioChipSimulator } from "./gpio-chip.ts";
import { HidScaleSimulator } from "./hid-scale.ts";
import { HidScannerSimulator } from "./hid-scanner.ts";
import { openHttpFace } from "./http-face.ts";
import { ImpinjIotSimulator } from "./impinj-iot.ts";
import { KeyboardWedgeSimulator } from "./keyboard-wedge.ts";
import { LlrpSimulator } from "./llrp.ts";
import { LoadCellBoardSimulator } from "./load-cell-board.ts";
import { M100Simulator } from "./m100.ts";
import { MercurySimulator } from "./mercury.ts";
import { ModbusScaleSimulator } from "./modbus-scale.ts";
import { openMqttFace } from "./mqtt-face.ts";
import { MtSicsSimulator } from "./mt-sics.ts";
import { openPty } from "./pty.ts";
import { R2000Simulator } from "./r2000.ts";
import { type Random, seededRandom } from "./random.ts";
import { SerialScannerSimulator } from "./serial-scanner.ts";
import { SsiScannerSimulator } from "./ssi-scanner.ts";
import { openTcpListener } from "./tcp-listener.ts";
import { ToledoSimulator } from "./toledo.ts";
import { ZebraIotSimulator } from "./zebra-iot.ts";

const makers = {
  "ascii-scale": (random, options) => new AsciiScaleSimulator(random, options),
  chafon: (random, options) => new ChafonSimulator(random, options),
  "gpio-input": (random, options) => new GpioChipSimulator(random, options),
  "gpio-output": (random, options) => new GpioChipSimulator(random, options),
  "hid-scale": (random, options) => new HidScaleSimulator(random, options),
  "hid-scanner": (random, options) => new HidScannerSimulator(random, options),
  "impinj-iot": (random, options) => new ImpinjIotSimulator(random, options),
  "keyboard-wedge": (random, options) => new KeyboardWedgeSimulator(random, options),
  llrp: (random, options) => new LlrpSimulator(random, options),
  "load-cell-board": (random, options) => new LoadCellBoardSimulator(random, options),
  m100: (random, options) => new M100Simulator(random, options),
  mercury: (random, options) => new MercurySimulator(random, options),
  "modbus-scale": (random, options) => new ModbusScaleSimulator(random, options),
  "mt-sics": (random, options) => new MtSicsSimulator(random, options),
  r2000: (random, options) => new R2000Simulator(random, options),
  "serial-scanner": (random, options) => new SerialScannerSimulator(random, options),
  "ssi-scanner": (random, options) => new SsiScannerSimulator(random, options),
  toledo: (random, options) => new ToledoSimulator(random, options),
  "zebra-iot": (random, options) => new ZebraIotSimulator(random, options),
} satisfies Record<string, (random: Random, options: object) => SimulatedDevice>;

/** Kinds of devices that can be simulated. */
export const simulatedKinds = Object.keys(makers) as (keyof typeof makers)[];

const deviceRunSchema = z
  .strictObject({
    kind: z.enum(simulatedKinds),
    /** Where the link to the pty is made. */
    ptyPath: z.string().min(1).optional(),
    /** Loopback port instead of a pty; 0 takes any free one. */
    tcpPort: z.int().min(0).max(65_535).optional(),
    /** A broker at which it publishes instead. */
    mqtt: z.strictObject({ url: z.url(), topic: z.string().min(1).max(512) }).optional(),
    seed: z.int().default(1),
    /** Options of the simulated device. */
    options: z.record(z.string(), z.unknown()).default({}),
  })
  .refine(
    ({ ptyPath, tcpPort, mqtt }) =>
      [ptyPath, tcpPort, mqtt].filter((each) => each !== undefined).length === 1,
    { message: "name a ptyPath or a tcpPort or a broker (mqtt), one of them" },
  );
/** What `startDevice` is told. */
export type DeviceRun = z.input<typeof deviceRunSchema>;

/** A device that runs. */
export interface RunningDevice {
  /** Where a driver finds it. */
  readonly address: string;
  /** Passes a control message on. MESSAGE_INVALID. */
  control(message: unknown): void;
  /** Pulls the plug and removes the link. */
  stop(): Promise<void>;
}

/** Makes a simulated device from its kind, for a world in virtual time. CONFIG_INVALID. */
export function createDevice(kind: keyof typeof makers, random: Random, options: object = {}) {
  try {
    return makers[kind](random, options);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const message = `options of simulated ${kind}:\n${z.prettifyError(error)}`;
    throw new GatewayError("CONFIG_INVALID", message);
  }
}

/** Runs one device in real time until `stop`. MESSAGE_INVALID, CONFIG_INVALID, or errors of its line. */
export async function startDevice(input: DeviceRun): Promise<RunningDevice> {
  const run = parseControl(deviceRunSchema, input);
  const device = createDevice(run.kind, seededRandom(run.seed), run.options);
  const runner = new DeviceRunner(device, systemClock, (bytes) => link.write(bytes));
  const link = await openLink(run, device, runner);
  runner.start();
  return {
    address: link.address,
    control: (message) => runner.control(message),
    stop: () => {
      runner.stop();
      return link.close();
    },
  };
}

function openLink(
  { ptyPath, tcpPort = 0, mqtt }: z.output<typeof deviceRunSchema>,
  device: SimulatedDevice,
  runner: DeviceRunner,
): Promise<DeviceLink> {
  const receive = (bytes: Uint8Array) => runner.receive(bytes);
  if (mqtt !== undefined) return openMqttFace(mqtt.url, mqtt.topic);
  if (ptyPath !== undefined) return openPty(ptyPath, receive);
  if (!("streamPath" in device)) return openTcpListener(tcpPort, runner);
  return openHttpFace(tcpPort, (device as PublishingDevice).streamPath, receive);
}

/** What a device process tells its parent, or prints, one JSON object a line. */
export type DeviceNotice =
  | { readonly type: "ready"; readonly address: string }
  | { readonly type: "refused"; readonly message: string };

/**
 * Runs one device as this whole process, until SIGINT, SIGTERM, SIGHUP or the end of its parent:
 * control messages come over IPC where there is a parent, else as JSON lines on stdin.
 */
export async function runDevice(input: DeviceRun): Promise<void> {
  const device = await startDevice(input);
  const say = (notice: DeviceNotice) => {
    if (process.send === undefined) process.stdout.write(`${JSON.stringify(notice)}\n`);
    else process.send(notice);
  };
  const control = (message: () => unknown) => {
    try {
      device.control(message());
    } catch (error) {
      say({ type: "refused", message: errorMessageOf(error) });
    }
  };
  const ended = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => resolve());
    process.once("disconnect", () => resolve());
  });
  // End of input is no end of the device: it may have been started with no terminal at all.
  const lines = process.send === undefined ? createInterface({ input: process.stdin }) : undefined;
  lines?.on("line", (line) => line.trim() !== "" && control(() => JSON.parse(line)));
  process.on("message", (message) => control(() => message));
  say({ type: "ready", address: device.address });
  await ended;
  lines?.close();
  await device.stop();
}

// As a child of simulators/device-child.ts: the run is the only argument, as JSON.
if (/device-process\.[jt]s$/.test(process.argv[1] ?? "")) {
  try {
    await runDevice(JSON.parse(process.argv[2] ?? "{}") as DeviceRun);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${errorMessageOf(error)}\n`);
    process.exit(1);
  }
}
