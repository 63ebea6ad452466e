// `gondola-edge record` in the guest: its readings and its log come over ports.

import { createInterface } from "node:readline";
import { type Reading, recordedSchema } from "../../../contract/reading.ts";
import type { Machine } from "./machine.ts";

/** Ports that it needs. */
export const recorderPorts = ["readings", "log"] as const;

/** Start-up of Node alone takes ten seconds in software emulation, and more beside other tests. */
const readingTimeoutMs = 90_000;
const logLineCountMax = 40;

type ReadingOf<Kind extends Reading["kind"]> = Extract<Reading, { kind: Kind }>;

/** Everything that was read, in order. */
export class Recorder {
  readonly #readings: Reading[] = [];
  readonly #log: string[] = [];
  #wake: () => void = () => undefined;

  constructor(machine: Machine) {
    createInterface({ input: machine.socket("readings") }).on("line", (line) => {
      const recorded = recordedSchema.parse(JSON.parse(line));
      if (recorded.kind !== "clock") this.#readings.push(recorded);
      this.#wake();
    });
    createInterface({ input: machine.socket("log") }).on("line", (line) => {
      this.#log.push(line);
      if (this.#log.length > logLineCountMax) this.#log.shift();
    });
  }

  /** The number of readings so far: a place to look on from. */
  get count(): number {
    return this.#readings.length;
  }

  /** The first reading of a kind, from a place on, that fits; rejects when none comes in time. */
  async next<Kind extends Reading["kind"]>(
    kind: Kind,
    deviceId: string,
    from: number,
    fits: (reading: ReadingOf<Kind>) => boolean = () => true,
  ): Promise<ReadingOf<Kind>> {
    const deadlineMs = Date.now() + readingTimeoutMs;
    for (;;) {
      const found = this.#readings
        .slice(from)
        .filter((each): each is ReadingOf<Kind> => each.kind === kind)
        .find((each) => each.deviceId === deviceId && fits(each));
      if (found !== undefined) return found;
      const leftMs = deadlineMs - Date.now();
      if (leftMs <= 0) throw new Error(this.#nothing(kind, deviceId, from));
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(leftMs, 1000));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #nothing(kind: string, deviceId: string, from: number): string {
    const seen = this.#readings.slice(from).filter((each) => each.deviceId === deviceId);
    const last = seen.slice(-10).map((each) => JSON.stringify(each));
    return [
      `no such ${kind} of ${deviceId} in ${readingTimeoutMs} ms; the last:`,
      ...last,
      "log:",
      ...this.#log,
    ].join("\n");
  }
}
