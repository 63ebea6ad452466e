// The short form of `npm run soak -- hostile`: a client that means harm meets a real bridge over TLS, and an edge that
// keeps to the rules notices nothing but, perhaps, that it waits a little longer.

import { expect, test } from "vitest";
import { playAttacks } from "./hostile-sweep.ts";

const seed = Number(process.env["GONDOLA_SEED"] ?? 1);

test(`a hostile client harms nobody, seed ${seed}`, { timeout: 120_000 }, async () => {
  const options = { packetCount: 5_000, lastsMs: 1_000, seed };
  const report = await playAttacks(options, ({ attack, tookMs, waits, rssMiB, counts }) =>
    process.stdout.write(
      `${attack}: ${tookMs} ms, acknowledged within ${waits.p50Ms} ms (half), ${waits.p99Ms} ms (99 %), ${rssMiB} MiB, ${JSON.stringify(counts)}\n`,
    ),
  );
  process.stdout.write(`${report.eventCount} events, ${report.rssMiBMost} MiB at the most\n`);
  expect(report.problems).toEqual([]);
  expect(report.eventCount).toBeGreaterThan(100);
});
