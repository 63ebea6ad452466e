// Publishes every entry as an event of EPCIS 2.0. It follows the ledger's own tables and keeps how far it came once the
// broker has acknowledged: each event at least once, with its ID, in the order of the store, over every restart.

import { topics } from "../../contract/topics.ts";
import type { Places } from "../epcis/places.ts";
import type { Ledger } from "../ledger/types.ts";
import type { OutgoingMessage } from "../link.ts";

const follower = "epcis-topic";
/** Stores and events of each that are published in one step. */
const storeCountMax = 10;
const eventCountMax = 100;

export interface EpcisTopicsOptions {
  readonly ledger: Pick<Ledger, "epcis" | "followers">;
  readonly link: {
    readonly isOnline: boolean;
    publish(message: OutgoingMessage): Promise<boolean>;
  };
  readonly places: Places;
  readonly count: (name: string, by?: number) => void;
}

/** The publisher of `epcis` topics. */
export class EpcisTopics {
  readonly #options: EpcisTopicsOptions;
  #hasBegun = false;

  constructor(options: EpcisTopicsOptions) {
    this.#options = options;
  }

  /** Publishes what comes next; gives how many events the broker took. */
  async step(): Promise<number> {
    const { ledger, link, count } = this.#options;
    if (!this.#hasBegun) {
      // What a ledger had before it told events is asked for over HTTP.
      await ledger.followers.begin(follower, "now");
      this.#hasBegun = true;
    }
    if (!link.isOnline) return 0;
    const lags = await ledger.followers.lags(follower, storeCountMax);
    const taken = await Promise.all(lags.map((lag) => this.#publish(lag)));
    const sum = taken.reduce((total, each) => total + each, 0);
    if (sum > 0) count("publish_epcis_events", sum);
    return sum;
  }

  async #publish({ storeId, position }: { storeId: string; position: number }): Promise<number> {
    const { ledger, link, places } = this.#options;
    const query = { storeId, afterEntryNumber: position, countMax: eventCountMax, places };
    const list = await ledger.epcis.eventsAfter(query);
    const topic = topics.epcis(storeId);
    const taken = await Promise.all(
      list.map(({ event }) => link.publish({ topic, payload: JSON.stringify(event) })),
    );
    const firstFailed = taken.indexOf(false);
    const count = firstFailed < 0 ? list.length : firstFailed;
    if (count > 0) {
      await ledger.followers.advance(follower, storeId, list[count - 1]!.entryNumber);
    }
    return count;
  }
}
