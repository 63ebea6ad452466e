// `npm run bench`: runs every bench beside it and prints one JSON document. A bench is a file
// `NAME.bench.ts` that exports `benchName` functions; each returns its numbers, units in their names.

import { readdirSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

/** A bench: no arguments, its own temporary folder, its numbers by name. */
type Bench = () => Promise<object>;

const folder = new URL("./", import.meta.url);
const only = process.argv.slice(2);

const files = readdirSync(fileURLToPath(folder)).filter((name) => name.endsWith(".bench.ts"));
const results: Record<string, object> = {};
for (const file of files.sort()) {
  const module: Record<string, unknown> = await import(new URL(file, folder).href);
  for (const [name, bench] of Object.entries(module)) {
    if (!/^bench[A-Z]/.test(name) || typeof bench !== "function") continue;
    const title = name.charAt(5).toLowerCase() + name.slice(6);
    if (only.length > 0 && !only.includes(title)) continue;
    process.stderr.write(`bench: ${title} ...\n`);
    results[title] = await timed(bench as Bench);
  }
}

const machine = {
  node: process.versions.node,
  platform: `${process.platform} ${process.arch}`,
  cpu: cpus()[0]?.model ?? "unknown",
  cpuCount: cpus().length,
  memoryBytes: totalmem(),
};
process.stdout.write(`${JSON.stringify({ machine, results }, null, 2)}\n`);

/** A bench's numbers and how long it ran; its error in their place, so that the others still run. */
async function timed(bench: Bench): Promise<object> {
  const startedMs = performance.now();
  try {
    return { ...(await bench()), tookMs: Math.round(performance.now() - startedMs) };
  } catch (error) {
    process.exitCode = 1;
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
