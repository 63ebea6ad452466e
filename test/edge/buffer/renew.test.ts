import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { genesisDigest } from "../../../contract/digest.ts";
import { moved, movedRange } from "./draft-kit.ts";
import { acknowledge, openOutbox, readAll, serialOf, temporaryFolder } from "./outbox-kit.ts";

const limits = { countMax: 500, sizeBytesMax: 256 * 1024 };

test("a new outbox begins with its start, then the events the ledger lacks, renumbered", async () => {
  const folder = await temporaryFolder();
  const { outbox, file, committed } = await openOutbox(folder);
  await outbox.append(movedRange(1, 1200), [{ key: "a", value: "1" }]);
  await acknowledge(outbox, 700, 4);
  const previousOutboxId = outbox.position().outboxId;
  await outbox.renew("diverged", 700);

  const { outboxId, ...position } = outbox.position();
  expect(outboxId).not.toBe(previousOutboxId);
  expect(position).toMatchObject({
    lastSequence: 502,
    acknowledgedSequence: 0,
    acknowledgedDigest: genesisDigest(outboxId),
    oldestSequence: 1,
    ledgerEpoch: 4,
  });
  expect(committed.at(-1)).toEqual({ outboxId, firstSequence: 1, lastSequence: 502 });
  const [first, ...events] = await readAll(outbox, 1, limits);
  expect(first).toMatchObject({
    code: "outbox_started",
    detail: { reason: "diverged", previousOutboxId, lastKnownSequence: 1201, lostCount: 0 },
  });
  expect(events.map(serialOf)).toEqual(
    movedRange(700, 1200).map((draft) => serialOf(draft as never)),
  );
  expect(events[0]).toMatchObject({ sequence: 2, evidence: { raw: "e".repeat(120) } });
  expect(JSON.parse(await readFile(`${file}.identity.json`, "utf8"))).toMatchObject({ outboxId });

  await outbox.append([moved(1201)], []);
  await outbox.close();
  const { outbox: again } = await openOutbox(folder);
  expect(again.position().outboxId).toBe(outboxId);
  expect(again.storedState().get("a")).toBe("1");
  expect((await readAll(again, 503)).map(serialOf)).toEqual(["S1201"]);
});

test("when nothing is common, all but the old start moves", async () => {
  const { outbox } = await openOutbox(await temporaryFolder());
  await outbox.append(movedRange(1, 3), []);
  await outbox.renew("diverged", 0);
  const events = await readAll(outbox);
  expect(events.map(serialOf)).toEqual([undefined, "S1", "S2", "S3"]);
});

test("when all is common, only the start remains, and the counter begins anew", async () => {
  const { outbox } = await openOutbox(await temporaryFolder());
  await outbox.append(movedRange(1, 3), []);
  await outbox.renew("diverged", 4);
  expect(outbox.position()).toMatchObject({ lastSequence: 1, oldestSequence: 1 });
  expect(await outbox.append([moved(4)], [])).toMatchObject({ firstSequence: 2 });
});

test("what was lost before, what was set aside and what rotted moves as what it is", async () => {
  const settings = { sizeBytesMax: 512 * 1024 };
  const { outbox } = await openOutbox(await temporaryFolder(), { settings });
  for (let serial = 1; serial <= 2000; serial += 50) {
    await outbox.append(movedRange(serial, serial + 49, 0), []);
  }
  const { overflowedCount } = await outbox.stats();
  expect(overflowedCount).toBeGreaterThan(0);
  await outbox.setAside(1990);
  await outbox.renew("diverged", 1);
  const events = await readAll(outbox, 1, limits);
  expect(events[0]).toMatchObject({ detail: { lostCount: overflowedCount - 1 } });
  expect(events).toHaveLength(2001 - overflowedCount + 1);
  const gaps = events.filter((event) => event.type === "gap");
  expect(gaps).toMatchObject([{ reason: "unreadable", firstSequence: 1990 - overflowedCount + 1 }]);
  expect(events.map(serialOf).at(-1)).toBe("S2000");
});

test("a crash in the middle leaves the old outbox or the new one, whole", async () => {
  const seen = new Set<boolean>();
  for (let run = 0; run < 12; run += 1) {
    const folder = await temporaryFolder();
    const { outbox } = await openOutbox(folder);
    await outbox.append(movedRange(1, 1500), []);
    const { outboxId } = outbox.position();
    const renewed = outbox.renew("diverged", 100).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, run * 8));
    await outbox.abandon();
    await renewed;
    const { outbox: again } = await openOutbox(folder);
    const isOld = again.position().outboxId === outboxId;
    seen.add(isOld);
    expect(await readAll(again, 1, limits)).toHaveLength(isOld ? 1501 : 1402);
    await again.abandon();
  }
  expect(seen.has(true)).toBe(true);
});
