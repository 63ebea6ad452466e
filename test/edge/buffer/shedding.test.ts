import { stat } from "node:fs/promises";
import { expect, test } from "vitest";
import { systemClock } from "../../../drivers/clock.ts";
import type { Outbox } from "../../../edge/buffer/outbox.ts";
import { shedShares } from "../../../edge/buffer/shedding.ts";
import { movedRange } from "./draft-kit.ts";
import {
  acknowledge,
  ManualClock,
  openOutbox,
  readAll,
  serialOf,
  temporaryFolder,
} from "./outbox-kit.ts";

const sizeBytesMax = 1024 * 1024;
const limits = { countMax: 500, sizeBytesMax: 256 * 1024 };

/** Appends serials `first`..`last` in groups. */
async function fill(outbox: Outbox, first: number, last: number, evidenceSizeBytes?: number) {
  for (let serial = first; serial <= last; serial += 50) {
    await outbox.append(movedRange(serial, Math.min(last, serial + 49), evidenceSizeBytes), []);
  }
}

test("offline for long: evidence goes first, then the oldest events as one overflow gap", async () => {
  const folder = await temporaryFolder();
  const clock = { ...systemClock, nowMs: () => 1_763_888_000_000 };
  const { outbox, file } = await openOutbox(folder, { clock, settings: { sizeBytesMax } });
  await fill(outbox, 1, 800, 700);
  const early = await outbox.stats();
  expect(early.evidenceShedCount).toBeGreaterThan(0);
  expect(early.overflowedCount).toBe(0);
  expect(early.waitingCount).toBe(801);
  expect(await readAll(outbox, 1, limits)).toHaveLength(801);

  await fill(outbox, 801, 4000, 700);
  const { overflowedCount, waitingCount, usedShare } = await outbox.stats();
  expect(overflowedCount).toBeGreaterThan(0);
  expect(waitingCount).toBe(4001 - overflowedCount);
  expect(usedShare).toBeLessThanOrEqual(shedShares.unacknowledged + 0.05);
  expect((await stat(file)).size).toBeLessThanOrEqual(sizeBytesMax);

  const [gap, ...events] = await readAll(outbox, 1, limits);
  expect(gap).toMatchObject({
    type: "gap",
    firstSequence: 1,
    lastSequence: overflowedCount,
    reason: "overflow",
  });
  expect(events.map(serialOf).at(-1)).toBe("S4000");
  expect(outbox.position().oldestSequence).toBe(overflowedCount + 1);
  expect(gap).toMatchObject({
    firstAtMs: clock.nowMs(),
    lastAtMs: clock.nowMs() + overflowedCount - 1,
  });
  // Asked for from within, the gap begins there.
  const [rest] = await outbox.read(overflowedCount - 5, limits);
  expect(rest).toMatchObject({ firstSequence: overflowedCount - 5, lastSequence: overflowedCount });
  expect(await outbox.digestAt(overflowedCount - 1)).toBeUndefined();
});

test("acknowledged events give way before any that waits, and are called trimmed", async () => {
  const settings = { sizeBytesMax, retainedShareMax: 0.9 };
  const { outbox } = await openOutbox(await temporaryFolder(), { settings });
  await fill(outbox, 1, 900, 0);
  await acknowledge(outbox, 800);
  await fill(outbox, 901, 1600, 0);
  const { overflowedCount, trimmedCount } = await outbox.stats();
  expect(overflowedCount).toBe(0);
  expect(trimmedCount).toBeGreaterThan(100);
  expect((await readAll(outbox, 801, limits)).map(serialOf).at(0)).toBe("S800");

  // A ledger that came back from a backup asks for what was trimmed.
  await acknowledge(outbox, 1, 2);
  const [gap, next] = await readAll(outbox, 2, limits);
  expect(gap).toMatchObject({ reason: "trimmed", firstSequence: 2, lastSequence: trimmedCount });
  expect(serialOf(next as never)).toBe(`S${trimmedCount}`);
});

test("the retained tail stays within its share", async () => {
  const settings = { sizeBytesMax, retainedShareMax: 0.25 };
  const { outbox } = await openOutbox(await temporaryFolder(), { settings });
  for (let serial = 1; serial <= 3000; serial += 50) {
    await outbox.append(movedRange(serial, serial + 49, 200), []);
    await acknowledge(outbox, outbox.position().lastSequence);
  }
  const { usedShare, trimmedCount, overflowedCount } = await outbox.stats();
  expect(usedShare).toBeLessThan(0.4);
  expect(usedShare).toBeGreaterThan(0.15);
  expect([trimmedCount > 1000, overflowedCount]).toEqual([true, 0]);
});

test("acknowledged events are dropped after the retention, in blocks, waiting ones never", async () => {
  const clock = new ManualClock();
  const settings = { retentionMs: 60_000, commitDelayMs: 0 };
  const { outbox } = await openOutbox(await temporaryFolder(), { clock, settings });
  const append = async (first: number, last: number) => {
    const appended = outbox.append(movedRange(first, last), []);
    await outbox.flush();
    return await appended;
  };
  await append(1, 299);
  await acknowledge(outbox, 250);
  clock.advance(700_000);
  await append(300, 300);
  expect(outbox.position().oldestSequence).toBe(201);
  clock.advance(700_000);
  await append(301, 301);
  expect(outbox.position().oldestSequence).toBe(201);
  expect((await readAll(outbox, 251, limits)).map(serialOf).at(0)).toBe("S250");
});

test("an event that finds no room even after shedding is refused with OUTBOX_FULL, and the rest lives", async () => {
  const settings = { sizeBytesMax: 512 * 1024 };
  const { outbox, failures } = await openOutbox(await temporaryFolder(), { settings });
  const state = Array.from({ length: 100 }, (_, index) => ({
    key: `key-${index}`,
    value: JSON.stringify("v".repeat(3500)),
  }));
  await outbox.append([], state);
  const more = state.map(({ key, value }) => ({ key: `more-${key}`, value }));
  await expect(outbox.append(movedRange(1, 5), more)).rejects.toMatchObject({
    code: "OUTBOX_FULL",
  });
  expect(failures).toEqual([]);
  expect(outbox.position().lastSequence).toBe(1);
  expect(outbox.storedState().size).toBe(100);
  await outbox.append(movedRange(6, 7), [{ key: "key-1", value: null }]);
  expect((await readAll(outbox, 2)).map(serialOf)).toEqual(["S6", "S7"]);
  expect((await outbox.stats()).counters["outbox_disk_full"]).toBeGreaterThan(0);
});
