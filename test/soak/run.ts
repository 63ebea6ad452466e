// The long forms of what a test run does briefly; each prints JSON objects, one a line.
// `npm run soak -- fuzz [KIND]`: number of bytes and seed from GONDOLA_FUZZ_BYTES (10^7) and GONDOLA_SEED (1).
// `npm run soak -- simulation [--seeds N] [--from S]`: 10,000 seeds of the delivery simulation, from 0 on.
// `npm run soak -- outage [overflow | restore] [EVENTS]`: three days of a busy store in the buffer (260,000 events), and the link back.
// `npm run soak -- burst [EVENTS_A_SECOND]`: 20 times that rate (200, of 100 stores together) for a minute.
// `npm run soak -- faults [--count N] [--only NAME]`: every fault of test/faults/ on real processes; a report a row.
// `npm run soak -- power [EVERY]`: the power goes after every file operation (or each so manieth) of 500 transactions of a buffer and of a ledger.
// `npm run soak -- hostile [--packets N] [--only NAME]`: clients that mean harm, with 300,000 mutated packets; seed as above.

import { parseArgs } from "node:util";
import { isClean, playProcessRow, reportLine } from "../faults/fault-sweep.ts";
import { playAttacks } from "../faults/hostile-sweep.ts";
import { sweepPower } from "../faults/power-sweep.ts";
import { ownSweeps, processRows } from "../faults/process-rows.ts";
import { playBurst } from "./burst.ts";
import { targets } from "./decoders.ts";
import { fuzzDecoder } from "./fuzz.ts";
import { type OutageForm, outageForms, playOutage } from "./outage.ts";
import { playSeeds } from "./simulation.ts";

/** Of three days of a busy store. */
const waitedCount = 260_000;
const isCountWord = (text: string | undefined) => text === undefined || /^[1-9]\d{0,7}$/.test(text);
const isForm = (text: string | undefined): text is OutageForm =>
  outageForms.some((form) => form === text);

const [sweep, word, more] = process.argv.slice(2);
const isKind = word === undefined || Object.hasOwn(targets, word);
const isCount = isCountWord(word);
if (sweep === "fuzz" && isKind) await fuzz(word);
else if (sweep === "outage" && isCount) await outage(Number(word ?? waitedCount), "plain");
else if (sweep === "outage" && isForm(word) && isCountWord(more)) {
  await outage(Number(more ?? waitedCount), word);
} else if (sweep === "burst" && isCount) await burst(Number(word ?? 200));
else if (sweep === "simulation") await simulation(process.argv.slice(3));
else if (sweep === "faults") await faults(process.argv.slice(3));
else if (sweep === "power" && isCount) await power(Number(word ?? 1));
else if (sweep === "hostile") await hostile(process.argv.slice(3));
else {
  const kinds = Object.keys(targets).join(", ");
  const usage =
    "usage: npm run soak -- fuzz [KIND] | outage [plain | overflow | restore] [EVENTS] | burst [EVENTS_A_SECOND] | simulation [--seeds N] [--from S] | faults [--count N] [--only NAME] | power [EVERY] | hostile [--packets N] [--only NAME]";
  process.stderr.write(`${usage}; the kinds are ${kinds}\n`);
  process.exit(2);
}

async function fuzz(kind: string | undefined): Promise<void> {
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
}

async function outage(eventCount: number, form: OutageForm): Promise<void> {
  const report = await playOutage(eventCount, form);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  if (!report.isRight) process.exitCode = 1;
}

async function burst(eventsPerSecond: number): Promise<void> {
  const times = { usualMs: 20_000, burstMs: 60_000, warmUpMs: 10_000 };
  const report = await playBurst({ eventsPerSecond, ...times }, (line) => {
    process.stderr.write(`${line}\n`);
  });
  process.stdout.write(`${JSON.stringify(report)}\n`);
  const { lostCount, repeatedCount, disorderedCount, recoveryMs, isRight } = report;
  const isClean = lostCount + repeatedCount + disorderedCount === 0 && recoveryMs !== null;
  if (!isClean || !isRight) process.exitCode = 1;
}

async function power(every: number): Promise<void> {
  const seed = Number(process.env["GONDOLA_SEED"] ?? 1);
  for (const name of ["buffer", "ledger"] as const) {
    const report = await sweepPower(name, { transactionCount: 500, every, seed });
    process.stdout.write(`${JSON.stringify({ of: name, ...report })}\n`);
    if (report.problems.length > 0) process.exitCode = 1;
  }
}

async function simulation(words: string[]): Promise<void> {
  const count = { type: "string" } as const;
  const { values } = parseArgs({ args: words, options: { seeds: count, from: count } });
  const range = { firstSeed: Number(values.from ?? 0), seedCount: Number(values.seeds ?? 10_000) };
  if (!Object.values(range).every((value) => Number.isSafeInteger(value) && value >= 0)) {
    process.stderr.write("--seeds and --from take whole numbers\n");
    process.exit(2);
  }
  const failedCount = await playSeeds(range, (line) =>
    process.stdout.write(`${JSON.stringify(line)}\n`),
  );
  if (failedCount > 0) process.exitCode = 1;
}

async function faults(words: string[]): Promise<void> {
  const options = { count: { type: "string" }, only: { type: "string" } } as const;
  const { count, only = "" } = parseArgs({ args: words, options }).values;
  const seed = Number(process.env["GONDOLA_SEED"] ?? 1);
  // A row's whole name means that row alone.
  const named = processRows.filter(({ name }) => name === only);
  const fitting = processRows.filter(({ name }) => name.includes(only));
  for (const row of named.length > 0 ? named : fitting) {
    const report = await playProcessRow(row, Number(count ?? row.count), seed);
    process.stdout.write(`${JSON.stringify(report)}\n`);
    process.stderr.write(`${reportLine(report)}\n`);
    if (!isClean(report)) process.exitCode = 1;
  }
  process.stderr.write(`not among these rows: ${JSON.stringify(ownSweeps)}\n`);
}

async function hostile(words: string[]): Promise<void> {
  const options = { packets: { type: "string" }, only: { type: "string" } } as const;
  const { packets, only = "" } = parseArgs({ args: words, options }).values;
  const seed = Number(process.env["GONDOLA_SEED"] ?? 1);
  const force = { packetCount: Number(packets ?? 300_000), lastsMs: 10_000, seed, only };
  const report = await playAttacks(force, (line) =>
    process.stdout.write(`${JSON.stringify(line)}\n`),
  );
  process.stdout.write(`${JSON.stringify(report)}\n`);
  if (report.problems.length > 0) process.exitCode = 1;
}
