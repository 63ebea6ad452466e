// A file that only takes up room. On a full disk SQLite cannot even delete; deleting this file first
// gives it the room to go on.

import { open, rm, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";

const chunkSizeBytes = 1024 * 1024;

/** The ballast beside an outbox file. */
export class Ballast {
  readonly #file: string;
  readonly #sizeBytes: number;

  constructor(outboxFile: string, sizeBytes: number) {
    this.#file = `${outboxFile}.ballast`;
    this.#sizeBytes = sizeBytes;
  }

  /** Makes it where it is missing and the disk has room for it twice; resolves to whether it is there. */
  async ensure(): Promise<boolean> {
    if (await this.#exists()) return true;
    const { bavail, bsize } = await statfs(dirname(this.#file));
    if (bavail * bsize < 2 * this.#sizeBytes + chunkSizeBytes) return false;
    if (this.#sizeBytes === 0) return true;
    try {
      await this.#create();
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      await this.drop();
      return false;
    }
  }

  /** Deletes it; resolves to whether there was one. */
  async drop(): Promise<boolean> {
    const existed = (await sizeOf(this.#file)) > 0;
    await rm(this.#file, { force: true });
    return existed;
  }

  async #exists(): Promise<boolean> {
    return this.#sizeBytes > 0 && (await sizeOf(this.#file)) === this.#sizeBytes;
  }

  // Written out, because a sparse file takes up no room.
  async #create(): Promise<void> {
    const handle = await open(this.#file, "w");
    try {
      const chunk = Buffer.alloc(chunkSizeBytes, "ballast ");
      for (let offset = 0; offset < this.#sizeBytes; offset += chunkSizeBytes) {
        const length = Math.min(chunkSizeBytes, this.#sizeBytes - offset);
        await handle.write(chunk, 0, length, offset);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}
