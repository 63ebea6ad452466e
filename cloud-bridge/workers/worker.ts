// One of several bridges on one ledger and one broker: its leases, the sessions of its partitions, and what it tells the
// others. Without workers a bridge holds every store, and none of this is there.

import { partitionOf } from "../../contract/topics.ts";
import type { Clock } from "../clock.ts";
import type { PostgresOptions } from "../ledger/postgres.ts";
import type { IncomingMessage, LinkOptions } from "../link.ts";
import type { Logger } from "../log.ts";
import { upkeepLease } from "./lease-plan.ts";
import { LeaseSession } from "./lease-session.ts";
import { Leases } from "./leases.ts";
import { PartitionLinks } from "./partition-links.ts";
import { Relay, type RelayOptions } from "./relay.ts";

export interface WorkerOptions extends Pick<RelayOptions, "workerId" | "feed"> {
  readonly publishers: RelayOptions["publishers"] & {
    release(partition: number): Promise<void>;
  };
  readonly onFailure: (error: unknown) => void;
  readonly settings: { readonly lookIntervalMs: number; readonly leaseMs: number };
  readonly server: PostgresOptions;
  /** How the broker is reached; sessions of partitions are named after `clientId`. */
  readonly access: Pick<LinkOptions, "url" | "clientId" | "username" | "password" | "backoff">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly count: (name: string, by?: number) => void;
  readonly onMessage: (message: IncomingMessage) => void;
  /** Partitions came to this worker: their stores are published from here. */
  readonly onTaken: (partitions: ReadonlySet<number>) => void;
  /** The edges of these partitions can be heard (again). */
  readonly onHeard: (partitions: ReadonlySet<number>) => void;
  /** Another worker came (back) or went. */
  readonly onMembers: (hasCome: boolean) => void;
  /** What one worker does for all, until its signal aborts. */
  readonly upkeep: (signal: AbortSignal) => Promise<void>;
}

/** Partitions that are heard within this time are told together: many are taken at once. */
const heardDelayMs = 100;

/** This bridge among the others. */
export class Worker {
  readonly relay: Relay;
  readonly #options: WorkerOptions;
  readonly #leases: Leases;
  readonly #links: PartitionLinks;
  readonly #heard = new Set<number>();
  readonly #taken = new Set<number>();
  #upkeep: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;

  constructor(options: WorkerOptions) {
    const { settings, server, access, clock, random, log, count, onFailure } = options;
    this.#options = options;
    this.#links = new PartitionLinks({
      ...{ ...options, ...access },
      onHeard: (partition) => this.#onHeard(partition),
    });
    this.relay = new Relay({
      ...options,
      isHeld: (storeId) => this.holds(storeId),
      notify: (payload) => this.#leases.notify(payload),
    });
    const onNotice = (payload: string) => this.relay.onNotice(payload);
    this.#leases = new Leases({
      ...{ ...settings, clock, random, log, count },
      onMembers: (hasCome) => {
        this.relay.onMembers();
        options.onMembers(hasCome);
      },
      openSession: () => LeaseSession.open(server, settings.leaseMs, onNotice),
      onTaken: (lease) => this.#onTaken(lease, onFailure),
      onLost: (lease) => this.#onLost(lease),
    });
  }

  /** Whether this worker reads and publishes a store. */
  holds(storeId: string): boolean {
    return this.#leases.held.has(partitionOf(storeId));
  }

  /** Partitions whose edges are heard, and workers that are there. */
  get standing(): { readonly heardCount: number; readonly memberCount: number } {
    return { heardCount: this.#links.heardCount, memberCount: this.#leases.memberCount };
  }

  /** Runs until `signal` aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.#leases.run(signal);
  }

  #onHeard(partition: number): void {
    const { clock, onHeard } = this.#options;
    this.#heard.add(partition);
    if (this.#heard.size > 1) return;
    clock.timer(heardDelayMs, () => {
      const partitions = new Set(this.#heard);
      this.#heard.clear();
      onHeard(partitions);
    });
  }

  #onTaken(lease: number, onFailure: (error: unknown) => void): void {
    if (lease === upkeepLease) {
      const stop = new AbortController();
      this.#upkeep = { stop, done: this.#options.upkeep(stop.signal).catch(onFailure) };
    } else {
      this.#links.open(lease);
      this.#onPartition(lease);
    }
  }

  /** Those that are taken together are told together. */
  #onPartition(partition: number): void {
    if (this.#taken.size === 0) {
      setImmediate(() => {
        const partitions = new Set([...this.#taken].filter((each) => this.#leases.held.has(each)));
        this.#taken.clear();
        this.#options.onTaken(partitions);
      });
    }
    this.#taken.add(partition);
  }

  async #onLost(lease: number): Promise<void> {
    if (lease !== upkeepLease) {
      await this.#links.close(lease);
      return await this.#options.publishers.release(lease);
    }
    const upkeep = this.#upkeep;
    this.#upkeep = undefined;
    upkeep?.stop.abort();
    await upkeep?.done;
  }
}
