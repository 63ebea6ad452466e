// The -wal of a real buffer, whole and damaged: a transaction that a power cut tore is no loss, one before it is.

import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { findWalLoss, walLoss } from "../../contract/wal-check.ts";
import { movedRange } from "../edge/buffer/draft-kit.ts";
import { openOutbox, temporaryFolder } from "../edge/buffer/outbox-kit.ts";

const headerBytes = 32;
let folder: string;
let wal: Buffer;
/** Where each transaction of the -wal ends. */
let ends: number[];
beforeEach(async () => {
  folder = await temporaryFolder();
  const { outbox, file } = await openOutbox(folder);
  for (let first = 1; first <= 100; first += 10)
    await outbox.append(movedRange(first, first + 9), []);
  await outbox.flush();
  wal = await readFile(`${file}-wal`);
  const frameBytes = 24 + wal.readUInt32BE(8);
  ends = [];
  for (let at = headerBytes; at < wal.length; at += frameBytes) {
    if (wal.readUInt32BE(at + 4) > 0 && wal.subarray(at + 8, at + 16).equals(wal.subarray(16, 24)))
      ends.push(at + frameBytes);
  }
});

const flipped = (at: number) => {
  const bytes = Buffer.from(wal);
  bytes[at]! ^= 0x40;
  return bytes;
};

test("a whole one, an empty one, none, and one of a process that was killed", async () => {
  expect(ends.length).toBeGreaterThan(5);
  expect(walLoss(wal)).toBeUndefined();
  expect(walLoss(Buffer.alloc(0))).toBeUndefined();
  expect(await findWalLoss(join(folder, "outbox.db"))).toBeUndefined();
  expect(await findWalLoss(join(folder, "other.db"))).toBeUndefined();
});

test("what a power cut tears of the last transaction is no loss: its end, or any of its sectors", () => {
  const sectorBytes = 512;
  const first = Math.ceil(ends.at(-2)! / sectorBytes);
  const last = Math.floor(ends.at(-1)! / sectorBytes) - 1;
  const sectors = fc.uniqueArray(fc.integer({ min: first, max: last }), { minLength: 1 });
  fc.assert(
    fc.property(sectors, (torn) => {
      const bytes = Buffer.from(wal);
      for (const sector of torn) bytes.fill(0, sector * sectorBytes, (sector + 1) * sectorBytes);
      expect(walLoss(bytes)).toBeUndefined();
      expect(walLoss(wal.subarray(0, torn[0]! * sectorBytes))).toBeUndefined();
    }),
  );
});

test("of a header in two sectors a power cut may leave the mark of an earlier turn: that is no loss", async () => {
  const { outbox, file } = await openOutbox(await temporaryFolder());
  await outbox.append(movedRange(1, 400), []);
  const bytes = await readFile(`${file}-wal`);
  const frameBytes = 24 + bytes.readUInt32BE(8);
  let at = headerBytes;
  while ((at + 8) % 512 !== 0) at += frameBytes;
  expect(bytes.length).toBeGreaterThan(at + 2 * frameBytes);
  bytes.fill(0, at - 1024, at - 512);
  bytes.writeUInt32BE(50, at + 4);
  expect(walLoss(bytes)).toBeUndefined();
  // In one sector it is a commit that something followed.
  bytes.writeUInt32BE(50, at - frameBytes + 4);
  expect(walLoss(bytes)).toEqual({ cause: "damaged", commitCount: 2 });
});

test("a bit of a transaction before it is a loss, and what followed is counted", () => {
  fc.assert(
    fc.property(fc.integer({ min: headerBytes, max: ends.at(-3)! - 1 }), (at) => {
      const lost = ends.filter((end) => end > at).length;
      const loss = walLoss(flipped(at));
      expect(loss).toMatchObject({ cause: "damaged" });
      // The frame itself may not be known as one of this file any more.
      expect(Math.abs(lost - (loss?.commitCount ?? 0))).toBeLessThanOrEqual(1);
    }),
  );
});

test("a header that is none, and a -wal that is gone while its index is there", async () => {
  expect(walLoss(flipped(25))).toEqual({ cause: "damaged" });
  const copy = join(await temporaryFolder(), "outbox.db");
  for (const suffix of ["", "-shm"])
    await copyFile(join(folder, `outbox.db${suffix}`), copy + suffix);
  expect(await findWalLoss(copy)).toEqual({ cause: "gone" });
  // As it is before the first frame.
  await writeFile(`${copy}-shm`, Buffer.alloc(32_768));
  expect(await findWalLoss(copy)).toBeUndefined();
  await rm(`${copy}-shm`);
  expect(await findWalLoss(copy)).toBeUndefined();
});
