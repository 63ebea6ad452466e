import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));
const units = ["gondola-edge", "gondola-bridge"] as const;
const exposureMax = 1.5;
const hasAnalyzer = spawnSync("systemd-analyze", ["--version"]).status === 0;

/** Every value of a setting in a unit file, in order. */
function settings(unit: string): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const line of readFileSync(`${root}systemd/${unit}.service`, "utf8").split("\n")) {
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    values.set(key, [...(values.get(key) ?? []), value]);
  }
  return values;
}

describe.each(units)("%s.service", (unit) => {
  const of = settings(unit);

  test.skipIf(!hasAnalyzer)("systemd-analyze verify accepts it without a word", () => {
    const result = spawnSync("systemd-analyze", ["verify", `systemd/${unit}.service`], {
      cwd: root,
      encoding: "utf8",
    });
    expect(result.stdout + result.stderr).toBe("");
    expect(result.status).toBe(0);
  });

  test.skipIf(!hasAnalyzer)(`its exposure is ${exposureMax} or less`, () => {
    const words = ["security", "--offline=true", "--no-pager", `systemd/${unit}.service`];
    const report = execFileSync("systemd-analyze", words, { cwd: root, encoding: "utf8" });
    const [, level] = /Overall exposure level[^:]*: ([\d.]+)/.exec(report) ?? [];
    expect(Number(level)).toBeGreaterThan(0);
    expect(Number(level)).toBeLessThanOrEqual(exposureMax);
  });

  test.each([
    ["Type", "notify"],
    ["NotifyAccess", "all"],
    ["Restart", "always"],
    ["StartLimitIntervalSec", "0"],
    ["DynamicUser", "yes"],
    ["StateDirectory", unit],
    ["StateDirectoryMode", "0700"],
    ["LimitCORE", "0"],
    ["DevicePolicy", "closed"],
  ])("%s is %s", (key, value) => {
    expect(of.get(key)).toEqual([value]);
  });

  test("it restarts after a pause, and its watchdog leaves time for a slow disk", () => {
    expect(Number(of.get("RestartSec"))).toBeGreaterThanOrEqual(1);
    expect(Number(of.get("WatchdogSec"))).toBeGreaterThanOrEqual(30);
  });

  // V8 compiles to pages that are written and then run.
  test("it does not forbid what V8 needs", () => {
    expect(of.has("MemoryDenyWriteExecute")).toBe(false);
  });

  test("it starts a program that the build makes, with options that its command line has", () => {
    const [start] = of.get("ExecStart") ?? [];
    const [, program, options] = /dist\/(\S+)\.js run (.*)$/.exec(start ?? "") ?? [];
    const source = readFileSync(`${root}${program}.ts`, "utf8");
    for (const [option] of (options ?? "").matchAll(/--[a-z-]+/g)) expect(source).toContain(option);
    expect(options).toContain("--config");
  });
});

test("only the edge reaches devices, and only serial and HID ones", () => {
  const devices = settings("gondola-edge").get("DeviceAllow") ?? [];
  expect(devices.length).toBeGreaterThan(0);
  for (const device of devices) expect(device).toMatch(/^char-(tty[A-Za-z]+|hidraw|gpiochip) rw$/);
  expect(settings("gondola-edge").get("SupplementaryGroups")).toEqual(["dialout"]);
  expect(settings("gondola-bridge").has("DeviceAllow")).toBe(false);
  expect(settings("gondola-bridge").get("PrivateDevices")).toEqual(["yes"]);
});

test("every udev rule is a list of keys, operators and quoted values", () => {
  const lines = readFileSync(`${root}systemd/60-gondola.rules`, "utf8").split("\n");
  const rules = lines.filter((line) => line !== "" && !line.startsWith("#"));
  expect(rules.length).toBeGreaterThan(0);
  const part = '[A-Z]+(\\{[A-Za-z_/]+\\})?(==|!=|=|\\+=)"[^"]*"';
  for (const rule of rules) expect(rule).toMatch(new RegExp(`^${part}(, ${part})*$`));
});
