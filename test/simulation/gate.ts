// One SQLite operation of the whole world at a time, in the order they were asked for, so that a run
// depends on its seed alone; and the place where processes die.

import { setImmediate } from "node:timers/promises";

/** Wraps an operation on a file. */
export type Gate = <T>(operation: () => Promise<T>) => Promise<T>;

/** Called around each operation of a process; what they throw the operation rejects with. */
export interface Fate {
  readonly before: () => Promise<void>;
  readonly after: () => void;
}

/** The gate of one world. */
export class WorldGate {
  #pendingCount = 0;
  #operationCount = 0;
  #tail: Promise<unknown> = Promise.resolve();

  /** Operations so far. */
  get operationCount(): number {
    return this.#operationCount;
  }

  /** The gate of one process. */
  for({ before, after }: Fate): Gate {
    return (operation) => {
      const result = this.#tail.then(async () => {
        this.#operationCount += 1;
        await before();
        const value = await operation();
        after();
        return value;
      });
      this.#tail = this.watch(result).catch(() => undefined);
      return result;
    };
  }

  /** Counts asynchronous work of any kind as not yet idle. */
  watch<T>(work: Promise<T>): Promise<T> {
    this.#pendingCount += 1;
    return work.finally(() => {
      this.#pendingCount -= 1;
    });
  }

  /** Waits until nothing is under way and nobody reacts to anything any more. */
  async idle(): Promise<void> {
    for (;;) {
      await setImmediate();
      if (this.#pendingCount > 0) await this.#tail;
      else if (!touchesFiles()) return;
    }
  }
}

/** A file that several processes write to: one transaction after the other, as its lock has it. */
export class FileLock {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(transaction: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(transaction);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

const fileRequests = new Set(["FSReqPromise", "FSReqCallback", "CloseReq"]);

/** Whether plain file operations, which pass no gate (ballast, identity), are under way. */
function touchesFiles(): boolean {
  return process.getActiveResourcesInfo().some((name) => fileRequests.has(name));
}
