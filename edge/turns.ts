// Tasks that must not meet: each begins when the one before has ended, well or not.

/** A queue of tasks, one at a time. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Gives what the task gives, once it had its turn. */
  take<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
