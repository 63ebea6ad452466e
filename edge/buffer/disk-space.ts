// What to do when a write does not fit: first the ballast goes, then the page cap sinks to what the
// file already has, so that shedding makes room within it. With room on the disk both come back.

import { errorCodeOf } from "../../contract/errors.ts";
import type { Clock } from "../../drivers/clock.ts";
import type { Ballast } from "./ballast.ts";
import { pageSizeBytes } from "./schema.ts";
import type { OutboxSettings } from "./settings.ts";
import type { SqliteFile } from "./sqlite.ts";

const attemptCountMax = 3;
const checkIntervalMs = 60_000;

/** The page cap in force, and the ballast. */
export class DiskSpace {
  readonly #ballast: Ballast;
  readonly #clock: Clock;
  readonly #settings: OutboxSettings;
  #pageCountMax: number;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  #fullCount = 0;

  constructor(ballast: Ballast, clock: Clock, settings: OutboxSettings) {
    this.#ballast = ballast;
    this.#clock = clock;
    this.#settings = settings;
    this.#pageCountMax = settings.sizeBytesMax / pageSizeBytes;
  }

  /** Pages the outbox may have now. */
  get pageCountMax(): number {
    return this.#pageCountMax;
  }

  /** How often a write did not fit. */
  get fullCount(): number {
    return this.#fullCount;
  }

  /**
   * Makes the ballast and lifts the cap again, where there is room. Looks once a minute, but before each write while
   * the cap is low: nothing is shed for a disk that has room again.
   */
  async restore(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const pageCountMax = this.#settings.sizeBytesMax / pageSizeBytes;
    const isLow = this.#pageCountMax < pageCountMax;
    if (!isLow && nowMs - this.#checkedAtMs < checkIntervalMs) return;
    this.#checkedAtMs = nowMs;
    if (await this.#ballast.ensure()) this.#pageCountMax = pageCountMax;
  }

  /** Runs a write, and again with more room when it does not fit; at last rejects with OUTBOX_FULL. */
  async retrying<T>(sqlite: SqliteFile, write: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await write();
      } catch (error) {
        if (errorCodeOf(error) !== "OUTBOX_FULL") throw error;
        this.#fullCount += 1;
        if (attempt === attemptCountMax) throw error;
        await this.#makeDo(sqlite);
      }
    }
  }

  // Half of the ballast's room is for the file to grow, the other half for its -wal, which is emptied
  // as far as that is possible.
  async #makeDo(sqlite: SqliteFile): Promise<void> {
    const hadBallast = await this.#ballast.drop();
    const growthBytes = hadBallast ? this.#settings.ballastSizeBytes / 2 : 0;
    const pageCount = await sqlite.read(async (sql) => {
      await sql.exec("PRAGMA wal_checkpoint(TRUNCATE)").catch((error: unknown) => {
        if (errorCodeOf(error) !== "OUTBOX_FULL") throw error;
      });
      return (await sql.get<{ page_count: number }>("PRAGMA page_count"))?.page_count ?? 0;
    });
    const pageCountMax = pageCount + growthBytes / pageSizeBytes;
    this.#pageCountMax = Math.min(this.#pageCountMax, pageCountMax);
  }
}
