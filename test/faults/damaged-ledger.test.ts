// Row 13 of the fault matrix for a ledger: bits that flip in its files, pages of garbage, files cut short, a -wal that is
// gone. Whatever the bridge finds then, it never takes other entries for those that were posted: it refuses to open, or
// `verify` finds the damage, or the ledger stands where it stood at some earlier time, says so, and edges send again from there.

import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SqliteLedger } from "../../cloud-bridge/ledger/sqlite-ledger.ts";
import { errorCodeOf } from "../../contract/errors.ts";
import type { Entry } from "../../contract/stock.ts";
import { seededRandom } from "../../simulators/random.ts";
import { startAtMs } from "../cloud-bridge/ledger/fake-edge.ts";
import { damages } from "./damages.ts";
import { receiptsBatch } from "./power-subjects.ts";

const damageCount = 60;
const turnCount = 120;
const names = ["ledger.db", "ledger.db-wal"];
const allNames = [...names, "ledger.db.progress"];

/** A ledger as a crash leaves it, some of it in the file, some in the -wal; and its entries. */
async function crashedLedger(folder: string): Promise<Entry[]> {
  const path = join(folder, "ledger.db");
  const before = await SqliteLedger.open({ path, nowMs: startAtMs });
  for (let turn = 1; turn <= turnCount / 2; turn += 1) {
    await before.post([receiptsBatch(turn)], startAtMs + turn);
  }
  await before.close();
  const ledger = await SqliteLedger.open({ path, nowMs: startAtMs });
  for (let turn = turnCount / 2 + 1; turn <= turnCount; turn += 1) {
    await ledger.post([receiptsBatch(turn)], startAtMs + turn);
  }
  for (const name of allNames) await copyFile(join(folder, name), join(folder, `crashed-${name}`));
  const entries = await ledger.entries({ storeId: "s0042", afterEntryNumber: 0, countMax: 1000 });
  await ledger.close();
  return entries;
}

const openAlerts = { isOpen: true, countMax: 10, nowMs: startAtMs + turnCount };

/** Opens a damaged ledger and holds it against the truth; gives what became of it. */
async function outcomeOf(path: string, truth: readonly Entry[]): Promise<string> {
  let ledger: SqliteLedger;
  try {
    ledger = await SqliteLedger.open({ path, nowMs: startAtMs });
  } catch (error) {
    expect(errorCodeOf(error), String(error)).toMatch(/^LEDGER_(CORRUPT|FAILED)$/);
    return "refused";
  }
  try {
    const { ok, setBacks } = await ledger.verify().catch(() => ({ ok: false, setBacks: [] }));
    if (!ok) return "found by verify";
    const entries = await ledger.entries({ storeId: "s0042", afterEntryNumber: 0, countMax: 1000 });
    expect(entries).toEqual(truth.slice(0, entries.length));
    const through = (await ledger.positions())[0]?.throughSequence ?? 0;
    expect(through).toBe(entries.length);
    const isWhole = entries.length === truth.length;
    if (setBacks.length === 0) return isWhole ? "whole" : "set back in silence";
    const alerts = await ledger.alerts({ ...openAlerts, storeId: "s0042" });
    expect(alerts).toHaveLength(through === 0 ? 0 : 1);
    return isWhole ? "whole, but said to be set back" : "set back";
  } finally {
    await ledger.close();
  }
}

test(`${damageCount} damages of a ledger: refused, found, or gone back and said so`, async () => {
  const folder = await mkdtemp(join(tmpdir(), "gondola-damage-"));
  try {
    const truth = await crashedLedger(folder);
    expect(truth).toHaveLength(3 * turnCount);
    const kinds = Object.entries(damages);
    const counts: Record<string, number> = {};
    for (let seed = 1; seed <= damageCount; seed += 1) {
      const own = await mkdtemp(join(folder, "own-"));
      for (const name of allNames) await copyFile(join(folder, `crashed-${name}`), join(own, name));
      const [kind, damage] = kinds[seed % kinds.length]!;
      const file = names[Math.floor(seed / kinds.length) % 2]!;
      await damage(join(own, file), seededRandom(seed));
      const outcome = await outcomeOf(join(own, "ledger.db"), truth).catch((error: unknown) => {
        throw new Error(`seed ${seed}, ${kind} of ${file}: ${error}`, { cause: error });
      });
      // What stands in the file alone cannot go back.
      if (outcome === "set back") expect(`${kind} of ${file}`).not.toMatch(/bit.* of ledger.db$/);
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      await rm(own, { recursive: true });
    }
    process.stdout.write(`damaged ledgers: ${JSON.stringify(counts)}\n`);
    expect(counts["set back in silence"]).toBeUndefined();
    expect((counts["refused"] ?? 0) + (counts["found by verify"] ?? 0)).toBeGreaterThan(5);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);
