// Count tasks that a group opens and closes, in memory: what is opened and closed again within one
// group never reaches the database.

import { isWithin, type StockState } from "../../contract/units.ts";
import type { CountClosing, TaskOpening } from "./changes.ts";

/** A task to count what stands below zero is `negative/LOCATION/STATE/ITEM`. */
export const negativeTaskStem = "negative/";

/** Openings and closings, in the order that `Changes` wants them. */
export class TaskBook {
  readonly #opened = new Map<string, TaskOpening>();
  readonly #closed = new Map<string, { storeId: string; key: string }>();
  readonly #counted: CountClosing[] = [];

  open(task: TaskOpening): void {
    const id = `${task.storeId}/${task.key}`;
    this.#closed.delete(id);
    if (!this.#opened.has(id)) this.#opened.set(id, task);
  }

  close(storeId: string, key: string): void {
    const id = `${storeId}/${key}`;
    this.#opened.delete(id);
    this.#closed.set(id, { storeId, key });
  }

  /** A complete count closes what asks for a count there or below. */
  closeCounted(storeId: string, location: string, state: StockState): void {
    this.#counted.push({ storeId, location, state });
    for (const [id, task] of this.#opened) {
      const isCovered = task.storeId === storeId && isWithin(task.location, location);
      if (isCovered && (task.state ?? state) === state) this.#opened.delete(id);
    }
  }

  changes() {
    return {
      taskClosings: [...this.#closed.values()],
      countClosings: this.#counted,
      taskOpenings: [...this.#opened.values()],
    };
  }
}
