// What the demo shows and concludes, from balances alone.

import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { LatencyWatch } from "../../simulators/demo/latency.ts";
import { type Findings, report } from "../../simulators/demo/report.ts";
import { Screen } from "../../simulators/demo/screen.ts";
import { statusLine, stockLines } from "../../simulators/demo/table.ts";
import { loadScenario } from "../../simulators/scenario.ts";
import type { Movement } from "../../simulators/world/truth.ts";

const file = fileURLToPath(new URL("../../config/scenarios/quickstart.yaml", import.meta.url));
const { plan } = await loadScenario(file);
const coffee = "09521321002012";
const shelf = "s0042/floor/gondola-1/c1 sellable";
const basket = "s0042/@basket sellable";

const pick: Movement = {
  beganAtMs: 1000,
  endedAtMs: 1500,
  kind: "customer_pick",
  deviceId: "gondola-1",
  gtin: coffee,
  quantity: 1,
  from: { location: "s0042/floor/gondola-1/c1", state: "sellable" },
  to: { location: "s0042/@basket", state: "sellable" },
};
const right = new Map([
  [`${shelf} ${coffee}`, 11],
  [`${basket} ${coffee}`, 1],
]);
const wrong = new Map([[`${shelf} ${coffee}`, 12]]);
const same = { truth: right, ledger: right };
const findings: Findings = {
  plan,
  before: same,
  after: same,
  movements: [pick],
  gaps: [],
  hadFaults: true,
};
const gap = { fromAtMs: 1200, toAtMs: 1300, deviceIds: ["gondola-1"] };
const verdictOf = (changes: Partial<Findings>) => {
  const { lines, isRight } = report({ ...findings, ...changes });
  return { verdict: lines.at(-1), isRight };
};

describe("report", () => {
  test("agreement is right", () => {
    expect(verdictOf({})).toMatchObject({ isRight: true });
  });

  test("a movement missed inside a declared gap is right, and is named", () => {
    const before = { truth: right, ledger: wrong };
    expect(verdictOf({ before, gaps: [gap] })).toMatchObject({ isRight: true });
    const text = report({ ...findings, before, gaps: [gap] }).lines.join("\n");
    expect(text).toContain("customer_pick Coffee, floor/gondola-1/c1 to @basket");
  });

  test("the same without a gap, or in a run without faults, is wrong", () => {
    const before = { truth: right, ledger: wrong };
    expect(verdictOf({ before })).toMatchObject({ isRight: false });
    expect(verdictOf({ before, gaps: [gap], hadFaults: false })).toMatchObject({ isRight: false });
  });

  test("a difference after the count is wrong", () => {
    const after = { truth: right, ledger: wrong };
    expect(verdictOf({ after, gaps: [gap] })).toMatchObject({ isRight: false });
  });

  test("after a count it does not matter through which virtual account a unit went", () => {
    const lost = new Map([...right, [`s0042/@variance sellable ${coffee}`, -1]]);
    const gone = new Map([...right, [`s0042/@customer sellable ${coffee}`, -1]]);
    expect(verdictOf({ after: { truth: lost, ledger: gone } })).toMatchObject({ isRight: true });
  });
});

describe("table", () => {
  test("shows truth beside ledger, marks differences, leaves virtual accounts to the report", () => {
    const outside = new Map([...wrong, [`s0042/@customer sellable ${coffee}`, 3]]);
    const lines = stockLines(plan, right, outside, { withVirtual: false });
    expect(lines.join("\n")).toMatch(/floor\/gondola-1\/c1 +Coffee +11 +12 {2}\+1/);
    expect(lines.join("\n")).not.toContain("@customer");
    expect(stockLines(plan, right, outside, { withVirtual: true }).join("\n")).toContain(
      "@customer",
    );
  });

  test("a terminal gets a table that fits it and its own screen back; a pipe gets plain lines", () => {
    const moment = {
      truth: right,
      ledger: wrong,
      eventsPerSecond: 1.25,
      waitingCount: 4,
      latency: { p50Ms: 12.4, p99Ms: 1234 },
      happening: "open, broker cut",
      elapsedMs: 65_000,
    };
    expect(statusLine(moment)).toBe("events/s 1.3   buffer 4   latency p50 12 ms p99 1.2 s");
    const shown = (isTTY: boolean) => {
      let text = "";
      const write = (more: string) => {
        text += more;
      };
      const screen = new Screen({ isTTY, rows: 6, columns: 30, write }, plan, "Gondola");
      screen.note("a shopper");
      screen.show(moment);
      screen.leaveTable();
      return text;
    };
    const plain = shown(false);
    expect(plain).toContain("[1:05  open, broker cut]");
    expect(plain).not.toContain("\x1b");
    const table = shown(true);
    expect(table.startsWith("\x1b[?1049h")).toBe(true);
    expect(table.endsWith("\x1b[?1049l")).toBe(true);
    expect(table.split("\n").length).toBe(6);
  });
});

describe("latency", () => {
  const answer = (throughSequence: number) => ({
    outboxId: "0a0a0a0a",
    ledgerEpoch: 1,
    throughSequence,
    throughDigest: "0".repeat(64),
    rejected: [],
  });

  test("runs from the decision to the acknowledgement, repeated batches included", () => {
    const watch = new LatencyWatch();
    expect(watch.percentiles()).toBeUndefined();
    const events = [
      { sequence: 1, uptimeMs: 1000 },
      { sequence: 2, uptimeMs: 1100 },
    ];
    watch.sent({ outboxId: "0a0a0a0a", events });
    watch.acknowledged(answer(1), 1010);
    watch.sent({ outboxId: "0a0a0a0a", events });
    watch.acknowledged(answer(2), 11_100);
    expect(watch.percentiles()).toEqual({ p50Ms: 10, p99Ms: 10_000 });
  });
});
