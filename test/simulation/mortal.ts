// A process that can die: at once, before one of its operations on disk, or after that was done and
// before anybody heard of it. Death is final; the next process is another one.

import { setImmediate } from "node:timers/promises";
import type { Gate, WorldGate } from "./gate.ts";

/** One process of the simulation. */
export class Mortal {
  readonly #gate: WorldGate;
  #isAlive = true;
  /** Operations until death; Infinity while none is planned. */
  #operationsLeft = Number.POSITIVE_INFINITY;
  #diesAfterOperation = false;
  #bury: () => Promise<void> | undefined = () => undefined;
  #buried: Promise<void> = Promise.resolve();

  constructor(gate: WorldGate) {
    this.#gate = gate;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Resolves when the dead process has let go of its files. */
  get buried(): Promise<void> {
    return this.#buried;
  }

  /** What death does: stop clocks, cut lines, drop files as a crash would. */
  onDeath(bury: () => Promise<void> | undefined): void {
    this.#bury = bury;
  }

  /** Takes back what was planned. */
  spare(): void {
    this.#operationsLeft = Number.POSITIVE_INFINITY;
  }

  /** Dies now (0), or with the operation that is so many further on. */
  dieWith(operationCount: number, isAfterOperation: boolean): void {
    if (!this.#isAlive) return;
    this.#diesAfterOperation = isAfterOperation;
    if (operationCount === 0) this.#die();
    else this.#operationsLeft = operationCount;
  }

  /** The gate of this process's files. */
  gate(died: () => Error): Gate {
    return this.#gate.for({
      before: async () => {
        this.#operationsLeft -= 1;
        if (this.#operationsLeft !== 0 || this.#diesAfterOperation) return;
        // The disk takes its time: whoever does not wait for it has gone on meanwhile.
        await setImmediate();
        this.#die(died);
      },
      after: () => {
        if (this.#operationsLeft === 0 && this.#diesAfterOperation) this.#die(died);
      },
    });
  }

  #die(died?: () => Error): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    const burial = this.#bury();
    if (burial !== undefined) this.#buried = this.#gate.watch(burial);
    if (died !== undefined) throw died();
  }
}
