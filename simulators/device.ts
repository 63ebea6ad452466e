// What a simulated device is: bytes and a time in, bytes out. It owns no timer and no port, so the
// same behaviour runs on a pty, on TCP, or in virtual time; `DeviceRunner` gives it a clock.

import { z } from "zod";
import { GatewayError } from "../contract/errors.ts";
import type { Clock } from "../drivers/clock.ts";
import { integerBetween, type Random } from "./random.ts";

/** A device that speaks its vendor's bytes. Deterministic: chance comes from the seed it was made with. */
export interface SimulatedDevice {
  /** Takes what the host wrote; returns what is sent at once, one element per write. */
  receive(bytes: Uint8Array, nowMs: number): Uint8Array[];
  /** Returns what is due by `nowMs`. */
  tick(nowMs: number): Uint8Array[];
  /** When something is due next; Infinity when nothing is. A time in the past means now. */
  nextTickMs(): number;
  /** Changes the world around the device. MESSAGE_INVALID when the message does not fit. */
  control(message: unknown): void;
}

/** A device on the network that notices who connects: it greets its client and refuses a second one. */
export interface GreetingDevice extends SimulatedDevice {
  /** Returns what a new client is told at once. */
  connect(nowMs: number): Uint8Array[];
  /** The client is gone. */
  disconnect(nowMs: number): void;
  /** What another client is told before it is cut off. */
  refuse(nowMs: number): Uint8Array;
}

/** A reader on the network that publishes by itself, and answers requests: `http-face.ts` offers it. */
export interface PublishingDevice extends SimulatedDevice {
  /** Where its events are streamed. */
  readonly streamPath: string;
}

function isGreeting(device: SimulatedDevice): device is GreetingDevice {
  return "refuse" in device;
}

/** A fault of the next `count` writes of a device; `none` ends the one before. */
export const faultMessageSchema = z.strictObject({
  type: z.literal("fault"),
  fault: z.enum(["badChecksum", "split", "garbage", "silence", "none"]),
  count: z.int().min(1).max(1_000_000).default(1),
});
export type FaultMessage = z.infer<typeof faultMessageSchema>;

/** Parses a control message; MESSAGE_INVALID says what does not fit. */
export function parseControl<Schema extends z.ZodType>(
  schema: Schema,
  message: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(message);
  if (parsed.success) return parsed.data;
  throw new GatewayError("MESSAGE_INVALID", `control message:\n${z.prettifyError(parsed.error)}`);
}

/** Does to a device's writes what bad cables, speeds and firmware do. */
export class FaultyLine {
  readonly #random: Random;
  #fault: FaultMessage["fault"] = "none";
  #leftCount = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  set(message: FaultMessage): void {
    this.#fault = message.fault;
    this.#leftCount = message.count;
  }

  /** What really leaves the device of one write. */
  apply(bytes: Uint8Array): Uint8Array[] {
    if (this.#leftCount === 0 || this.#fault === "none") return [bytes];
    this.#leftCount -= 1;
    switch (this.#fault) {
      case "silence":
        return [];
      case "split": {
        const at = integerBetween(this.#random, 1, Math.max(1, bytes.length - 1));
        return [bytes.slice(0, at), bytes.slice(at)].filter((piece) => piece.length > 0);
      }
      case "garbage":
        return [Uint8Array.from(bytes, () => integerBetween(this.#random, 0, 255))];
      case "badChecksum": {
        const wrong = bytes.slice();
        const at = integerBetween(this.#random, Math.min(4, bytes.length - 1), bytes.length - 1);
        wrong[at] = wrong[at]! ^ 0x01;
        return [wrong];
      }
    }
  }
}

/** Runs a simulated device on a clock and a line. */
export class DeviceRunner {
  readonly #device: SimulatedDevice;
  readonly #clock: Clock;
  readonly #send: (bytes: Uint8Array) => void;
  #cancel: (() => void) | undefined;

  /** `send` puts bytes on the line to the host. */
  constructor(device: SimulatedDevice, clock: Clock, send: (bytes: Uint8Array) => void) {
    this.#device = device;
    this.#clock = clock;
    this.#send = send;
  }

  /** Begins to tick. */
  start(): void {
    this.#schedule();
  }

  /** A host connected, where the line has connections. */
  connected(): void {
    if (isGreeting(this.#device)) this.#emit(this.#device.connect(this.#clock.monotonicMs()));
  }

  /** It went. */
  disconnected(): void {
    if (!isGreeting(this.#device)) return;
    this.#device.disconnect(this.#clock.monotonicMs());
    this.#schedule();
  }

  /** What a second host is told; undefined for devices that say nothing. */
  refusal(): Uint8Array | undefined {
    if (!isGreeting(this.#device)) return undefined;
    return this.#device.refuse(this.#clock.monotonicMs());
  }

  /** The host wrote. */
  receive(bytes: Uint8Array): void {
    this.#emit(this.#device.receive(bytes, this.#clock.monotonicMs()));
  }

  /** Passes a control message on. MESSAGE_INVALID. */
  control(message: unknown): void {
    this.#device.control(message);
    this.#schedule();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #emit(writes: Uint8Array[]): void {
    for (const bytes of writes) this.#send(bytes);
    this.#schedule();
  }

  #schedule(): void {
    this.stop();
    const atMs = this.#device.nextTickMs();
    if (atMs === Number.POSITIVE_INFINITY) return;
    const nowMs = this.#clock.monotonicMs();
    const tick = () => this.#emit(this.#device.tick(this.#clock.monotonicMs()));
    // Whole milliseconds, as the timers of real machines have them.
    this.#cancel = this.#clock.timer(Math.max(0, Math.ceil(atMs - nowMs)), tick);
  }
}
