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

/** Lines of one code that are warnings within a minute; those beyond it are told at debug level. */
const warningCountMax = 10;
const minuteMs = 60_000;

/** Warns sparingly: who errs again and again must not fill the log. Counters tell how often. */
export class SparingLog {
  readonly #log: Logger;
  readonly #monotonicMs: () => number;
  readonly #told = new Map<ErrorCode, { count: number; sinceMs: number; warningCount: number }>();

  constructor(log: Logger, monotonicMs: () => number) {
    this.#log = log;
    this.#monotonicMs = monotonicMs;
  }

  /** Tells it as a warning, unless there were as many of that code within the minute. */
  warn(code: ErrorCode, fields: object, message: string): void {
    const nowMs = this.#monotonicMs();
    const told = this.#told.get(code) ?? { count: 0, sinceMs: nowMs, warningCount: 0 };
    this.#told.set(code, told);
    told.count += 1;
    if (nowMs - told.sinceMs >= minuteMs) Object.assign(told, { sinceMs: nowMs, warningCount: 0 });
    const isWarning = told.warningCount < warningCountMax;
    if (isWarning) told.warningCount += 1;
    this.#log[isWarning ? "warn" : "debug"](
      { code, ...fields, occurredCount: told.count },
      message,
    );
  }
}
