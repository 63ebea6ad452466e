// A process that appends is killed with SIGKILL at random moments. What it had reported as accepted
// must be in the file, without a hole and under the same sequence, and the chain must be whole.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openOutbox, readAll, temporaryFolder } from "./outbox-kit.ts";

const killCount = 12;
const child = fileURLToPath(new URL("append-child.ts", import.meta.url));

test(`${killCount} kills lose nothing that was accepted`, async () => {
  const folder = await temporaryFolder();
  const outboxIds = new Set<string>();
  let acceptedSequence = 1;
  for (let kill = 0; kill < killCount; kill += 1) {
    const lines = await runAndKill(join(folder, "outbox.db"), 20 + ((kill * 37) % 120));
    const [word, outboxId, startedAt] = lines.shift()?.split(" ") ?? [];
    expect(word).toBe("start");
    outboxIds.add(outboxId ?? "");
    // The counter never goes back behind what was accepted, and never gives a sequence out again.
    expect(Number(startedAt)).toBeGreaterThanOrEqual(acceptedSequence);
    let next = Number(startedAt) + 1;
    for (const [first, last] of ranges(lines)) {
      expect(first).toBe(next);
      next = last + 1;
    }
    acceptedSequence = next - 1;
  }
  expect(outboxIds.size).toBe(1);
  const { outbox } = await openOutbox(folder);
  expect(outbox.started).toBeUndefined();
  expect(outbox.position().lastSequence).toBeGreaterThanOrEqual(acceptedSequence);
  const limits = { countMax: 500, sizeBytesMax: 256 * 1024 };
  const events = await readAll(outbox, 1, limits);
  expect(events).toHaveLength(outbox.position().lastSequence);
  expect(acceptedSequence).toBeGreaterThan(killCount);
}, 120_000);

/** Whole lines that a run printed until it was killed. */
async function runAndKill(file: string, afterMs: number): Promise<string[]> {
  const process_ = spawn(process.execPath, ["--import", "tsx", child, file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  process_.stdout.setEncoding("utf8");
  process_.stdout.on("data", (chunk: string) => {
    text += chunk;
  });
  const closed = once(process_, "close");
  while (!text.includes("\n") && process_.exitCode === null) await delay(5);
  await delay(afterMs);
  process_.kill("SIGKILL");
  await closed;
  return text.slice(0, text.lastIndexOf("\n")).split("\n");
}

function ranges(lines: string[]): [number, number][] {
  return lines
    .map((line) => line.split(" ").map(Number) as [number, number])
    .sort(([one], [other]) => one - other);
}
