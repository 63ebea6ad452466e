// What a disk may have of a process's files when the power goes: everything that was synced, and of the rest nothing, some
// writes, or some sectors. Names of files (created, renamed, removed) are taken to be on the disk at once, as a journalling
// file system has them in order.

import { createHash } from "node:crypto";
import type { FileOperation } from "./file-operations.ts";

/** What is left of writes that were not synced when the power goes. */
export type PowerLoss = "nothing" | "some writes" | "some sectors";

const sectorBytes = 512;

/** The files as the disk has them when the power goes after the first `count` operations. */
export function filesAfter(
  operations: readonly FileOperation[],
  count: number,
  loss: PowerLoss,
  random: () => number,
): Map<string, Buffer> {
  const disk = new PowerDisk();
  for (const operation of operations.slice(0, count)) disk.take(operation);
  disk.cut(loss, random);
  return disk.files();
}

/** A disk that goes from operation to operation; at each the power can be cut, and given back as if it had not been. */
export class PowerDisk {
  readonly #files = new Map<string, Content>();
  /** Not synced yet. */
  readonly #waiting = new Map<string, FileOperation[]>();
  /** Counts what changed the files for good. */
  #turn = 0;

  /** The next operation. */
  take(operation: FileOperation): void {
    if (operation.kind === "accepted") return;
    const { kind, file } = operation;
    const waiting = this.#waiting.get(file);
    if (kind === "sync") {
      for (const each of waiting ?? []) this.#files.get(file)?.apply(each);
      this.#waiting.delete(file);
      if (waiting !== undefined) this.#turn += 1;
    } else if (kind === "remove" || kind === "rename") {
      if (kind === "rename") {
        this.#files.set(operation.to, this.#files.get(file) ?? new Content());
        this.#waiting.set(operation.to, waiting ?? []);
      }
      this.#files.delete(file);
      this.#waiting.delete(file);
      this.#turn += 1;
    } else {
      if (!this.#files.has(file)) {
        this.#files.set(file, new Content());
        this.#turn += 1;
      }
      if (waiting === undefined) this.#waiting.set(file, [operation]);
      else waiting.push(operation);
    }
  }

  /** The power goes: `files` are what is left until `restore`. The same name is given to the same files. */
  cut(loss: PowerLoss, random: () => number): string {
    const hash = createHash("sha256");
    for (const [file, operations] of this.#waiting) {
      const kept = keptOf(operations, loss, random);
      const content = this.#files.get(file);
      for (const operation of kept) content?.apply(operation, true);
      hash.update(`${file}\n`);
      content?.nameChange(hash);
    }
    return `${this.#turn} ${hash.digest("hex")}`;
  }

  /** Takes back what `cut` did. */
  restore(): void {
    for (const file of this.#waiting.keys()) this.#files.get(file)?.restore();
  }

  /** What stands in the files, until the disk changes. */
  files(): Map<string, Buffer> {
    return new Map([...this.#files].map(([file, content]) => [file, content.bytes()]));
  }
}

function keptOf(
  operations: readonly FileOperation[],
  loss: PowerLoss,
  random: () => number,
): readonly FileOperation[] {
  if (loss === "nothing") return [];
  if (loss === "some sectors") return operations.flatMap((one) => torn(one, random));
  return operations.filter(() => random() < 0.5);
}

/** Of a write those sectors that chance lets through. */
function torn(operation: FileOperation, random: () => number): FileOperation[] {
  if (operation.kind !== "write") return random() < 0.5 ? [operation] : [];
  const { file, offset, bytes } = operation;
  const parts: FileOperation[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + sectorBytes - ((offset + at) % sectorBytes));
    if (random() < 0.5) {
      parts.push({ kind: "write", file, offset: offset + at, bytes: bytes.subarray(at, end) });
    }
    at = end;
  }
  return parts;
}

/** The content of a file, which grows in place and can go back to what it was. */
class Content {
  /** Beyond the size all is zero. */
  #buffer = Buffer.alloc(4096);
  #size = 0;
  #sizeBefore: number | undefined;
  /** Sectors as they were, by number. */
  readonly #before = new Map<number, Buffer>();

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }

  /** `isForNow`: until `restore`. */
  apply(operation: FileOperation, isForNow = false): void {
    if (operation.kind === "truncate") {
      const end = Math.max(this.#size, operation.size);
      this.#reserve(end);
      if (isForNow) this.#keep(operation.size, end);
      this.#buffer.fill(0, operation.size);
      this.#size = operation.size;
    } else if (operation.kind === "write") {
      const end = operation.offset + operation.bytes.length;
      this.#reserve(end);
      if (isForNow) this.#keep(operation.offset, end);
      this.#buffer.set(operation.bytes, operation.offset);
      this.#size = Math.max(this.#size, end);
    }
  }

  /** Feeds a hash with what is not as it was. */
  nameChange(hash: ReturnType<typeof createHash>): void {
    hash.update(`${this.#size}\n`);
    for (const [sector, before] of [...this.#before].toSorted(([one], [other]) => one - other)) {
      const now = this.#sector(sector);
      if (!now.equals(before)) hash.update(`${sector}\n`).update(now);
    }
  }

  restore(): void {
    for (const [sector, before] of this.#before) this.#sector(sector).set(before);
    this.#before.clear();
    this.#size = this.#sizeBefore ?? this.#size;
    this.#sizeBefore = undefined;
  }

  #keep(start: number, end: number): void {
    this.#sizeBefore ??= this.#size;
    for (let at = Math.floor(start / sectorBytes); at * sectorBytes < end; at += 1) {
      if (!this.#before.has(at)) this.#before.set(at, Buffer.from(this.#sector(at)));
    }
  }

  #sector(number: number): Buffer {
    return this.#buffer.subarray(number * sectorBytes, (number + 1) * sectorBytes);
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    // Whole sectors.
    const grown = Buffer.alloc(2 * sectorBytes * Math.ceil(size / sectorBytes));
    this.#buffer.copy(grown);
    this.#buffer = grown;
  }
}
