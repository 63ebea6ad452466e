// Runs an outbox on a small file system of its own (argument 1), fills that up, frees it again, and
// prints what happened as one JSON line. The parent test checks it.

import { existsSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../drivers/clock.ts";
import { Outbox } from "../../../edge/buffer/outbox.ts";
import { outboxSettingsSchema } from "../../../edge/buffer/settings.ts";
import { moved } from "./draft-kit.ts";

const folder = process.argv[2] ?? "";
const file = join(folder, "outbox.db");
const mib = 1024 * 1024;

const outbox = await Outbox.open({
  file,
  edgeId: "edge-1",
  settings: outboxSettingsSchema.parse({ ballastSizeBytes: 3 * mib, commitDelayMs: 0 }),
  clock: systemClock,
  randomId: () => "0f8fad5b-d9cb-469f-a165-70867728950e",
  stamp: () => ({ bootId: "0f8fad5b-d9cb-469f-a165-70867728950e", uptimeMs: 1, clockSynced: true }),
  onCommit: () => undefined,
  onFailure: (failure) => {
    throw failure;
  },
});

let serial = 0;
let refusedCount = 0;
async function append(count: number): Promise<void> {
  for (let group = 0; group < count / 20; group += 1) {
    const drafts = Array.from({ length: 20 }, () => {
      serial += 1;
      return moved(serial, 600);
    });
    await outbox.append(drafts, []).catch((error: { code: string }) => {
      if (error.code !== "OUTBOX_FULL") throw error;
      refusedCount += 20;
    });
  }
}

await append(1000);
const before = await outbox.stats();
const ballastBefore = existsSync(`${file}.ballast`);

// Somebody else fills the disk to the last block.
const { bavail, bsize } = statfsSync(folder);
writeFileSync(join(folder, "filler"), Buffer.alloc(bavail * bsize));
await append(12_000);
const full = await outbox.stats();
const ballastFull = existsSync(`${file}.ballast`);
const drained = await outbox.read(full.lastSequence - 10, { countMax: 20, sizeBytesMax: mib });
await outbox.acknowledge(full.lastSequence, (await outbox.digestAt(full.lastSequence)) ?? "", 1);

rmSync(join(folder, "filler"));
await append(100);
const after = await outbox.stats();
const ballastAfter = existsSync(`${file}.ballast`);
await outbox.close();

const last = drained.at(-1)?.lastSequence;
const ballast = { before: ballastBefore, full: ballastFull, after: ballastAfter };
process.stdout.write(`${JSON.stringify({ before, full, after, ballast, last, refusedCount })}\n`);
