// What a card does to a file in the course of years, by a seeded chance.

import { open, readFile, rm, stat, truncate } from "node:fs/promises";

/** Damages a file in place. */
export type Damage = (file: string, random: () => number) => Promise<void>;

async function overwrite(file: string, offset: number, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, "r+");
  await handle.write(bytes, 0, bytes.length, offset);
  await handle.close();
}

/** Every kind, by its name. */
export const damages: Record<string, Damage> = {
  "a bit": async (file, random) => {
    const bytes = await readFile(file);
    const at = Math.floor(random() * bytes.length);
    await overwrite(file, at, Uint8Array.of(bytes[at]! ^ (1 << Math.floor(random() * 8))));
  },
  "a hundred bits": async (file, random) => {
    for (let count = 0; count < 100; count += 1) await damages["a bit"]!(file, random);
  },
  "a page of garbage": async (file, random) => {
    const { size } = await stat(file);
    const page = Uint8Array.from({ length: 4096 }, () => Math.floor(random() * 256));
    await overwrite(file, 4096 * Math.floor(random() * Math.ceil(size / 4096)), page);
  },
  "a page of zeros": async (file, random) => {
    const { size } = await stat(file);
    await overwrite(file, 4096 * Math.floor(random() * (size / 4096)), new Uint8Array(4096));
  },
  "cut short": async (file, random) => {
    await truncate(file, Math.floor(random() * (await stat(file)).size));
  },
  gone: async (file) => rm(file),
};
