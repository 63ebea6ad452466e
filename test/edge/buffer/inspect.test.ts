import { join } from "node:path";
import { expect, test } from "vitest";
import { inspectOutbox } from "../../../edge/buffer/inspect.ts";
import { movedRange } from "./draft-kit.ts";
import { acknowledge, openOutbox, temporaryFolder } from "./outbox-kit.ts";

test("says what waits and since when, while the outbox is in use and after", async () => {
  const { outbox, file } = await openOutbox(await temporaryFolder());
  await outbox.append(movedRange(1, 9), []);
  await acknowledge(outbox, 4);
  await outbox.flush();
  const facts = await inspectOutbox(file);
  expect(facts).toMatchObject({
    outboxId: outbox.position().outboxId,
    lastSequence: 10,
    acknowledgedSequence: 4,
    waitingCount: 6,
    oldestWaitingAtMs: 1_763_888_000_004,
  });
  await outbox.append(movedRange(10, 11), []);
  await outbox.close();
  expect(await inspectOutbox(file)).toMatchObject({ waitingCount: 8 });
});

test("a folder without an outbox is a clear error", async () => {
  const file = join(await temporaryFolder(), "outbox.db");
  await expect(inspectOutbox(file)).rejects.toMatchObject({
    code: "OUTBOX_FAILED",
    message: expect.stringContaining(file),
  });
});
