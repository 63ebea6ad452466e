// Outputs of a GPIO chip: lamps, buzzers, relays. All are driven to rest before the device counts as there,
// and again when it is stopped; commands come through `apply` and are forgotten when the chip is lost.

import type { OutputCommand } from "../../contract/actuation.ts";
import { GatewayError } from "../../contract/errors.ts";
import { defineDevice } from "../device-module.ts";
import type { Actuator, Driver, DriverContext } from "../driver.ts";
import { untilAborted } from "../frame-feed.ts";
import { GpioFeed } from "../gpio-feed.ts";
import { type ChipRecord, encodeHostRecord } from "../transport/gpio-record.ts";
import { type GpioOutputOptions, gpioOutputOptionsSchema, type OutputLine } from "./options.ts";
import { Output, restLevel } from "./output.ts";

/** Kind `gpio-output`. */
export const device = defineDevice({
  optionsSchema: gpioOutputOptionsSchema,
  baudRateDefault: 115_200,
  isTakenOnTrust: true,
  createDriver: (options) => new OutputDriver(options),
});

class OutputDriver implements Driver, Actuator<OutputCommand> {
  readonly #options: GpioOutputOptions;
  #run: OutputRun | undefined;

  constructor(options: GpioOutputOptions) {
    this.#options = options;
  }

  run(context: DriverContext): Promise<void> {
    const run = new OutputRun(context, this.#options, () => {
      this.#run = run;
    });
    return untilAborted(context.signal, () =>
      run.run().finally(() => {
        this.#run = undefined;
      }),
    );
  }

  apply(command: OutputCommand, signal: AbortSignal): Promise<void> {
    const run = this.#run;
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      if (run === undefined) throw away();
      const stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop);
      run
        .begin(command)
        .then(resolve, reject)
        .finally(() => signal.removeEventListener("abort", stop));
    });
  }
}

class OutputRun {
  readonly #context: DriverContext;
  readonly #options: GpioOutputOptions;
  readonly #onReady: () => void;
  readonly #failure = new AbortController();
  readonly #feed: GpioFeed;
  readonly #outputs = new Map<number, { readonly line: OutputLine; readonly output: Output }>();

  constructor(context: DriverContext, options: GpioOutputOptions, onReady: () => void) {
    this.#context = context;
    this.#options = options;
    this.#onReady = onReady;
    const signal = AbortSignal.any([context.signal, this.#failure.signal]);
    const { answerTimeoutMs } = options;
    this.#feed = new GpioFeed({ ...context, signal }, answerTimeoutMs, (record) =>
      this.#take(record),
    );
  }

  /** Begins what is commanded; as Actuator says. */
  begin({ output: name, action }: OutputCommand): Promise<void> {
    this.#context.count("output_commands");
    const found = [...this.#outputs.values()].find(({ line }) => line.name === name);
    if (found !== undefined) return found.output.begin(action);
    const there = this.#options.outputs.map((line) => line.name).join(", ");
    const message = `no output is called ${name}; there are: ${there === "" ? "none" : there}`;
    return Promise.reject(new GatewayError("DRIVER_COMMAND_REFUSED", message));
  }

  async run(): Promise<void> {
    try {
      const chip = await this.#feed.identify();
      for (const line of this.#options.outputs) await this.#rest(line);
      const names = this.#options.outputs.map(({ name }) => name).join(", ");
      this.#onReady();
      this.#context.onIdentified(`${chip}, outputs ${names === "" ? "none" : names}`);
      for (;;) {
        const record = await this.#feed.next(this.#options.aliveIntervalMs);
        if (record === undefined) await this.#feed.identify();
        else this.#take(record);
      }
    } finally {
      for (const { output } of this.#outputs.values()) output.end(away());
      if (this.#context.signal.aborted) await this.#restAll();
    }
  }

  // Fail-safe at the start: whatever the line was left at by a crash.
  async #rest(line: OutputLine): Promise<void> {
    const { clock } = this.#context;
    const offset = await this.#feed.offsetOf(line);
    const level = restLevel(line);
    await this.#feed.request({ type: "drive", offset, level }, (record) =>
      record.type === "driven" && record.offset === offset && record.level === level
        ? record
        : undefined,
    );
    const output = new Output({
      line,
      offset,
      clock,
      answerTimeoutMs: this.#options.answerTimeoutMs,
      drive: (at, to) => this.#feed.send({ type: "drive", offset: at, level: to }),
      onSilent: (error) => this.#failure.abort(error),
    });
    this.#outputs.set(offset, { line, output });
  }

  // No answer is waited for: closing the transport waits until what was written is done.
  async #restAll(): Promise<void> {
    const { transport } = this.#context;
    const writes = [...this.#outputs].map(([offset, { line }]) =>
      transport.write(encodeHostRecord({ type: "drive", offset, level: restLevel(line) })),
    );
    await Promise.allSettled(writes);
  }

  #take(record: ChipRecord): void {
    if (record.type === "driven") this.#outputs.get(record.offset)?.output.confirm(record.level);
  }
}

function away(): GatewayError {
  const message = "the device is away: the command was not carried out";
  return new GatewayError("DRIVER_PORT_LOST", message, { retryable: true });
}
