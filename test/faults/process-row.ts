// What a row of the table of faults is.

import type { StoreOptions, StoreProcesses } from "./store-processes.ts";

/** A process of the store. */
export type Side = "edge" | "bridge";

/** What stands around a store: servers that it needs, and how it is started with them. */
export interface Stage {
  readonly options: StoreOptions;
  /** Called once the store runs. */
  readonly opened?: (store: StoreProcesses) => Promise<void>;
  /** Called before the store ends. */
  readonly close: () => Promise<void>;
}

/** An ending of a strike that did not hit: it does not count as done. */
export const missed = "missed";

/** One kind of fault: done so often, each time the store has to come back by itself or by a restart. */
export interface ProcessRow {
  readonly name: string;
  /** In the long run. */
  readonly count: number;
  /** Why this machine cannot do it. */
  readonly skip?: () => string | undefined;
  /** Rests on a small tmpfs. */
  readonly smallDisk?: Side;
  readonly stage?: () => Promise<Stage>;
  /** The ledger itself is put back: it must say so, and in any other row it must not. */
  readonly setsLedgerBack?: boolean;
  /** Does the fault for the so manieth time and takes it back; what it saw, to be counted in the report. */
  readonly strike: (store: StoreProcesses, random: () => number, turn: number) => Promise<string>;
}
