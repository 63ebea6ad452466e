// A buffer in which a busy store's events of three days wait.

import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { systemClock } from "../../drivers/clock.ts";
import { Outbox } from "../../edge/buffer/outbox.ts";
import { type OutboxSettings, outboxSettingsSchema } from "../../edge/buffer/settings.ts";
import { StoreTrade } from "../../simulators/fleet/store-trade.ts";
import { seededRandom } from "../../simulators/random.ts";

const outageMs = 72 * 3_600_000;
const appendCount = 500;

/** Fills a file until its last event is the `eventCount`th. */
export async function fillBuffer(
  file: string,
  { storeId, edgeId }: { readonly storeId: string; readonly edgeId: string },
  eventCount: number,
  settings: Partial<OutboxSettings>,
): Promise<void> {
  await mkdir(dirname(file));
  const bootId = randomUUID();
  const stamp = () => ({ bootId, uptimeMs: 1, clockSynced: true });
  const outbox = await Outbox.open({
    ...{ file, edgeId, clock: systemClock, randomId: randomUUID, stamp, synchronous: "OFF" },
    settings: outboxSettingsSchema.parse({ ...settings, commitDelayMs: 0 }),
    onCommit: () => undefined,
    onFailure: (error) => {
      throw error;
    },
  });
  const trade = new StoreTrade(storeId, 300, seededRandom(1));
  const fromMs = Date.now() - outageMs;
  // The first event of an outbox is its own.
  for (let done = outbox.position().lastSequence; done < eventCount; ) {
    const count = Math.min(appendCount, eventCount - done);
    const drafts = Array.from({ length: count }, (_, at) => ({
      ...trade.next(Math.floor(fromMs + ((done + at) * outageMs) / eventCount)),
      ...stamp(),
    }));
    done = (await outbox.append(drafts, [])).lastSequence;
  }
  await outbox.close();
}
