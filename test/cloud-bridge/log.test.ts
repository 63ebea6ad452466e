import { pino } from "pino";
import { expect, test } from "vitest";
import { SparingLog } from "../../cloud-bridge/log.ts";

test("who errs on does not fill the log, and whoever is refused a minute later is told again", () => {
  const lines: { level: number; code: string; occurredCount: number }[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) };
  let nowMs = 0;
  const log = new SparingLog(pino({ level: "info" }, stream), () => nowMs);
  for (let count = 0; count < 1000; count += 1) log.warn("BROKER_LIMIT", {}, "client refused");
  expect(lines).toHaveLength(10);
  log.warn("PASSWORD_WRONG", { clientId: "s1:e1" }, "client refused");
  expect(lines.at(-1)).toMatchObject({ code: "PASSWORD_WRONG", occurredCount: 1 });
  nowMs = 60_000;
  log.warn("BROKER_LIMIT", {}, "client refused");
  expect(lines.at(-1)).toMatchObject({ code: "BROKER_LIMIT", occurredCount: 1001 });
  expect(lines).toHaveLength(12);
});
