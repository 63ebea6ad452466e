// What makes a bridge of the simulation one of several: the real leases, on a server in virtual time.

import { createLog } from "../../cloud-bridge/log.ts";
import { Leases } from "../../cloud-bridge/workers/leases.ts";
import { parseTopic, partitionOf } from "../../contract/topics.ts";
import type { Random } from "../../simulators/random.ts";
import type { LeaseServer, VirtualLeaseSession } from "./lease-server.ts";
import type { MachineClock } from "./virtual-clock.ts";

const lookIntervalMs = 1_000;
/** Without a word for so long a worker has lost its stores to the others. */
export const leaseMs = 5_000;
const log = createLog("silent");

/** One worker's part in the leases; it ends with its process. */
export class BridgeWorker {
  readonly #leases: Leases;
  readonly #server: LeaseServer;
  readonly #end = new AbortController();
  #session: VirtualLeaseSession | undefined;

  constructor(options: {
    server: LeaseServer;
    clock: MachineClock;
    random: Random;
    /** A partition came to this worker. */
    onTaken: (partition: number) => void;
  }) {
    this.#server = options.server;
    this.#leases = new Leases({
      ...{ ...options, lookIntervalMs, leaseMs, log },
      openSession: async () => {
        this.#session = options.server.open();
        return this.#session;
      },
      onLost: async () => undefined,
      onMembers: () => undefined,
      count: () => undefined,
    });
  }

  run(): Promise<void> {
    return this.#leases.run(this.#end.signal);
  }

  /** Whether it believes that it has to read the edge of a topic. */
  hears(topic: string): boolean {
    const parsed = parseTopic(topic);
    return parsed === undefined || this.#leases.held.has(partitionOf(parsed.storeId));
  }

  /** Whether one of these stores is read by another worker, whatever this one believes. */
  isZombieFor(storeIds: readonly string[]): boolean {
    return storeIds.some((storeId) => this.#server.isOthers(partitionOf(storeId), this.#session));
  }

  /** The process ended: its session with it. */
  end(): void {
    this.#end.abort();
    this.#session?.abandon();
  }
}
