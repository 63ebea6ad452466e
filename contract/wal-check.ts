// What SQLite does not tell: it takes a -wal as far as its checksums hold and drops the rest in silence. After a power cut
// that rest is the transaction that was not synced yet. Where whole transactions follow the first bad frame, or where the
// -wal is gone although the database was not closed, something that was accepted is lost (format: sqlite.org/fileformat2.html
// section 4).

import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";

/** What of a -wal is lost. */
export interface WalLoss {
  readonly cause: "gone" | "damaged";
  /** Transactions that were committed after the first bad frame; where that can be told. */
  readonly commitCount?: number;
}

const headerBytes = 32;
const frameHeaderBytes = 24;
const sectorBytes = 512;
const indexHeaderBytes = 48;
const mxFrameOffset = 16;
/** A larger one (somebody read for hours) is not looked at: it is read whole. */
const walSizeBytesMax = 256 * 1024 * 1024;

/** Looks at the -wal of a database before it is opened; undefined where nothing that was accepted is lost. */
export async function findWalLoss(file: string): Promise<WalLoss | undefined> {
  const wal = `${file}-wal`;
  // Both are removed when the database is closed; a process that was killed leaves both.
  if (!existsSync(wal)) {
    // Another process may be opening it just now. Where the power goes meanwhile, the -shm stays alone, and empty.
    const hadFrames = await indexHasFrames(`${file}-shm`);
    return hadFrames && !existsSync(wal) ? { cause: "gone" } : undefined;
  }
  const bytes = await readSmall(wal);
  const loss = bytes && walLoss(bytes);
  // Or be writing it: what was read is one state only where it reads the same again.
  return loss && bytes.equals((await readSmall(wal)) ?? Buffer.of()) ? loss : undefined;
}

/** Whether an index of a -wal (sqlite.org/walformat.html section 2.1) says that there were frames: `mxFrame` of either header. */
async function indexHasFrames(shm: string): Promise<boolean> {
  const index = await readFile(shm).catch(() => Buffer.of());
  if (index.length < 2 * indexHeaderBytes) return false;
  // In the byte order of the machine: of a number only whether it is zero counts.
  return [0, indexHeaderBytes].some((at) => index.readUInt32LE(at + mxFrameOffset) > 0);
}

async function readSmall(wal: string): Promise<Buffer | undefined> {
  try {
    return (await stat(wal)).size > walSizeBytesMax ? undefined : await readFile(wal);
  } catch {
    // Closed meanwhile by another process; what else is wrong with it, opening the database tells.
    return undefined;
  }
}

/** The same for the content of a -wal. */
export function walLoss(wal: Buffer): WalLoss | undefined {
  if (wal.length < headerBytes + frameHeaderBytes) return undefined;
  const pageSizeBytes = wal.readUInt32BE(8);
  const isBigEndian = (wal.readUInt32BE(0) & 1) === 1;
  const salts = wal.subarray(16, 24);
  const start = checksum([0, 0], wal.subarray(0, 24), isBigEndian);
  // A header is within one sector and written whole: without it nothing of the file was taken.
  if (!isPair(wal, 24, start)) return { cause: "damaged" };
  const frameBytes = frameHeaderBytes + pageSizeBytes;
  let sum = start;
  let isGood = true;
  let commitCount = 0;
  let isMore = false;
  for (let at = headerBytes; at + frameHeaderBytes <= wal.length; at += frameBytes) {
    const frame = wal.subarray(at, at + frameBytes);
    const isOfThis = frame.subarray(8, 16).equals(salts);
    if (isGood) {
      sum = checksum(sum, frame.subarray(0, 8), isBigEndian);
      sum = checksum(sum, frame.subarray(frameHeaderBytes), isBigEndian);
      isGood = isOfThis && frame.length === frameBytes && isPair(frame, 16, sum);
      if (isGood) continue;
    }
    // Frames of an earlier turn of the file have other salts.
    if (!isOfThis) continue;
    // A transaction begins when the one before it is on the disk: that one was committed, then.
    if (commitCount > 0) isMore = true;
    // A mark in another sector than its salts may be of an earlier turn: a power cut leaves either without the other.
    const isMarkOfThis = (at + 8) % sectorBytes !== 0;
    if (isMarkOfThis && frame.readUInt32BE(4) > 0) commitCount += 1;
  }
  return isMore ? { cause: "damaged", commitCount } : undefined;
}

type Sum = readonly [number, number];

function isPair(bytes: Buffer, offset: number, [first, second]: Sum): boolean {
  return bytes.readUInt32BE(offset) === first && bytes.readUInt32BE(offset + 4) === second;
}

/** SQLite's running checksum over words of 32 bits. */
function checksum([first, second]: Sum, bytes: Buffer, isBigEndian: boolean): Sum {
  let one = first;
  let two = second;
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    const [left, right] = isBigEndian
      ? [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)]
      : [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
    one = (one + left + two) >>> 0;
    two = (two + right + one) >>> 0;
  }
  return [one, two];
}
