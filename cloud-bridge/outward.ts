// All that follows the ledger out of its own tables, as one part of the bridge: EPCIS topics and their index, the
// trees that proofs are made of, webhooks.

import type { KeyObject } from "node:crypto";
import type { EpcisRoutesOptions } from "./api/epcis-routes.ts";
import type { TraceRoutesOptions } from "./api/trace-routes.ts";
import type { WebhookRoutesOptions } from "./api/webhook-routes.ts";
import type { Clock } from "./clock.ts";
import type { BridgeConfig } from "./config.ts";
import { Places } from "./epcis/places.ts";
import { type Follower, runFollowers } from "./followers.ts";
import type { Ledger } from "./ledger/types.ts";
import type { BridgeLink } from "./link.ts";
import { EpcisTopics } from "./publish/epcis-topics.ts";
import { WebhookGuard } from "./publish/webhook-guard.ts";
import { WebhookClient } from "./publish/webhook-request.ts";
import { Webhooks } from "./publish/webhooks.ts";
import { readSigningKey } from "./trace/key-file.ts";

export interface OutwardOptions {
  readonly config: BridgeConfig;
  readonly ledger: Ledger;
  readonly link: Pick<BridgeLink, "isOnline" | "publish">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly count: (name: string, by?: number) => void;
}

/** Followers and webhooks. */
export class Outward {
  /** What the HTTP API needs of it. */
  readonly forApi: Pick<
    EpcisRoutesOptions & WebhookRoutesOptions & TraceRoutesOptions,
    "places" | "webhookGuard" | "traceKey"
  >;
  readonly #options: OutwardOptions;
  readonly #client: WebhookClient;
  readonly #webhooks: Webhooks;
  readonly #followers: Follower[];

  /** CONFIG_INVALID for networks that are none, CONFIG_UNREADABLE or CONFIG_INVALID for the key of proofs. */
  static async open(options: OutwardOptions): Promise<Outward> {
    const { keyFile } = options.config.trace;
    return new Outward(options, keyFile === undefined ? undefined : await readSigningKey(keyFile));
  }

  private constructor(options: OutwardOptions, traceKey: KeyObject | undefined) {
    const { config, ledger, link, clock, random, count } = options;
    this.#options = options;
    const places = new Places(config.epcis.locations);
    const webhookGuard = new WebhookGuard(config.webhooks.allowedNetworks);
    this.forApi = { places, webhookGuard, traceKey };
    this.#client = new WebhookClient(webhookGuard);
    this.#webhooks = new Webhooks({
      ...{ ledger, places, clock, random, count },
      ...{ client: this.#client, settings: config.webhooks },
    });
    const epcisTopics = new EpcisTopics({ ledger, link, places, count });
    this.#followers = [
      () => ledger.tree.grow(),
      () => ledger.epcis.indexIds(places),
      () => ledger.epcis.indexReferences(),
      () => epcisTopics.step(),
    ];
  }

  /** Runs until `signal` aborts. Rejects when the ledger cannot be read or written. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, count } = this.#options;
    try {
      await Promise.all([
        this.#webhooks.run(signal),
        runFollowers({ followers: this.#followers, clock, count }, signal),
      ]);
    } finally {
      this.#client.close();
    }
  }
}
