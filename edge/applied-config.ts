// What an edge keeps of configurations that were sent to it: one small file that is replaced as a whole, so that a power
// cut leaves the state before a change or the one after it, never a part.

import { hash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { runningConfigSchema } from "../contract/delivery.ts";
import { digestSchema, idSchema } from "../contract/units.ts";
import { writeKeptFile } from "./kept-file.ts";

/** A configuration as it was sent. */
const sentConfigSchema = z
  .strictObject({ text: z.string(), digest: digestSchema })
  .refine(({ text, digest }) => configDigestOf(text) === digest, "the text is damaged");
export type SentConfig = z.infer<typeof sentConfigSchema>;

const appliedConfigSchema = z.strictObject({
  /** Of the `--config` file when the last one was sent: once that file is another one, it goes first. */
  givenDigest: digestSchema,
  /** Did well, and is what a failed trial returns to; absent while that is the `--config` file. */
  good: sentConfigSchema.optional(),
  trial: z
    .strictObject({
      sent: sentConfigSchema,
      /** Starts with it. A second one means that the first did not end well. */
      startCount: z.int().min(0),
      /** Devices that were up when it was sent; those that it still has must come up again. */
      upDeviceIds: z.array(idSchema),
    })
    .optional(),
  returned: runningConfigSchema.shape.returned.unwrap().extend({ isTold: z.boolean() }).optional(),
});
export type AppliedConfig = z.infer<typeof appliedConfigSchema>;

/** Names a configuration: what `sha256sum` says of its file. */
export function configDigestOf(text: string): string {
  return hash("sha256", text);
}

/** The file in the data folder. */
export class AppliedConfigFile {
  readonly path: string;

  constructor(dataDir: string) {
    this.path = join(dataDir, "applied-config.json");
  }

  /** Undefined where nothing was ever sent; rejects for a damaged file. */
  async read(): Promise<AppliedConfig | undefined> {
    try {
      return appliedConfigSchema.parse(JSON.parse(await readFile(this.path, "utf8")));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** It outlives a power cut once this resolves. */
  async write(applied: AppliedConfig): Promise<void> {
    await writeKeptFile(this.path, JSON.stringify(applied), 0o600);
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
