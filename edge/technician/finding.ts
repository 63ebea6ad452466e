// What a check of `gondola-edge doctor` found.

/** One line of the report. */
export interface Finding {
  /** What was looked at, like `port portal-1`. */
  readonly check: string;
  readonly level: "ok" | "warn" | "fail";
  readonly text: string;
  /** What to do; with `ok` there is nothing. */
  readonly remedy?: string;
}

export function ok(check: string, text: string): Finding {
  return { check, level: "ok", text };
}

export function warn(check: string, text: string, remedy: string): Finding {
  return { check, level: "warn", text, remedy };
}

export function fail(check: string, text: string, remedy: string): Finding {
  return { check, level: "fail", text, remedy };
}

/** A finding for people: one line, and one more for the remedy. */
export function findingLines({ check, level, text, remedy }: Finding): string {
  const line = `${level.padEnd(5)}${check}: ${text}`;
  return remedy === undefined ? `${line}\n` : `${line}\n     -> ${remedy}\n`;
}
