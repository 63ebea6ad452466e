// Appends transactions to the outbox file of argument 1, as many as argument 2 says, and writes each accepted sequence to
// standard output. What it does to its files is recorded from outside.

import { writeSync } from "node:fs";
import { moved } from "../edge/buffer/draft-kit.ts";
import { openPlainOutbox } from "../edge/buffer/plain-outbox.ts";

const outbox = await openPlainOutbox(process.argv[2] ?? "", { commitDelayMs: 0 });
writeSync(1, `accepted ${outbox.position().lastSequence}\n`);
for (let turn = 1; turn <= Number(process.argv[3]); turn += 1) {
  const state = [{ key: "turn", value: String(turn) }];
  const { lastSequence } = await outbox.append([moved(turn)], state);
  writeSync(1, `accepted ${lastSequence}\n`);
}
process.exit(0);
