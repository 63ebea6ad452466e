// Posts batches to the ledger of argument 1, as many as argument 2 says, and writes each sequence that the ledger has
// answered for to standard output. What it does to its files is recorded from outside.

import { writeSync } from "node:fs";
import { SqliteLedger } from "../../cloud-bridge/ledger/sqlite-ledger.ts";
import { startAtMs } from "../cloud-bridge/ledger/fake-edge.ts";
import { receiptsBatch } from "./power-subjects.ts";

const ledger = await SqliteLedger.open({ path: process.argv[2] ?? "", nowMs: startAtMs });
writeSync(1, "accepted 0\n");
for (let turn = 1; turn <= Number(process.argv[3]); turn += 1) {
  const [committed] = await ledger.post([receiptsBatch(turn)], startAtMs + turn);
  writeSync(1, `accepted ${committed!.answer.throughSequence}\n`);
}
process.exit(0);
