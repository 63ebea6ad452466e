// Buffers of edges held against what a ledger says that it has of them. The buffers are real files of a real outbox.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { bufferText, compareBuffer, openEdgeBuffer } from "../../cloud-bridge/edge-buffer.ts";
import type { OutboxStanding } from "../../cloud-bridge/ledger/types.ts";
import { movedRange } from "../edge/buffer/draft-kit.ts";
import { acknowledge, openOutbox, temporaryFolder } from "../edge/buffer/outbox-kit.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** An outbox of ten events, four of which were acknowledged. */
async function filled() {
  const { outbox, file } = await openOutbox(await temporaryFolder());
  await outbox.append(movedRange(1, 9), []);
  await acknowledge(outbox, 4);
  await outbox.flush();
  const { outboxId } = outbox.position();
  const standing = async (throughSequence: number, change: Partial<OutboxStanding> = {}) => ({
    ...{ storeId: "s0042", edgeId: "edge-1", outboxId, throughSequence, frozen: false },
    throughDigest: (await outbox.digestAt(throughSequence)) ?? "",
    ...{ completeThroughAtMs: 0, ...change },
  });
  const buffer = await openEdgeBuffer(file);
  closers.push(buffer.close);
  return { buffer, standing, file };
}

test.each([4, 7, 10])(
  "a ledger that has events through %i lacks nothing: the rest waits",
  async (through) => {
    const { buffer, standing } = await filled();
    const report = await compareBuffer(buffer, [await standing(through)]);
    const counts = { acceptedCount: 10, postedCount: through, waitingCount: 10 - through };
    expect(report).toMatchObject({ ok: true, ...counts, problems: [] });
    expect(bufferText("outbox.db", report)).toContain(`10 accepted, ${through} in the ledger`);
  },
);

test.each<[string, number, Partial<OutboxStanding>, string]>([
  ["fewer than the edge was told", 2, {}, "told that the ledger has events through 4"],
  ["another history", 7, { throughDigest: "0".repeat(64) }, "event 7 or one before it differs"],
  ["more than the buffer gave out", 12, {}, "it was set back"],
  ["a frozen outbox", 7, { frozen: true }, "has frozen this outbox"],
])("a ledger that has %s is told", async (_, through, change, problem) => {
  const { buffer, standing } = await filled();
  const report = await compareBuffer(buffer, [await standing(through, change)]);
  expect(report.ok).toBe(false);
  expect(report.problems.join()).toContain(problem);
});

test("an outbox that the ledger does not know is waiting where nothing was acknowledged, and wrong where it was", async () => {
  const { buffer } = await filled();
  expect((await compareBuffer(buffer, [])).ok).toBe(false);
  const { outbox, file } = await openOutbox(await temporaryFolder());
  await outbox.append(movedRange(1, 3), []);
  await outbox.flush();
  const fresh = await openEdgeBuffer(file);
  closers.push(fresh.close);
  const { acceptedCount } = await compareBuffer(fresh, []);
  expect(await compareBuffer(fresh, [])).toMatchObject({ ok: true, waitingCount: acceptedCount });
});

test("what a renewed outbox left behind must be in the ledger, and what was lost is told", async () => {
  const { outbox, file } = await openOutbox(await temporaryFolder());
  await outbox.append(movedRange(1, 9), []);
  const first = outbox.position().outboxId;
  await outbox.renew("diverged", 4);
  await outbox.renew("diverged", 3);
  await outbox.flush();
  const buffer = await openEdgeBuffer(file);
  closers.push(buffer.close);
  const second = buffer.predecessors[1]!.outboxId;
  const at = (outboxId: string, throughSequence: number): OutboxStanding => ({
    ...{ storeId: "s0042", edgeId: "edge-1", outboxId, throughSequence, frozen: true },
    ...{ throughDigest: "0".repeat(64), completeThroughAtMs: 0 },
  });
  expect(await compareBuffer(buffer, [at(first, 4), at(second, 3)])).toMatchObject({ ok: true });
  const lacking = await compareBuffer(buffer, [at(first, 2), at(second, 3)]);
  expect(lacking.problems).toEqual([
    `events 3 to 4 of the outbox before, ${first}, are neither in the ledger nor here`,
  ]);
  expect((await compareBuffer(buffer, [at(first, 4)])).problems.join()).toContain("events 1 to 3");
});

test("a file that is none is refused with its name", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "outbox.db");
  await expect(openEdgeBuffer(file)).rejects.toMatchObject({ code: "CONFIG_UNREADABLE" });
  await writeFile(file, "no database");
  await expect(openEdgeBuffer(file)).rejects.toThrow(`${file} is no buffer of an edge`);
});
