// Runs a recording through the same pipeline as live hardware. No clock but the readings' own.

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { z } from "zod";
import { recordedSchema } from "../contract/reading.ts";
import { type EdgeConfig, loadPlan } from "./config.ts";
import { buildPipeline } from "./sense/build-machines.ts";

/** How a replay went; `badLines` name line and reason. */
export interface ReplayResult {
  readonly readingCount: number;
  readonly eventCount: number;
  readonly badLines: string[];
}

/** The most bad lines that are kept with their reasons. */
const badLineCountMax = 1000;

/** Replays a file; `print` is given each conclusion as one JSON line. */
export async function replayFile(
  file: string,
  config: EdgeConfig,
  print: (line: string) => void,
): Promise<ReplayResult> {
  const pipeline = buildPipeline(config);
  if (config.plan !== undefined) pipeline.setPlan(await loadPlan(config.plan));
  let readingCount = 0;
  let eventCount = 0;
  let lineNumber = 0;
  let lastAtMs = 0;
  const badLines: string[] = [];
  const printAll = (conclusions: readonly object[]) => {
    for (const conclusion of conclusions) print(`${JSON.stringify(conclusion)}\n`);
    eventCount += conclusions.length;
  };
  for await (const line of createInterface({ input: createReadStream(file) })) {
    lineNumber += 1;
    if (line.trim() === "") continue;
    const reading = parseReading(line);
    if (typeof reading === "string") {
      if (badLines.length < badLineCountMax) badLines.push(`${file}:${lineNumber}: ${reading}`);
      continue;
    }
    if (reading.kind !== "clock") readingCount += 1;
    lastAtMs = reading.receivedAtMs;
    printAll(pipeline.push(reading).conclusions);
  }
  // Whatever is still open falls due at its own time.
  for (
    let atMs = pipeline.nextDeadlineMs();
    Number.isFinite(atMs);
    atMs = pipeline.nextDeadlineMs()
  ) {
    if (atMs > lastAtMs + 3_600_000) break;
    printAll(pipeline.advance(atMs).conclusions);
  }
  return { readingCount, eventCount, badLines };
}

function parseReading(line: string) {
  try {
    const result = recordedSchema.safeParse(JSON.parse(line));
    return result.success ? result.data : z.prettifyError(result.error).replaceAll("\n", " ");
  } catch (error) {
    return (error as Error).message;
  }
}
