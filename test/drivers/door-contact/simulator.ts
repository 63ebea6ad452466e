// A simulated door contact: tells its state when it changes and every 10 s.

import { z } from "zod";
import {
  FaultyLine,
  faultMessageSchema,
  parseControl,
  type SimulatedDevice,
} from "../../../simulators/device.ts";
import { HeardLines } from "../../../simulators/heard-lines.ts";
import type { Random } from "../../../simulators/random.ts";
import { type ContactLine, encodeContactLine, lineLengthMax } from "./codec.ts";

const controlSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("door"), isOpen: z.boolean() }),
  faultMessageSchema,
]);
const periodMs = 10_000;

/** The contact: bytes and a time in, bytes out; no timer and no port of its own. */
export class DoorContactSimulator implements SimulatedDevice {
  readonly #line: FaultyLine;
  readonly #heard = new HeardLines(lineLengthMax);
  #isOpen = false;
  #nextAtMs = 0;

  constructor(random: Random) {
    this.#line = new FaultyLine(random);
  }

  receive(bytes: Uint8Array): Uint8Array[] {
    const questions = this.#heard.take(bytes).filter((line) => line.trimEnd() === "V");
    return questions.flatMap(() => this.#say({ type: "version", version: "1.4" }));
  }

  tick(nowMs: number): Uint8Array[] {
    if (nowMs < this.#nextAtMs) return [];
    this.#nextAtMs = nowMs + periodMs;
    return this.#say({ type: "door", isOpen: this.#isOpen });
  }

  nextTickMs(): number {
    return this.#nextAtMs;
  }

  control(message: unknown): void {
    const control = parseControl(controlSchema, message);
    if (control.type === "fault") this.#line.set(control);
    else {
      this.#isOpen = control.isOpen;
      this.#nextAtMs = 0;
    }
  }

  #say(line: ContactLine): Uint8Array[] {
    return this.#line.apply(encodeContactLine(line));
  }
}
