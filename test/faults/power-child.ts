// Appends transactions to the outbox file of argument 1, as many as argument 2 says, and writes each accepted sequence to
// standard output. What it does to its files is recorded from outside.

import { randomUUID } from "node:crypto";
import { writeSync } from "node:fs";
import { systemClock } from "../../drivers/clock.ts";
import { Outbox } from "../../edge/buffer/outbox.ts";
import { outboxSettingsSchema } from "../../edge/buffer/settings.ts";
import { moved } from "../edge/buffer/draft-kit.ts";

const outbox = await Outbox.open({
  file: process.argv[2] ?? "",
  edgeId: "edge-1",
  settings: outboxSettingsSchema.parse({ ballastSizeBytes: 0, commitDelayMs: 0 }),
  clock: systemClock,
  randomId: randomUUID,
  stamp: () => ({ bootId: randomUUID(), uptimeMs: 1, clockSynced: true }),
  onCommit: () => undefined,
  onFailure: (failure) => {
    throw failure;
  },
});
writeSync(1, `accepted ${outbox.position().lastSequence}\n`);
for (let turn = 1; turn <= Number(process.argv[3]); turn += 1) {
  const state = [{ key: "turn", value: String(turn) }];
  const { lastSequence } = await outbox.append([moved(turn)], state);
  writeSync(1, `accepted ${lastSequence}\n`);
}
process.exit(0);
