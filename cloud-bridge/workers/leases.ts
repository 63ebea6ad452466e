// Holds this worker's share of the leases: looks from time to time who is there, gives back what is too much, takes what
// nobody has. A session that is lost takes all leases with it; the lock of each outbox's position (ledger) is the fence
// for the moment in which two believe that they hold the same one.

import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import { type Clock, sleep } from "../clock.ts";
import { TransientError } from "../ledger/postgres.ts";
import type { Logger } from "../log.ts";
import { leaseCount, planLeases } from "./lease-plan.ts";
import type { LeaseSession } from "./lease-session.ts";

/** What leases use of a session, whatever keeps it. */
export type AnyLeaseSession = Pick<LeaseSession, keyof LeaseSession>;

export interface LeasesOptions {
  readonly openSession: () => Promise<AnyLeaseSession>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly count: (name: string, by?: number) => void;
  readonly lookIntervalMs: number;
  /** A call to the database that takes longer than this: the session is cut, as the server would do. */
  readonly leaseMs: number;
  readonly onTaken: (lease: number) => void;
  /** Resolves when nothing is done under the lease any more. */
  readonly onLost: (lease: number) => Promise<void>;
  /** Another worker came (back) or went. */
  readonly onMembers: (hasCome: boolean) => void;
}

/** How often a session speaks in the time that the server waits for it, where nothing else is asked. */
const wordsPerLease = 3;

/** The leases of one worker. */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #held = new Set<number>();
  #session: AnyLeaseSession | undefined;
  #memberCount = 0;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  get held(): ReadonlySet<number> {
    return this.#held;
  }

  /** Workers that were there at the last look; 0 without a session. */
  get memberCount(): number {
    return this.#memberCount;
  }

  /** Runs until `signal` aborts, then gives everything back. Rejects where the server refuses for good. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, lookIntervalMs, log, count } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#step();
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        count("leases_session_lost");
        log.warn({ code: "LEASES_LOST", message: errorMessageOf(error) }, "leases lost");
        await this.#loseAll();
      }
      await sleep(clock, lookIntervalMs, signal);
    }
    await this.#loseAll();
  }

  /** Tells the other workers something; false when it could not be said. */
  async notify(payload: string): Promise<boolean> {
    try {
      if (this.#session === undefined) return false;
      await this.#session.notify(payload);
      return true;
    } catch (error) {
      if (error instanceof GatewayError) return false;
      throw error;
    }
  }

  async #step(): Promise<void> {
    const { openSession, random, log, onTaken, onMembers } = this.#options;
    this.#session ??= await openSession();
    const session = this.#session;
    const look = await this.#inTime(session.look());
    const { give, take } = planLeases(look, Math.floor(random() * leaseCount));
    await this.#loseThese(give, session);
    for (const lease of give) await this.#inTime(session.give(lease));
    const taken = await this.#inTime(session.take(take));
    for (const lease of taken) {
      this.#held.add(lease);
      onTaken(lease);
    }
    const moreCount = look.memberCount - this.#memberCount;
    const isChanged = moreCount !== 0;
    this.#memberCount = look.memberCount;
    if (isChanged) onMembers(moreCount > 0);
    if (isChanged || taken.length + give.length > 0) {
      const counts = { heldCount: this.#held.size, takenCount: taken.length };
      log.info({ ...counts, givenCount: give.length, memberCount: look.memberCount }, "leases");
    }
  }

  async #lose(lease: number): Promise<void> {
    this.#held.delete(lease);
    await this.#options.onLost(lease);
  }

  /** Resolves when nothing is done under these any more. Meanwhile the session says something, so that the server keeps it. */
  async #loseThese(leases: readonly number[], session: AnyLeaseSession | undefined): Promise<void> {
    const { clock, leaseMs } = this.#options;
    const done = new AbortController();
    const speak = async () => {
      while (!done.signal.aborted) {
        await sleep(clock, leaseMs / wordsPerLease, done.signal);
        if (!done.signal.aborted) await session?.look();
      }
    };
    // A session that is lost is found so by whoever needs it next.
    const spoken = speak().catch((error: unknown) => {
      if (!(error instanceof TransientError)) throw error;
    });
    await Promise.all(leases.map((lease) => this.#lose(lease)));
    done.abort();
    await spoken;
  }

  async #loseAll(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#memberCount = 0;
    await this.#loseThese([...this.#held], session);
    // Only now may others have them; a session that is lost has ended anyway.
    await session?.close();
  }

  /** A server that does not answer in time has given our leases to others, or is gone. */
  async #inTime<T>(answer: Promise<T>): Promise<T> {
    const { clock, leaseMs } = this.#options;
    const session = this.#session;
    const cancel = clock.timer(leaseMs, () => session?.abandon());
    return await answer.finally(cancel);
  }
}
