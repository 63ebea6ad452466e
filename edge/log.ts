// The edge's log: pino, JSON lines on standard output, object first, one event name a line.

import { type Logger, pino } from "pino";

export type { Logger } from "pino";

export const logLevels = ["trace", "debug", "info", "warn", "error"] as const;

/** A logger; `gateway` names the edge on every line. URLs with credentials are cut. */
export function createLog(level: (typeof logLevels)[number], gateway: string): Logger {
  return pino({
    level,
    base: { gateway },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: ["password", "*.password", "broker.url"], censor: "[hidden]" },
  });
}
