// What the dashboard asks Prometheus for, a running bridge serves: with an edge as a process of its own, whose
// reader sees tags, and events that lie in quarantine.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { startDeviceChild } from "../../simulators/device-child.ts";
import { startBridge } from "../cloud-bridge/bridge.ts";
import { Daemon } from "../support/daemon.ts";
import { expressionsOf, labelsOf, loadDashboard, metricsOf } from "../support/dashboard.ts";

const dashboardFile = fileURLToPath(new URL("../../config/grafana/gondola.json", import.meta.url));
const epc = "3034257BF7194E4000001A85";
/** Sample -> labels that it comes with. */
let served: Map<string, Set<string>>;
let text = "";

/** An edge with one reader, as the command line starts it, and the tags before its antennas 1 and 2. */
async function startEdge(folder: string, brokerUrl: string) {
  const path = join(folder, "portal");
  const device = await startDeviceChild({ kind: "r2000", ptyPath: path }, (message) =>
    expect.fail(message),
  );
  device.control({
    type: "field",
    tags: [1, 2].map((antenna) => ({ epc, antenna, rssiDbm: -40 })),
  });
  const configuration = {
    ...{ storeId: "s1", edgeId: "e1", dataDir: join(folder, "edge"), broker: { url: brokerUrl } },
    healthIntervalMs: 1000,
    devices: [
      { id: "portal-1", kind: "r2000", port: { path }, options: { antennas: [1, 2] } },
      // Not plugged in: its device is told as offline.
      { id: "till-1", kind: "serial-scanner", port: { path: join(folder, "none") } },
    ],
  };
  await writeFile(join(folder, "edge.yaml"), stringify(configuration));
  const edge = Daemon.start("edge", "run", "--config", join(folder, "edge.yaml"));
  return { device, edge };
}

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "gondola-dashboard-"));
  const closers: (() => Promise<unknown>)[] = [
    () => rm(folder, { recursive: true, force: true, maxRetries: 3 }),
  ];
  try {
    const bridge = await startBridge(join(folder, "bridge"), { edges: { refreshMs: 200 } });
    closers.push(() => bridge.stop());
    const { device, edge } = await startEdge(folder, bridge.brokerUrl);
    closers.push(
      () => device.stop(),
      () => edge.end("SIGTERM"),
    );
    text = await metricsWhen(bridge, (each) => /antenna_readings.*antenna="2"\} [1-9]/.test(each));
    served = samplesOf(text);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}, 60_000);

/** The bridge's metrics as soon as they are so. */
async function metricsWhen(
  bridge: { text(path: string): Promise<string> },
  fits: (text: string) => boolean,
): Promise<string> {
  const deadlineAtMs = Date.now() + 40_000;
  for (;;) {
    const found = await bridge.text("/metrics");
    if (fits(found)) return found;
    if (Date.now() > deadlineAtMs) throw new Error(`not served in time: ${found}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function samplesOf(metrics: string): Map<string, Set<string>> {
  const samples = new Map<string, Set<string>>();
  for (const line of metrics.split("\n").filter((each) => each !== "" && !each.startsWith("#"))) {
    const [, name, labels = ""] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    expect(name, line).toBeDefined();
    const known = samples.get(name!) ?? new Set();
    for (const [, label] of labels.matchAll(/(\w+)="[^"]*"/g)) known.add(label!);
    samples.set(name!, known);
  }
  return samples;
}

test("a real edge's readings by antenna, acknowledgement, backlog and clock are served", () => {
  const value = (series: string) =>
    Number(
      text
        .split("\n")
        .find((line) => line.startsWith(`${series} `))
        ?.split(" ")[1],
    );
  const name = (metric: string, more = "") =>
    `gondola_bridge_edge_${metric}{store="s1",edge="e1"${more}}`;
  expect(value(name("online"))).toBe(1);
  expect(value(name("antenna_readings_total", ',device="portal-1",antenna="1"'))).toBeGreaterThan(
    0,
  );
  expect(value(name("device_online", ',device="portal-1"'))).toBe(1);
  expect(value(name("device_online", ',device="till-1"'))).toBe(0);
  expect(value(name("last_acknowledgement_age_seconds"))).toBeLessThan(60);
  expect(value(name("backlog_events"))).toBeGreaterThanOrEqual(0);
  expect(Math.abs(value(name("clock_offset_seconds")))).toBeLessThan(2);
});

test("no series is served twice", () => {
  const series = text.match(/^[a-z]\S*(?= )/gm) ?? [];
  expect(series.length).toBe(new Set(series).size);
});

const dashboard = loadDashboard(dashboardFile);

test.each(expressionsOf(dashboard).map((expression) => [expression]))("%s", (expression) => {
  const names = metricsOf(expression);
  expect(names).not.toEqual([]);
  expect(names.filter((name) => !served.has(name))).toEqual([]);
  const labels = new Set(names.flatMap((name) => [...(served.get(name) ?? [])]));
  expect(labelsOf(expression).filter((label) => !labels.has(label))).toEqual([]);
});

test("legends name labels that are there, panels lie beside one another, and each has its own number", () => {
  const grouped = dashboard.panels.flatMap(({ targets }) => targets);
  for (const { expr, legendFormat = "" } of grouped) {
    const labels = new Set(metricsOf(expr).flatMap((name) => [...(served.get(name) ?? [])]));
    const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
    expect(named.filter((label) => !labels.has(label))).toEqual([]);
  }
  const taken = new Set<string>();
  for (const { gridPos } of dashboard.panels) {
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        expect(taken.has(`${x}/${y}`)).toBe(false);
        taken.add(`${x}/${y}`);
      }
    }
  }
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
});

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;
test.skipIf(!hasPromtool)("Prometheus itself can read every expression (promtool)", () => {
  const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  const rules = expressions.map((expression, index) => ({
    record: `expression_${index}`,
    expr: expression.replaceAll("$__rate_interval", "5m").replaceAll(/\$(store|edge)/g, ".*"),
  }));
  const folder = mkdtempSync(join(tmpdir(), "gondola-rules-"));
  try {
    const file = join(folder, "rules.yaml");
    writeFileSync(file, stringify({ groups: [{ name: "dashboard", rules }] }));
    const { stdout, stderr } = spawnSync("promtool", ["check", "rules", file], {
      encoding: "utf8",
    });
    expect([stdout, stderr]).toEqual([expect.stringContaining(`${rules.length} rules found`), ""]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what an expression asks for is found in it", () => {
  expect(
    metricsOf('sum by (le) (rate(a_b{x="c_d"}[5m])) or vector(0) and on (s) e:f == 1'),
  ).toEqual([...["a_b", "e:f"]]);
  expect(metricsOf('label_values(a{store=~"$store"}, edge)')).toEqual(["a"]);
  expect(labelsOf('label_values(a{store=~"$store",x!="1"}, edge)')).toEqual(["store", "x", "edge"]);
  expect(labelsOf("sum by (le, d) (a)")).toEqual(["le", "d"]);
});
