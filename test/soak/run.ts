// `npm run soak -- fuzz [KIND]`: the long form of what a test run does briefly. Prints one JSON object a line; the
// number of bytes and the seed come from GONDOLA_FUZZ_BYTES (10^7) and GONDOLA_SEED (1).

import { targets } from "./decoders.ts";
import { fuzzDecoder } from "./fuzz.ts";

const [sweep, kind] = process.argv.slice(2);
if (sweep !== "fuzz" || (kind !== undefined && !Object.hasOwn(targets, kind))) {
  const kinds = Object.keys(targets).join(", ");
  process.stderr.write(`usage: npm run soak -- fuzz [KIND]; the kinds are ${kinds}\n`);
  process.exit(2);
}
const byteCount = Number(process.env["GONDOLA_FUZZ_BYTES"] ?? 10_000_000);
const seed = Number(process.env["GONDOLA_SEED"] ?? 1);
for (const [name, target] of Object.entries(targets)) {
  if (kind !== undefined && kind !== name) continue;
  const startedMs = performance.now();
  const report = await fuzzDecoder(target, byteCount, seed);
  const tookMs = Math.round(performance.now() - startedMs);
  const rssMiB = Math.round(process.memoryUsage.rss() / 1024 / 1024);
  process.stdout.write(`${JSON.stringify({ kind: name, seed, ...report, tookMs, rssMiB })}\n`);
}
