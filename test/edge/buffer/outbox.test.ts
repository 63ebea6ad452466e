import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { genesisDigest } from "../../../contract/digest.ts";
import { eventSizeBytesMax } from "../../../contract/event.ts";
import { systemClock } from "../../../drivers/clock.ts";
import type { Outbox } from "../../../edge/buffer/outbox.ts";
import { moved, movedRange } from "./draft-kit.ts";
import {
  acknowledge,
  ManualClock,
  openOutbox,
  readAll,
  serialOf,
  temporaryFolder,
} from "./outbox-kit.ts";

describe("append", () => {
  test("a new outbox begins with outbox_started and chains what follows", async () => {
    const { outbox, committed } = await openOutbox(await temporaryFolder());
    expect(outbox.started).toEqual({ reason: "new" });
    const { outboxId } = outbox.position();
    expect(await outbox.digestAt(0)).toBe(genesisDigest(outboxId));

    const results = await Promise.all([
      outbox.append([moved(1), moved(2)], []),
      outbox.append([moved(3)], []),
    ]);
    expect(results).toEqual([
      { firstSequence: 2, lastSequence: 3, refused: [] },
      { firstSequence: 4, lastSequence: 4, refused: [] },
    ]);
    expect(committed).toEqual([{ outboxId, firstSequence: 2, lastSequence: 4 }]);
    const [first, ...rest] = await readAll(outbox);
    expect(first).toMatchObject({ code: "outbox_started", detail: { reason: "new" } });
    expect(rest.map(serialOf)).toEqual(["S1", "S2", "S3"]);
    expect(rest[0]).toMatchObject({ evidence: { raw: "e".repeat(120) } });
  });

  test("what arrives within the commit delay is one commit; each later burst one more", async () => {
    const clock = new ManualClock();
    const settings = { commitDelayMs: 10 };
    const { outbox } = await openOutbox(await temporaryFolder(), { clock, settings });
    const first = [outbox.append([moved(1)], [])];
    clock.advance(9);
    first.push(outbox.append([moved(2)], []));
    clock.advance(1);
    await Promise.all(first);
    const second = outbox.append([moved(3)], []);
    clock.advance(10);
    await second;
    expect((await outbox.stats()).counters["outbox_commits"]).toBe(2);
  });

  test("a draft that does not fit is refused by name and takes nothing with it", async () => {
    const { outbox } = await openOutbox(await temporaryFolder());
    const wrong = { ...moved(2), quantity: 0 };
    const tooLarge = moved(3, eventSizeBytesMax);
    const [result, other] = await Promise.all([
      outbox.append([moved(1), wrong, tooLarge, moved(4)], [{ key: "a", value: "1" }]),
      outbox.append([moved(5)], []),
    ]);
    expect(result.refused.map(({ index, error }) => [index, error.code])).toEqual([
      [1, "EVENT_INVALID"],
      [2, "EVENT_TOO_LARGE"],
    ]);
    expect(result.refused[0]?.error.message).toContain("quantity");
    expect(other).toEqual({ firstSequence: 6, lastSequence: 6, refused: [] });
    const events = await readAll(outbox, 2);
    expect(events.map((event) => serialOf(event) ?? (event as { code: string }).code)).toEqual([
      "S1",
      "event_invalid",
      "event_too_large",
      "S4",
      "S5",
    ]);
    expect(outbox.storedState().get("a")).toBe("1");
  });
});

describe("limits", () => {
  test("the largest event that is accepted is at most 16 KiB as sent", async () => {
    const { outbox } = await openOutbox(await temporaryFolder());
    let [low, high] = [0, eventSizeBytesMax];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const { refused } = await outbox.append([moved(1, middle)], []);
      if (refused.length === 0) low = middle;
      else high = middle - 1;
    }
    const sizes = (await outbox.read(1, { countMax: 500, sizeBytesMax: 1e9 })).map((row) =>
      Buffer.byteLength(row.text),
    );
    expect(Math.max(...sizes)).toBeLessThanOrEqual(eventSizeBytesMax);
    expect(Math.max(...sizes)).toBeGreaterThan(eventSizeBytesMax - 32);
  });

  test("more than may wait is refused with OUTBOX_QUEUE_FULL and counted", async () => {
    const settings = { queuedEventCountMax: 10 };
    const { outbox } = await openOutbox(await temporaryFolder(), { settings });
    const first = outbox.append(movedRange(1, 10), []);
    await expect(outbox.append([moved(11)], [])).rejects.toMatchObject({
      code: "OUTBOX_QUEUE_FULL",
    });
    await first;
    await outbox.append([moved(12)], []);
    expect((await readAll(outbox, 2)).map(serialOf).at(-1)).toBe("S12");
    expect((await outbox.stats()).counters["outbox_queue_full"]).toBe(1);
  });

  test("a burst larger than a transaction keeps its order", async () => {
    const settings = { queuedEventCountMax: 5000 };
    const { outbox } = await openOutbox(await temporaryFolder(), { settings });
    await Promise.all(movedRange(1, 3500).map((draft) => outbox.append([draft], [])));
    const limits = { countMax: 500, sizeBytesMax: 256 * 1024 };
    const serials = (await readAll(outbox, 2, limits)).map(serialOf);
    expect(serials).toEqual(movedRange(1, 3500).map((draft) => serialOf(draft as never)));
    expect((await outbox.stats()).counters["outbox_commits"]).toBeLessThan(10);
  });
});

describe("state", () => {
  test("is committed with its events and found again; null deletes", async () => {
    const folder = await temporaryFolder();
    const { outbox } = await openOutbox(folder);
    await outbox.append([moved(1)], [{ key: "portal/a", value: '{"zone":1}' }]);
    await outbox.append([], [{ key: "portal/b", value: "2" }]);
    await Promise.all([
      outbox.append([], [{ key: "portal/c", value: "3" }]),
      outbox.append([], [{ key: "portal/c", value: "4" }]),
      outbox.append([], [{ key: "portal/b", value: null }]),
    ]);
    await outbox.close();
    const again = await openOutbox(folder);
    expect([...again.outbox.storedState()]).toEqual([
      ["portal/a", '{"zone":1}'],
      ["portal/c", "4"],
    ]);
  });

  test("neither event nor state of an uncommitted append survives a crash", async () => {
    const folder = await temporaryFolder();
    const { outbox, failures } = await openOutbox(folder);
    await outbox.append([moved(1)], [{ key: "a", value: "1" }]);
    const lost = outbox.append([moved(2)], [{ key: "a", value: "2" }]);
    const [result] = await Promise.allSettled([lost, outbox.abandon()]);
    expect(result.status).toBe("rejected");
    await expect(outbox.append([moved(3)], [])).rejects.toMatchObject({ code: "OUTBOX_FAILED" });
    await expect(outbox.read(1, { countMax: 1, sizeBytesMax: 1 })).rejects.toThrow("abandoned");
    expect(failures).toEqual([]);
    const again = await openOutbox(folder);
    expect((await readAll(again.outbox, 2)).map(serialOf)).toEqual(["S1"]);
    expect(again.outbox.storedState().get("a")).toBe("1");
  });

  test("a crash in the middle of a commit leaves events and state both or neither", async () => {
    const folder = await temporaryFolder();
    let bothCount = 0;
    for (let run = 1; bothCount < 3 && run <= 500; run += 1) {
      const { outbox } = await openOutbox(folder, { settings: { commitDelayMs: 0 } });
      const appended = outbox.append([moved(run)], [{ key: "run", value: String(run) }]);
      appended.catch(() => undefined);
      await delay(run / 5);
      await outbox.abandon();
      const { outbox: after } = await openOutbox(folder);
      const serial = (await readAll(after)).map(serialOf).at(-1);
      expect(serial === `S${run}`).toBe(after.storedState().get("run") === String(run));
      if (serial === `S${run}`) bothCount += 1;
      await after.abandon();
    }
    expect(bothCount).toBe(3);
  });

  test("a restart with 5,000 stored states and nothing new commits nothing", async () => {
    const folder = await temporaryFolder();
    const { outbox } = await openOutbox(folder);
    const state = Array.from({ length: 5000 }, (_, index) => ({
      key: `presence/tag-${index}`,
      value: '{"zone":"s0042/floor"}',
    }));
    await outbox.append([], state);
    await outbox.close();
    const clock = new ManualClock();
    const again = await openOutbox(folder, { clock });
    expect(again.outbox.storedState().size).toBe(5000);
    for (let minute = 0; minute < 4; minute += 1) {
      again.outbox.keepAlive(clock.nowMs());
      clock.advance(60_000);
    }
    expect((await again.outbox.stats()).counters["outbox_commits"]).toBe(0);
  });
});

describe("restart", () => {
  test("the counter, the chain and the acknowledgement go on", async () => {
    const folder = await temporaryFolder();
    const { outbox } = await openOutbox(folder);
    await outbox.append(movedRange(1, 5), []);
    await acknowledge(outbox, 4, 3);
    const before = outbox.position();
    await outbox.close();
    const { outbox: again } = await openOutbox(folder);
    expect(again.started).toBeUndefined();
    expect(again.position()).toEqual(before);
    expect(await again.append([moved(6)], [])).toMatchObject({ firstSequence: 7 });
    expect(await readAll(again)).toHaveLength(7);
  });

  test("the counter is stored: it goes on even when every event is gone", async () => {
    const folder = await temporaryFolder();
    const settings = { retentionMs: 0, retainedShareMax: 0 };
    const { outbox } = await openOutbox(folder, { settings });
    await outbox.append(movedRange(1, 99), []);
    await acknowledge(outbox, 100);
    await outbox.append([], [{ key: "a", value: "1" }]);
    expect(outbox.position()).toMatchObject({ oldestSequence: 101, lastSequence: 100 });
    await outbox.close();
    const { outbox: again } = await openOutbox(folder, { settings });
    expect(await again.append([moved(100)], [])).toMatchObject({ firstSequence: 101 });
    expect((await readAll(again, 101)).map(serialOf)).toEqual(["S100"]);
  });

  test("says how long sensing was alive, and when it was last seen", async () => {
    const folder = await temporaryFolder();
    const clock = new ManualClock();
    const { outbox } = await openOutbox(folder, { clock });
    expect(outbox.lastAliveAtMs).toBeUndefined();
    const aliveAtMs = clock.nowMs() - 500;
    outbox.keepAlive(aliveAtMs);
    clock.advance(299_000);
    outbox.keepAlive(aliveAtMs + 299_000);
    await outbox.abandon();

    const second = (await openOutbox(folder, { clock })).outbox;
    expect(second.lastAliveAtMs).toBeUndefined();
    clock.advance(300_000);
    second.keepAlive(clock.nowMs());
    clock.advance(1);
    await commitCountBecomes(second, 1);
    const writtenAtMs = clock.nowMs() - 1;
    second.keepAlive(clock.nowMs());
    await second.abandon();

    const third = (await openOutbox(folder, { clock })).outbox;
    expect(third.lastAliveAtMs).toBe(writtenAtMs);
    third.keepAlive(writtenAtMs + 70);
    await third.close();
    expect((await openOutbox(folder, { clock })).outbox.lastAliveAtMs).toBe(writtenAtMs + 70);
  });

  test("a clock that has not learned the time does not take back the last known time", async () => {
    const folder = await temporaryFolder();
    const clock = new ManualClock();
    const first = await openOutbox(folder, { clock });
    await first.outbox.close();
    const knownAtMs = clock.nowMs();
    const dead = {
      nowMs: () => 946_684_800_000,
      monotonicMs: () => 5000,
      timer: systemClock.timer,
    };
    const second = await openOutbox(folder, { clock: dead, clockSynced: false });
    expect(second.outbox.lastKnownWallMs).toBe(knownAtMs);
    second.outbox.keepAlive(1);
    await second.outbox.close();
    const third = await openOutbox(folder, { clock: dead, clockSynced: true });
    expect(third.outbox.lastKnownWallMs).toBe(knownAtMs);
    third.outbox.keepAlive(2);
    await third.outbox.close();
    const fourth = await openOutbox(folder, { clock });
    expect(fourth.outbox.lastKnownWallMs).toBe(946_684_800_000);
  });
});

describe("acknowledge", () => {
  test("forward is at once in memory and durable with the next commit", async () => {
    const folder = await temporaryFolder();
    const clock = new ManualClock();
    const { outbox } = await openOutbox(folder, { clock, settings: { commitDelayMs: 0 } });
    const appended = outbox.append(movedRange(1, 9), []);
    clock.advance(0);
    await appended;
    await acknowledge(outbox, 0, 1);
    const commits = (await outbox.stats()).counters["outbox_commits"] ?? 0;
    await acknowledge(outbox, 3);
    await acknowledge(outbox, 6);
    expect(outbox.position()).toMatchObject({ acknowledgedSequence: 6, oldestSequence: 1 });
    expect(outbox.position().acknowledgedDigest).toBe(await outbox.digestAt(6));
    expect((await outbox.stats()).counters["outbox_commits"]).toBe(commits);
    clock.advance(1000);
    await commitCountBecomes(outbox, commits + 1);
    await outbox.abandon();
    expect((await openOutbox(folder)).outbox.position().acknowledgedSequence).toBe(6);
  });

  test("an answer rewinds over retained events, durable at once, and they are sent again", async () => {
    const folder = await temporaryFolder();
    const { outbox } = await openOutbox(folder);
    await outbox.append(movedRange(1, 9), []);
    await acknowledge(outbox, 10, 1);
    expect((await outbox.stats()).waitingCount).toBe(0);
    await acknowledge(outbox, 4, 2);
    await outbox.abandon();
    const { outbox: again } = await openOutbox(folder);
    expect(again.position()).toMatchObject({ acknowledgedSequence: 4, ledgerEpoch: 2 });
    expect((await readAll(again, 5)).map(serialOf)).toEqual(["S4", "S5", "S6", "S7", "S8", "S9"]);
    expect((await again.stats()).waitingCount).toBe(6);
  });

  test("past the end, or by an older ledger, is a mistake of the caller", async () => {
    const { outbox } = await openOutbox(await temporaryFolder());
    await expect(acknowledge(outbox, 2)).rejects.toThrow("past the end");
    await acknowledge(outbox, 1, 5);
    await expect(acknowledge(outbox, 1, 4)).rejects.toThrow("older ledger");
  });
});

describe("setAside", () => {
  test("puts a gap in the place of one event and keeps the chain whole", async () => {
    const folder = await temporaryFolder();
    const { outbox } = await openOutbox(folder);
    await outbox.append(movedRange(1, 3), []);
    await outbox.setAside(3);
    await outbox.setAside(3);
    await outbox.setAside(99);
    const rows = await readAll(outbox, 2);
    expect(rows.map((row) => serialOf(row) ?? row.type)).toEqual(["S1", "gap", "S3"]);
    expect(rows[1]).toMatchObject({ reason: "unreadable", firstSequence: 3, lastSequence: 3 });
    expect((await outbox.stats()).counters["outbox_events_set_aside"]).toBe(1);
    await outbox.append([moved(4)], []);
    expect(await readAll(outbox)).toHaveLength(5);
  });
});

async function commitCountBecomes(outbox: Outbox, count: number): Promise<void> {
  await vi.waitFor(async () => {
    expect((await outbox.stats()).counters["outbox_commits"]).toBe(count);
  });
}
