import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

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

describe("install.sh", () => {
  let folder = "";
  const install = (...words: string[]) =>
    spawnSync(join(folder, "from/systemd/install.sh"), words, { encoding: "utf8" });
  const files = () => {
    const entries = readdirSync(join(folder, "to"), { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 3))
      .sort();
  };

  // The installer beside a program of one file: what it copies is not what is tested here.
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "gondola-install-"));
    const from = join(folder, "from");
    for (const part of ["dist/edge", "node_modules", "config/plans"]) {
      mkdirSync(join(from, part), { recursive: true });
    }
    cpSync(`${root}systemd`, join(from, "systemd"), { recursive: true });
    const texts = ["README.md", "LICENSE", "dist/edge/cli.js", "config/plans/s0042.yaml"];
    for (const file of [...texts, "config/edge.example.yaml", "config/bridge.example.yaml"]) {
      writeFileSync(join(from, file), `${file}\n`);
    }
    const manifest = { name: "fixture", version: "1.0.0" };
    writeFileSync(join(from, "package.json"), JSON.stringify(manifest));
    const lock = { ...manifest, lockfileVersion: 3, requires: true, packages: { "": manifest } };
    writeFileSync(join(from, "package-lock.json"), JSON.stringify(lock));
    mkdirSync(join(folder, "to"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("a dry run says what it would do and writes nothing", () => {
    const result = install("edge", "--dry-run", "--root", join(folder, "to"));
    expect(result.stderr).toBe("");
    expect(result.stdout).toContain("write /etc/systemd/system/gondola-edge.service");
    expect(files()).toEqual([]);
  });

  test("an edge gets unit, rules, modules, folders, program and an example to edit", () => {
    const result = install("edge", "--root", join(folder, "to"));
    expect([result.status, result.stderr]).toEqual([0, ""]);
    expect(files().filter((file) => file.startsWith("/etc/"))).toEqual([
      "/etc/gondola/edge.yaml",
      "/etc/gondola/plans/s0042.yaml",
      "/etc/modules-load.d/gondola.conf",
      "/etc/systemd/system/gondola-edge.service",
      "/etc/tmpfiles.d/gondola.conf",
      "/etc/udev/rules.d/60-gondola.rules",
    ]);
    expect(existsSync(join(folder, "to/opt/gondola/dist/edge/cli.js"))).toBe(true);
  });

  test("a second run changes nothing, a new program is copied, a configuration is kept", () => {
    const to = join(folder, "to");
    install("bridge", "--root", to);
    writeFileSync(join(to, "etc/gondola/bridge.yaml"), "mine\n");
    expect(install("bridge", "--root", to).stdout).not.toMatch(/write|copy/);
    writeFileSync(join(folder, "from/dist/edge/cli.js"), "new\n");
    expect(install("bridge", "--root", to).stdout).toContain("copy the program");
    expect(readFileSync(join(to, "opt/gondola/dist/edge/cli.js"), "utf8")).toBe("new\n");
    expect(readFileSync(join(to, "etc/gondola/bridge.yaml"), "utf8")).toBe("mine\n");
    expect(files().some((file) => /gondola\.(old|new)/.test(file))).toBe(false);
  });

  test.each([[[]], [["store"]], [["edge", "--fast"]], [["edge", "--root"]]])(
    "%j is answered with the usage",
    (words) => {
      const result = install(...words);
      expect(result.status).toBe(1);
      expect(result.stderr).toContain("usage: install.sh edge|bridge");
    },
  );

  test("a program that was not built is refused", () => {
    rmSync(join(folder, "from/dist"), { recursive: true });
    const result = install("edge", "--root", join(folder, "to"));
    expect(result.stderr).toContain("not built yet: run npm run setup");
    expect(files()).toEqual([]);
  });
});
