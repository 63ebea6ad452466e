// A small file that is replaced as a whole: a power cut leaves the old one or the new one.

import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes a file in one step; it outlives a power cut once this resolves. */
export async function writeKeptFile(file: string, text: string, mode = 0o666): Promise<void> {
  const next = await open(`${file}.new`, "w", mode);
  try {
    await next.writeFile(text);
    await next.sync();
  } finally {
    await next.close();
  }
  await rename(`${file}.new`, file);
  await syncFolder(dirname(file));
}

/** Brings the names of a folder's files to the disk. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
