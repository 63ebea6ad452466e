// What a device driver is: a promise that runs until it is told to stop or the device is lost.
// Restarting it, with a fresh transport each time, is the supervisor's job.

import type { Reading } from "../contract/reading.ts";
import type { Clock } from "./clock.ts";
import type { Transport } from "./transport/transport.ts";

/** What a driver is given. */
export interface DriverContext {
  readonly deviceId: string;
  readonly transport: Transport;
  readonly clock: Clock;
  /** Takes a reading; never blocks, never throws. */
  readonly onReading: (reading: Reading) => void;
  /** Called once the device answered an identifying command (or, where it has none, sent a valid frame), with one line that says what it is. */
  readonly onIdentified: (description: string) => void;
  /** Counts something worth counting: frames, discarded bytes, checksum errors, time-outs. */
  readonly count: (name: string, by?: number) => void;
  /** Aborts when the driver must stop. */
  readonly signal: AbortSignal;
}

/** A driver of one device. */
export interface Driver {
  /** Resolves when `signal` aborts; rejects with GatewayError when the device is lost or is not what was configured. */
  run(context: DriverContext): Promise<void>;
}

/** A device with outputs: lights, buzzers. A second interface, never optional methods on the first. */
export interface Actuator<Command> {
  /** Resolves when the device took it. DRIVER_COMMAND_REFUSED, or DRIVER_PORT_LOST while the device is away. */
  apply(command: Command, signal: AbortSignal): Promise<void>;
}

/** A driver whose device has outputs too. */
export function isActuator<Command>(driver: Driver): driver is Driver & Actuator<Command> {
  return "apply" in driver && typeof driver.apply === "function";
}
