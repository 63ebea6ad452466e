// A server whose machine has lost its power, or is cut off, says nothing: TCP itself gives up after a quarter of an hour. One
// that works on a long statement says nothing either, so that no time limit tells them apart: over a second session
// the server is asked whether it works on what it was asked for.

export interface AnswerWatchOptions {
  /** How long a server may say nothing before it is asked; it is noticed after half as much more. */
  readonly answerMsMax: number;
  /** How much has been heard from it, by any measure that grows. */
  readonly heardCount: () => number;
  readonly isWorking: () => Promise<boolean>;
  /** It does not work on anything, and nothing came meanwhile. */
  readonly onSilent: () => void;
}

/** Looks in one answer's time. */
const looksPerAnswer = 2;

/** Watches one session while an answer is waited for. */
export class AnswerWatch {
  readonly #options: AnswerWatchOptions;
  #waitingCount = 0;
  #isWatching = false;
  #heardCount = 0;
  #silentLookCount = 0;

  constructor(options: AnswerWatchOptions) {
    this.#options = options;
  }

  /** Gives an answer when it comes; until then, and no longer, the session is watched. */
  async wait<T>(answer: Promise<T>): Promise<T> {
    this.#waitingCount += 1;
    if (!this.#isWatching) this.#begin();
    try {
      return await answer;
    } finally {
      this.#waitingCount -= 1;
    }
  }

  #begin(): void {
    this.#isWatching = true;
    this.#listen();
    this.#lookLater();
  }

  #lookLater(): void {
    setTimeout(() => void this.#look(), this.#options.answerMsMax / looksPerAnswer).unref();
  }

  async #look(): Promise<void> {
    if (this.#hasHeard()) this.#silentLookCount = 0;
    else this.#silentLookCount += 1;
    if (this.#waitingCount > 0 && this.#silentLookCount >= looksPerAnswer) {
      const isWorking = await this.#options.isWorking();
      // It may have answered while it was asked.
      if (!isWorking && this.#waitingCount > 0 && !this.#hasHeard()) this.#options.onSilent();
      this.#silentLookCount = 0;
    }
    this.#isWatching = this.#waitingCount > 0;
    if (this.#isWatching) this.#lookLater();
  }

  /** Whether something came since the last time. */
  #hasHeard(): boolean {
    const before = this.#heardCount;
    return this.#listen() !== before;
  }

  #listen(): number {
    this.#heardCount = this.#options.heardCount();
    return this.#heardCount;
  }
}
