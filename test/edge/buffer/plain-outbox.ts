// An outbox for programs that run beside the tests: nothing of the test runner is needed.

import { randomUUID } from "node:crypto";
import { systemClock } from "../../../drivers/clock.ts";
import { Outbox, type OutboxOptions } from "../../../edge/buffer/outbox.ts";
import { outboxSettingsSchema } from "../../../edge/buffer/settings.ts";

/** Opens a file without a ballast; a failure is thrown. */
export async function openPlainOutbox(
  file: string,
  settings: { commitDelayMs?: number } = {},
  more: Partial<OutboxOptions> = {},
): Promise<Outbox> {
  return await Outbox.open({
    ...{ file, edgeId: "edge-1", clock: systemClock, randomId: randomUUID },
    settings: outboxSettingsSchema.parse({ ballastSizeBytes: 0, ...settings }),
    stamp: () => ({ bootId: randomUUID(), uptimeMs: 1, clockSynced: true }),
    onCommit: () => undefined,
    onFailure: (failure) => {
      throw failure;
    },
    ...more,
  });
}
