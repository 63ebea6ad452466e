// The demo as a user runs it, on a short day: its verdict with both faults, its end when a part of it
// dies, and that it leaves neither process nor file.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { programExecArgv, programFile, projectFile } from "../../simulators/program-file.ts";

const openMs = 6000;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gondola-demo-test-"));
  const text = await readFile(projectFile("config/scenarios/quickstart.yaml"), "utf8");
  const short = text
    .replace(/openMs: \d+/, `openMs: ${openMs}`)
    .replace("../plans/s0042.yaml", projectFile("config/plans/s0042.yaml"));
  await writeFile(join(folder, "scenario.yaml"), short);
});
afterEach(() => rm(folder, { recursive: true }));

function startDemo(...words: string[]) {
  const scenario = join(folder, "scenario.yaml");
  const args = [programFile("simulators/cli"), "demo", "--scenario", scenario, ...words];
  const child = spawn(process.execPath, [...programExecArgv, ...args], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (more: string) => {
      text += more;
    });
  }
  const exited = once(child, "close").then(([code]) => code as number | null);
  return { child, exited, output: () => text };
}

/** Ids of processes whose command line names the test's folder and `word`. */
async function processesOf(word: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of (await readdir("/proc")).filter((one) => /^\d+$/.test(one))) {
    const words = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
    if (words.includes(folder) && words.includes(word)) found.push(Number(name));
  }
  return found;
}

async function leftovers(): Promise<unknown> {
  // tsx, which runs the source, keeps its cache in the temporary folder.
  const names = (await readdir(folder)).filter((name) => !name.startsWith("tsx-"));
  return { names, processes: await processesOf("gondola-demo-") };
}

test("with the broker cut and the edge killed the verdict is right", {
  timeout: 180_000,
}, async () => {
  const { exited, output } = startDemo("--seed", "3");
  expect(await exited, output()).toBe(0);
  for (const line of ["the broker is cut off", "the edge is killed", "RIGHT: ledger and truth"]) {
    expect(output()).toContain(line);
  }
  expect(output()).toContain("The edge declared a sensing gap");
  expect(await leftovers()).toEqual({ names: ["scenario.yaml"], processes: [] });
});

test("a part that dies by itself ends the demo, with its last words", {
  timeout: 60_000,
}, async () => {
  const { child, exited, output } = startDemo("--no-faults");
  while (!output().includes("opening") && child.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const [bridgePid = 0] = await processesOf("cloud-bridge/cli");
  expect(bridgePid).toBeGreaterThan(0);
  process.kill(bridgePid, "SIGKILL");
  expect(await exited).toBe(1);
  expect(output()).toContain("the bridge ended by SIGKILL; its last words:");
  expect(output()).toContain("bridge ready");
  expect(await leftovers()).toEqual({ names: ["scenario.yaml"], processes: [] });
});
