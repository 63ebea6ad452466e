// The bridge's log: pino, JSON lines on standard output, object first, one event name a line.

import { type Logger, pino } from "pino";
import type { ErrorCode } from "../contract/errors.ts";

export type { Logger } from "pino";

export const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;

/** A logger of the bridge; credentials are cut. */
export function createLog(level: (typeof logLevels)[number]): Logger {
  return pino({
    level,
    base: { service: "bridge" },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: ["password", "*.password"], censor: "[hidden]" },
  });
}

/** Warnings of one code that are told at debug level between two that are told as warnings. */
const sparedCount = 99;

/** Warns sparingly: who errs again and again must not fill the log. Counters tell how often. */
export class SparingLog {
  readonly #log: Logger;
  readonly #counts = new Map<ErrorCode, number>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Tells the first of a code, and every hundredth after it, as a warning. */
  warn(code: ErrorCode, fields: object, message: string): void {
    const count = this.#counts.get(code) ?? 0;
    this.#counts.set(code, count + 1);
    const level = count % (sparedCount + 1) === 0 ? "warn" : "debug";
    this.#log[level]({ code, ...fields, occurredCount: count + 1 }, message);
  }
}
