// Row 13 of the fault matrix: bits that flip in the buffer's files, pages of garbage, files cut short, a -wal that is gone.
// A buffer of real events is damaged by a seeded chance and opened as the daemon opens it. Whatever it does then, it never
// gives out an event that it was not given, and never leaves one out without a word.

import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { errorCodeOf } from "../../contract/errors.ts";
import { seededRandom } from "../../simulators/random.ts";
import { moved, movedRange } from "../edge/buffer/draft-kit.ts";
import {
  acknowledge,
  openOutbox,
  readAll,
  serialOf,
  temporaryFolder,
} from "../edge/buffer/outbox-kit.ts";
import { damages } from "./damages.ts";

const damageCount = 120;
const acceptedCount = 400;
const names = [
  "outbox.db",
  "outbox.db-wal",
  "outbox.db-shm",
  "outbox.db.identity.json",
  "outbox.db.progress",
];

/** What a buffer was given: serials by sequence (the first event is its own), and where it stood. */
interface Truth {
  readonly folder: string;
  readonly serials: readonly (string | undefined)[];
  readonly digests: readonly (string | undefined)[];
  readonly acknowledgedSequence: number;
}

/** A buffer as a power cut leaves it: some of it in the file, some in the -wal. */
async function cutBuffer(): Promise<Truth> {
  const folder = await temporaryFolder();
  const before = await openOutbox(folder);
  await before.outbox.append(movedRange(1, 200), [{ key: "a", value: "1" }]);
  await acknowledge(before.outbox, 50);
  await before.outbox.close();
  const { outbox } = await openOutbox(folder);
  for (let first = 201; first <= acceptedCount; first += 10) {
    await outbox.append(movedRange(first, first + 9), [{ key: "a", value: String(first) }]);
  }
  await outbox.flush();
  const cut = join(folder, "cut");
  await mkdir(cut);
  for (const name of names) await copyFile(join(folder, name), join(cut, name));
  const serials = (await readAll(outbox, 1)).map(serialOf);
  const digests = await Promise.all(serials.map((_, index) => outbox.digestAt(index + 1)));
  return { folder: cut, serials, digests, acknowledgedSequence: 50 };
}

/** Opens a damaged buffer and holds it against the truth; gives what became of it. */
async function outcomeOf(folder: string, truth: Truth): Promise<string> {
  const first = await openOutbox(folder).catch((error: unknown) => error);
  if (!(typeof first === "object" && first !== null && "outbox" in first)) {
    // The daemon says why and does not start: nothing is overwritten.
    expect(errorCodeOf(first)).toBe("OUTBOX_FAILED");
    return "refused";
  }
  const { outbox } = first as Awaited<ReturnType<typeof openOutbox>>;
  if (outbox.started !== undefined) {
    expect(outbox.started.reason).toBe("corrupt");
    await outbox.append([moved(1)], []);
    await outbox.close();
    return "set aside";
  }
  const { lastSequence, acknowledgedSequence } = outbox.position();
  expect(acknowledgedSequence).toBeLessThanOrEqual(truth.acknowledgedSequence);
  let gapCount = 0;
  const events = await readAll(outbox, 1);
  expect(events).toHaveLength(lastSequence);
  const { setBack } = outbox;
  if (setBack !== undefined) {
    const notice = { code: "buffer_set_back", severity: "alarm", detail: { cause: setBack.cause } };
    expect(events.pop()).toMatchObject(notice);
  }
  for (const [index, event] of events.entries()) {
    if (event.type === "gap") {
      gapCount += 1;
    } else {
      expect(serialOf(event)).toBe(truth.serials[index]);
      expect(await outbox.digestAt(index + 1)).toBe(truth.digests[index]);
    }
  }
  const isWhole = events.length === truth.serials.length;
  await outbox.close();
  if (setBack !== undefined) return "set back, and said so";
  if (gapCount > 0) return "declared as a gap";
  return isWhole ? "whole" : "set back";
}

test(`${damageCount} damages: found out, declared, or harmless`, async () => {
  const truth = await cutBuffer();
  const kinds = Object.entries(damages);
  const counts: Record<string, number> = {};
  for (let seed = 1; seed <= damageCount; seed += 1) {
    const random = seededRandom(seed);
    const folder = await temporaryFolder();
    for (const name of names) await copyFile(join(truth.folder, name), join(folder, name));
    const [kind, damage] = kinds[seed % kinds.length]!;
    const file = Math.floor(seed / kinds.length) % 2 === 0 ? "outbox.db" : "outbox.db-wal";
    await damage(join(folder, file), random);
    const outcome = await outcomeOf(folder, truth).catch((error: unknown) => {
      throw new Error(`seed ${seed}, ${kind} of ${file}: ${error}`, { cause: error });
    });
    // Nothing is lost without a word, also where a -wal that was cut short looks as after a power cut.
    expect(outcome, `seed ${seed}, ${kind} of ${file}`).not.toBe("set back");
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  process.stdout.write(`damaged buffers: ${JSON.stringify(counts)}\n`);
  expect(counts["set aside"]).toBeGreaterThan(damageCount / 10);
  expect(counts["set back, and said so"]).toBeGreaterThan(damageCount / 10);
}, 120_000);
