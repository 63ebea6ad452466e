// Writes what a ledger's -wal holds back into its file, on a connection of its own while the next group is computed. Without
// that a commit does it, every few groups of a large ledger, and whoever waits for that commit waits for thousands of pages.

import type { SqlConnection } from "./database.ts";

/** Rows changed between two runs: some thousand pages where each lies in a page of its own. */
const rowCountMin = 5000;

/** Decides when, and keeps to one run at a time. The writer still does it itself should the -wal become too long. */
export class WriteBack {
  readonly #connection: SqlConnection;
  readonly #onFailure: (error: unknown) => void;
  #doneRowCount = 0;
  #running: Promise<void> | undefined;

  constructor(connection: SqlConnection, onFailure: (error: unknown) => void) {
    this.#connection = connection;
    this.#onFailure = onFailure;
  }

  /** Begins a run where enough rows were changed; `rowCount` counts all that were since the ledger was opened. */
  begin(rowCount: number): void {
    if (this.#running !== undefined || rowCount - this.#doneRowCount < rowCountMin) return;
    this.#doneRowCount = rowCount;
    this.#running = this.#run();
  }

  /** Waits for a run. */
  async end(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      // PASSIVE waits for nobody and holds nobody up.
      await this.#connection.all("PRAGMA wal_checkpoint(PASSIVE)");
    } catch (error) {
      this.#onFailure(error);
    } finally {
      this.#running = undefined;
    }
  }
}
