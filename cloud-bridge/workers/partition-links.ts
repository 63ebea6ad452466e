// One MQTT session for each partition that this worker holds, kept by the broker under the partition's name: what edges
// send while it passes from one worker to another waits there.

import { partitionSubscription } from "../../contract/topics.ts";
import { BridgeLink, type LinkOptions } from "../link.ts";

export interface PartitionLinksOptions
  extends Omit<LinkOptions, "clean" | "subscriptions" | "onOnline"> {
  /** The session of a partition is there: its edges can be heard. */
  readonly onHeard: (partition: number) => void;
  readonly onFailure: (error: unknown) => void;
}

/** The sessions of the held partitions. */
export class PartitionLinks {
  readonly #options: PartitionLinksOptions;
  readonly #running = new Map<
    number,
    { readonly stop: AbortController; readonly done: Promise<void> }
  >();
  readonly #heard = new Set<number>();

  constructor(options: PartitionLinksOptions) {
    this.#options = options;
  }

  /** Partitions whose session was there at least once since they were taken. */
  get heardCount(): number {
    return this.#heard.size;
  }

  /** Opens a partition's session, and opens it again until `close`. */
  open(partition: number): void {
    const { onHeard, onFailure, clientId, ...options } = this.#options;
    const stop = new AbortController();
    const link = new BridgeLink({
      ...{ ...options, clientId: `${clientId}-p${partition}`, clean: false },
      subscriptions: [partitionSubscription(partition)],
      onOnline: () => {
        this.#heard.add(partition);
        onHeard(partition);
      },
    });
    this.#running.set(partition, { stop, done: link.run(stop.signal).catch(onFailure) });
  }

  /** Says goodbye to the broker, which keeps the session for the next worker. */
  async close(partition: number): Promise<void> {
    const running = this.#running.get(partition);
    this.#running.delete(partition);
    this.#heard.delete(partition);
    running?.stop.abort();
    await running?.done;
  }
}
