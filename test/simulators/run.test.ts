// `gondola-sim run` and `device` as a user calls them: real processes on real pseudo-terminals, and
// nothing left behind, also after Ctrl-C.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { programExecArgv, programFile } from "../../simulators/program-file.ts";
import { addTransfer, type Movement } from "../../simulators/world/truth.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-run-test-"));
});
afterEach(() => rm(folder, { recursive: true }));

function start(...words: string[]): { child: ChildProcess; output: () => string } {
  const child = spawn(
    process.execPath,
    [...programExecArgv, programFile("simulators/cli"), ...words],
    {
      env: { ...process.env, TMPDIR: folder },
      stdio: ["pipe", "pipe", "pipe"],
    },
  );
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (more: string) => {
      text += more;
    });
  }
  return { child, output: () => text };
}

async function until(isSo: () => boolean, child: ChildProcess): Promise<void> {
  while (!isSo() && child.exitCode === null) await new Promise((done) => setTimeout(done, 20));
}

/** Processes that run a device whose pseudo-terminal lies in the test's folder. */
async function devicesLeft(): Promise<string[]> {
  const left: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (words.includes("device-process") && words.includes(folder)) left.push(pid);
  }
  return left;
}

test("run plays a scenario, writes truth and edge configuration, and leaves nothing", async () => {
  const truthFile = join(folder, "truth.jsonl");
  const configFile = join(folder, "edge.yaml");
  const files = ["--truth", truthFile, "--edge-config", configFile];
  const times = ["--duration-ms", "1000", "--start-delay-ms", "100"];
  const { child, output } = start("run", "--seed", "4", ...files, ...times);
  await until(() => output().includes("now start the edge"), child);
  const config = parse(await readFile(configFile, "utf8"));
  const portOf = new Map(
    config.devices.map((one: { id: string; port: { path: string } }) => [one.id, one.port.path]),
  );
  expect([...portOf.keys()]).toEqual(["portal-1", "gondola-1", "till-1", "back-door", "hand-1"]);
  expect(await devicesLeft()).toHaveLength(5);
  child.kill("SIGTERM");
  const [code] = await once(child, "close");
  expect(code, output()).toBe(0);
  expect(await devicesLeft()).toEqual([]);
  // tsx, which runs the source, keeps its cache there too.
  const names = (await readdir(folder)).filter((name) => !name.startsWith("tsx-"));
  expect(names.sort()).toEqual(["edge.yaml", "truth.jsonl"]);
  const movements = (await readFile(truthFile, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Movement);
  const balances = new Map<string, number>();
  for (const movement of movements) addTransfer(balances, movement, movement.quantity);
  expect(balances.get("s0042/floor/gondola-1/c1 sellable 09521321002012")).toBeGreaterThan(0);
});

test("a device alone takes control lines on standard input", async () => {
  const { child, output } = start("device", "serial-scanner", "--tcp", "0");
  await until(() => output().includes("ready"), child);
  child.stdin?.write('{"type":"scan"}\n');
  await until(() => output().includes("refused"), child);
  expect(output()).toContain("data");
  child.kill("SIGINT");
  expect((await once(child, "close"))[0]).toBe(0);
});

test.each([
  [["run", "/nowhere/scenario.yaml"], "CONFIG_UNREADABLE: /nowhere/scenario.yaml", 2],
  [["run", "--seed", "x"], "whole number", 1],
  [["device", "toaster", "--tcp", "0"], "serial-scanner", 1],
])("%j is refused with %j", async (words, message, exitCode) => {
  const { child, output } = start(...words);
  const [code] = await once(child, "close");
  expect(output()).toContain(message);
  expect(code).toBe(exitCode);
});
