// The highest counter of a signed command that was taken, for each key: on disk before the command is carried out, so that
// none is carried out twice, whatever happens in between.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import { writeKeptFile } from "./kept-file.ts";

const countersSchema = z.record(z.string(), z.int().min(1));

/** Counters in the data folder. */
export class CommandCounters {
  readonly #file: string;

  constructor(dataDir: string) {
    this.#file = join(dataDir, "command-counters.json");
  }

  /** The last counter taken under a key, 0 before the first. COMMAND_COUNTER_FAILED where that cannot be known. */
  async last(keyId: string): Promise<number> {
    return (await this.#read())[keyId] ?? 0;
  }

  /** Keeps a counter; it outlives a power cut once this resolves. COMMAND_COUNTER_FAILED where it may not. */
  async keep(keyId: string, counter: number): Promise<void> {
    const counters = { ...(await this.#read()), [keyId]: counter };
    try {
      await writeKeptFile(this.#file, JSON.stringify(counters), 0o600);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async #read(): Promise<Record<string, number>> {
    try {
      return countersSchema.parse(JSON.parse(await readFile(this.#file, "utf8")));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
      throw this.#failed(error);
    }
  }

  #failed(cause: unknown): GatewayError {
    const message = `${this.#file}: ${errorMessageOf(cause)}`;
    return new GatewayError("COMMAND_COUNTER_FAILED", message, { cause });
  }
}
