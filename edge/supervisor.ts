// Keeps every device running for ever: opens its port, runs its driver, closes, waits, and begins
// again. One device's failure is a reading (`device: offline` with the reason) and touches no other.

import type { OutputCommand } from "../contract/actuation.ts";
import { antennaCountMax, type DeviceHealth } from "../contract/delivery.ts";
import { errorCodeOf, errorMessageOf, GatewayError } from "../contract/errors.ts";
import type { Reading } from "../contract/reading.ts";
import { type Clock, sleep } from "../drivers/clock.ts";
import { type Driver, isActuator } from "../drivers/driver.ts";
import { findDevice } from "../drivers/registry.ts";
import {
  isShared,
  openPort,
  type PortConfig,
  portKey,
  portWarning,
} from "../drivers/transport/port.ts";
import type { OpenTransport, Transport } from "../drivers/transport/transport.ts";

/** First wait after a failure; it doubles with each further one. */
const restartDelayMsMin = 500;
const restartDelayMsMax = 30_000;
/** First wait where the device serves another client, which a knock at its door would only disturb. */
const takenDelayMsMin = 10_000;
/** A device that ran this long since it was identified begins anew with the first wait. */
const healthyAfterMs = 60_000;
/** A port that does not close in this time is left behind; the next open says who holds it. */
const closeTimeoutMs = 2_000;
const reasonLengthMax = 500;
/** Who commands an output is told by then what became of it. */
const actuateTimeoutMs = 5_000;

/** A device as the configuration names it. */
export interface DeviceConfig {
  readonly id: string;
  readonly kind: string;
  readonly port: PortConfig;
  readonly options: unknown;
}

/** A device ready to be kept running. */
export interface SupervisedDevice {
  readonly deviceId: string;
  readonly kind: string;
  /** Equal for two devices on the same port. */
  readonly portKey: string;
  readonly open: OpenTransport;
  readonly driver: Driver;
  /** Something the technician should know about the configuration. */
  readonly warning?: string;
}

/** Loads a configured device's driver. DRIVER_KIND_UNKNOWN, DRIVER_NATIVE_MISSING or CONFIG_INVALID. */
export async function prepareDevice(config: DeviceConfig): Promise<SupervisedDevice> {
  const module = await findDevice(config.kind);
  const warning = portWarning(config.port);
  return {
    deviceId: config.id,
    kind: config.kind,
    portKey: isShared(config.port)
      ? `${portKey(config.port)} of ${config.id}`
      : portKey(config.port),
    open: () => openPort(config.port, module.baudRateDefault),
    driver: module.createDriver(config.options),
    ...(warning === undefined ? {} : { warning }),
  };
}

/** The part of a logger that is used. */
export interface SupervisorLog {
  info(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  error(fields: object, event: string): void;
}

/** What a supervisor works with. */
export interface SupervisorParts {
  readonly devices: readonly SupervisedDevice[];
  readonly clock: Clock;
  /** Numbers in [0, 1), for the jitter of waits. */
  readonly random: () => number;
  /** Takes every reading, the devices' states among them. */
  readonly onReading: (reading: Reading) => void;
  readonly count: (name: string, by?: number) => void;
  readonly log: SupervisorLog;
}

/** Keeps devices running. */
export class Supervisor {
  readonly #clock: Clock;
  readonly #keepers: readonly Keeper[];

  /** CONFIG_INVALID when two devices share an id or a port. */
  constructor(parts: SupervisorParts) {
    this.#clock = parts.clock;
    refuseTwins(parts.devices, "deviceId", "id");
    refuseTwins(parts.devices, "portKey", "port");
    this.#keepers = parts.devices.map((device) => new Keeper(device, parts));
  }

  /** Starts every device; returns at once. */
  start(): void {
    for (const keeper of this.#keepers) keeper.start();
  }

  /** How each device does, in the order of the configuration. */
  health(): DeviceHealth[] {
    return this.#keepers.map((keeper) => keeper.health());
  }

  /**
   * Switches an output of a device. DRIVER_COMMAND_REFUSED for a device that is not there or has none,
   * DRIVER_PORT_LOST while it is away, DRIVER_SILENT when it does not take the command in time.
   */
  async actuate(deviceId: string, command: OutputCommand): Promise<void> {
    const keeper = this.#keepers.find((each) => each.health().deviceId === deviceId);
    if (keeper !== undefined) return await keeper.actuate(command);
    const message = `no device is called ${deviceId}`;
    throw new GatewayError("DRIVER_COMMAND_REFUSED", message);
  }

  /** Stops all devices. Resolves with the ids of those that were not done after `deadlineMs`. */
  async stop(deadlineMs = 5_000): Promise<string[]> {
    const late = new Set(this.#keepers);
    const all = this.#keepers.map((keeper) => keeper.stop().then(() => late.delete(keeper)));
    const deadline = new AbortController();
    const timer = sleep(this.#clock, deadlineMs, deadline.signal);
    await Promise.race([Promise.all(all), timer]);
    deadline.abort();
    return [...late].map((keeper) => keeper.health().deviceId);
  }
}

function refuseTwins(
  devices: readonly SupervisedDevice[],
  key: "deviceId" | "portKey",
  what: string,
): void {
  const seen = new Map<string, string>();
  for (const device of devices) {
    const other = seen.get(device[key]);
    if (other !== undefined) {
      const message = `devices ${other} and ${device.deviceId} have the same ${what}: ${device[key]}`;
      throw new GatewayError("CONFIG_INVALID", message);
    }
    seen.set(device[key], device.deviceId);
  }
}

/** Keeps one device running. */
class Keeper {
  readonly #device: SupervisedDevice;
  readonly #parts: SupervisorParts;
  readonly #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();
  #state: DeviceHealth["state"] = "offline";
  #reason: string | undefined = "not opened yet";
  #identifiedAtMs: number | undefined;
  #readingCount = 0;
  readonly #antennaReadingCounts = new Map<number, number>();
  #lastReadingAtMs: number | undefined;
  #restartCount = 0;

  constructor(device: SupervisedDevice, parts: SupervisorParts) {
    this.#device = device;
    this.#parts = parts;
  }

  start(): void {
    const { deviceId, warning } = this.#device;
    if (warning !== undefined) this.#parts.log.warn({ deviceId, warning }, "device_port_unstable");
    this.#done = this.#keep();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async actuate(command: OutputCommand): Promise<void> {
    const { deviceId, kind, driver } = this.#device;
    if (!isActuator<OutputCommand>(driver)) {
      const message = `${deviceId} (${kind}) has no outputs`;
      throw new GatewayError("DRIVER_COMMAND_REFUSED", message);
    }
    const late = new AbortController();
    const message = `${deviceId} did not take the command within ${actuateTimeoutMs} ms`;
    const cancel = this.#parts.clock.timer(actuateTimeoutMs, () =>
      late.abort(new GatewayError("DRIVER_SILENT", message, { retryable: true })),
    );
    await driver.apply(command, late.signal).finally(cancel);
  }

  health(): DeviceHealth {
    const antennas = [...this.#antennaReadingCounts].map(([antenna, readingCount]) => ({
      antenna,
      readingCount,
    }));
    return {
      deviceId: this.#device.deviceId,
      kind: this.#device.kind,
      state: this.#state,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      readingCount: this.#readingCount,
      ...(this.#lastReadingAtMs === undefined ? {} : { lastReadingAtMs: this.#lastReadingAtMs }),
      restartCount: this.#restartCount,
      ...(antennas.length === 0 ? {} : { antennas }),
    };
  }

  async #keep(): Promise<void> {
    const { clock, random, count } = this.#parts;
    const { signal } = this.#stop;
    let failureCount = 0;
    while (!signal.aborted) {
      this.#identifiedAtMs = undefined;
      const error = await this.#runOnce().catch((thrown: unknown) => thrown);
      if (signal.aborted) break;
      if (this.#wasHealthy()) failureCount = 0;
      const firstMs = errorCodeOf(error) === "DRIVER_TAKEN" ? takenDelayMsMin : restartDelayMsMin;
      const delayMs = Math.min(firstMs * 2 ** failureCount, restartDelayMsMax);
      failureCount += 1;
      this.#restartCount += 1;
      count("device_restarts");
      this.#logFailure(error, failureCount);
      this.#report("offline", `${errorCodeOf(error) ?? "unexpected"}: ${errorMessageOf(error)}`);
      // Half of the wait is left to chance, so that devices that failed together come back apart.
      await sleep(clock, Math.round(delayMs * (0.5 + random() / 2)), signal);
    }
    this.#report("offline", "stopped");
  }

  /** Rejects when the device fails; resolves only when it was stopped. */
  async #runOnce(): Promise<void> {
    const { deviceId, driver, open } = this.#device;
    const { clock, count, log } = this.#parts;
    const { signal } = this.#stop;
    const transport = await open();
    try {
      await driver.run({
        deviceId,
        transport,
        clock,
        signal,
        onReading: (reading) => this.#take(reading),
        onIdentified: (description) => {
          this.#identifiedAtMs = clock.monotonicMs();
          log.info({ deviceId, description }, "device_identified");
          this.#report("online", undefined);
        },
        count: (name, by) => count(`driver_${name}`, by),
      });
      if (!signal.aborted) {
        throw new GatewayError("DRIVER_PORT_LOST", "the driver ended by itself");
      }
    } finally {
      await this.#close(transport);
    }
  }

  async #close(transport: Transport): Promise<void> {
    const { clock, count, log } = this.#parts;
    const { deviceId } = this.#device;
    const closed = new AbortController();
    const closing = transport.close().catch((error: unknown) => {
      log.warn({ deviceId, reason: errorMessageOf(error) }, "device_close_failed");
    });
    const late = sleep(clock, closeTimeoutMs, closed.signal).then(() => !closed.signal.aborted);
    const isLate = await Promise.race([closing.then(() => false), late]);
    closed.abort();
    if (!isLate) return;
    count("device_close_timeouts");
    log.warn({ deviceId, timeoutMs: closeTimeoutMs }, "device_close_timeout");
  }

  #take(reading: Reading): void {
    if (reading.kind === "device") {
      this.#report(reading.state, reading.reason);
      return;
    }
    this.#readingCount += 1;
    this.#lastReadingAtMs = reading.receivedAtMs;
    if (reading.kind === "tag") this.#countAntenna(reading.antenna);
    this.#parts.onReading(reading);
  }

  #countAntenna(antenna: number): void {
    const counts = this.#antennaReadingCounts;
    const readingCount = counts.get(antenna);
    if (readingCount === undefined && counts.size >= antennaCountMax) {
      this.#parts.count("device_antennas_over_limit");
    } else {
      counts.set(antenna, (readingCount ?? 0) + 1);
    }
  }

  // A state is told once: a device that is away for a week says so one time, not every 30 s.
  #report(state: DeviceHealth["state"], text: string | undefined): void {
    const reason = text?.slice(0, reasonLengthMax);
    if (state === this.#state && reason === this.#reason) return;
    this.#state = state;
    this.#reason = reason;
    const { clock, onReading } = this.#parts;
    onReading({
      kind: "device",
      deviceId: this.#device.deviceId,
      state,
      ...(reason === undefined ? {} : { reason }),
      receivedAtMs: clock.nowMs(),
    });
  }

  #wasHealthy(): boolean {
    const sinceMs = this.#identifiedAtMs;
    return sinceMs !== undefined && this.#parts.clock.monotonicMs() - sinceMs >= healthyAfterMs;
  }

  #logFailure(error: unknown, failureCount: number): void {
    const { count, log } = this.#parts;
    const { deviceId } = this.#device;
    if (error instanceof GatewayError) {
      const fields = { deviceId, code: error.code, reason: error.message, failureCount };
      log.warn(fields, "device_failed");
    } else {
      // An error of the program, not of the device: kept from the others, yet never mistaken for one.
      count("driver_crashes");
      log.error({ deviceId, err: error, failureCount }, "driver_crashed");
    }
  }
}
