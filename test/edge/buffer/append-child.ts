// Appends to the outbox file of argument 1 without end and prints each accepted range as a line,
// written at once. The parent kills it at any moment.

import { randomUUID } from "node:crypto";
import { writeSync } from "node:fs";
import { moved } from "./draft-kit.ts";
import { openPlainOutbox } from "./plain-outbox.ts";

const outbox = await openPlainOutbox(process.argv[2] ?? "", { commitDelayMs: 2 });
writeSync(1, `start ${outbox.position().outboxId} ${outbox.position().lastSequence}\n`);

async function appendForEver(writer: number): Promise<never> {
  for (let turn = 0; ; turn += 1) {
    const drafts = Array.from({ length: 1 + (turn % 3) }, () => moved(randomUUID().slice(0, 8)));
    const state = [{ key: `writer-${writer}`, value: JSON.stringify(drafts.length) }];
    const { firstSequence, lastSequence } = await outbox.append(drafts, state);
    writeSync(1, `${firstSequence} ${lastSequence}\n`);
  }
}

await Promise.all([1, 2, 3, 4].map(appendForEver));
