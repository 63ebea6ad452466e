// A test bench in virtual time: a driver on a memory port, a simulated device (or the test itself)
// on its other end, and everything the driver said.

import type { DeviceReading, Reading, TagReading, WeightReading } from "../../contract/reading.ts";
import type { DeviceModule } from "../../drivers/device-module.ts";
import { MemoryPort } from "../../drivers/transport/memory.ts";
import type { Transport } from "../../drivers/transport/transport.ts";
import { DeviceRunner, type SimulatedDevice } from "../../simulators/device.ts";
import { MachineClock, VirtualTime } from "../simulation/virtual-clock.ts";

/** Wall time at which every bench begins. */
export const startAtMs = 1_763_888_000_000;

/** Lets all promises that can go on go on. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** One driver, one device, one line of time. */
export class Bench {
  readonly time = new VirtualTime();
  readonly clock = new MachineClock(this.time, startAtMs);
  readonly port = new MemoryPort("bench");
  readonly readings: Reading[] = [];
  readonly counters: Record<string, number> = {};
  /** What the driver wrote. */
  readonly written: Uint8Array[] = [];
  identified: string | undefined;
  #runner: DeviceRunner | undefined;
  #transport: Transport | undefined;
  readonly #stop = new AbortController();

  readonly count = (name: string, by = 1): void => {
    this.counters[name] = (this.counters[name] ?? 0) + by;
  };

  /** Plugs a simulated device in. */
  plug(device: SimulatedDevice): DeviceRunner {
    const runner = new DeviceRunner(device, this.clock, (bytes) => void this.port.send(bytes));
    this.port.plug((bytes) => {
      this.written.push(bytes);
      runner.receive(bytes);
    });
    runner.start();
    this.#runner = runner;
    return runner;
  }

  /** Plugs the test itself in: `answer` gets what the driver writes. */
  plugRaw(answer: (bytes: Uint8Array) => void = () => undefined): void {
    this.port.plug((bytes) => {
      this.written.push(bytes);
      answer(bytes);
    });
  }

  /** Runs the driver; the promise is its end. A rejection is the resolved value. */
  async run(module: DeviceModule, options: object = {}): Promise<{ ended: Promise<unknown> }> {
    const transport = await this.port.open();
    this.#transport = transport;
    this.#runner?.connected();
    const running = module.createDriver(options).run({
      deviceId: "device-1",
      transport,
      clock: this.clock,
      onReading: (reading) => this.readings.push(reading),
      onIdentified: (description) => {
        this.identified = description;
      },
      count: this.count,
      signal: this.#stop.signal,
    });
    const ended = running.then(
      () => "stopped",
      (error: unknown) => error,
    );
    await settle();
    return { ended };
  }

  /** The line is cut and can be opened again; the device does not notice. */
  async reopen(): Promise<void> {
    await this.#transport?.close();
    await settle();
  }

  /** Time goes on. */
  advance(ms: number): Promise<void> {
    return this.time.advance(ms, settle);
  }

  stop(): void {
    this.#stop.abort();
  }

  get tags(): TagReading[] {
    return this.readings.filter((reading) => reading.kind === "tag");
  }

  get weights(): WeightReading[] {
    return this.readings.filter((reading) => reading.kind === "weight");
  }

  get states(): DeviceReading[] {
    return this.readings.filter((reading) => reading.kind === "device");
  }
}
