// Asks edges to say hello. A bridge that starts, or whose broker came back, does not know what its
// edges wait for, and an edge that waits for an answer sends nothing until its time is up.

import type { Command, EdgeStatus } from "../../contract/delivery.ts";
import { topics } from "../../contract/topics.ts";
import { type EdgeName, edgeKey } from "../edges/edge-messages.ts";
import type { OutgoingMessage } from "../link.ts";

export interface HelloRequestsOptions {
  /** Edges that the ledger has a position of. */
  readonly knownEdges: () => Promise<{ storeId: string; edgeId: string }[]>;
  readonly link: {
    readonly isOnline: boolean;
    publish(message: OutgoingMessage): Promise<boolean>;
  };
  /** Whether a store's edges are heard here; another worker asks the others. */
  readonly isHeld?: (storeId: string) => boolean;
  /** A fresh id for a command. */
  readonly newId: () => string;
  readonly count: (name: string, by?: number) => void;
}

/** Edges whose `status` says online that are remembered. */
const onlineCountMax = 100_000;

/** Sends `hello_request` once to each edge and connection. */
export class HelloRequests {
  readonly #options: HelloRequestsOptions;
  readonly #online = new Map<string, { storeId: string; edgeId: string }>();
  /** Edges asked since the link came online; a new set for each time. */
  #asked = new Set<string>();

  constructor(options: HelloRequestsOptions) {
    this.#options = options;
  }

  /** The link came online. Resolves when every known edge has been asked, or the link is lost. */
  async onOnline(): Promise<void> {
    this.#asked = new Set();
    await this.#askAll(() => true);
  }

  /** Stores are heard (again) that were not. */
  async onHeard(isOf: (storeId: string) => boolean): Promise<void> {
    for (const key of [...this.#asked]) {
      if (isOf(key.slice(0, key.indexOf("/")))) this.#asked.delete(key);
    }
    await this.#askAll(isOf);
  }

  async #askAll(isOf: (storeId: string) => boolean): Promise<void> {
    const asked = this.#asked;
    const known = await this.#options.knownEdges();
    for (const edge of [...known, ...this.#online.values()]) {
      if (asked !== this.#asked || !this.#options.link.isOnline) return;
      if (isOf(edge.storeId)) await this.#ask(edge);
    }
  }

  /** Takes an edge's status; undefined where it has none. One that was kept by the broker may be of an edge that waits. */
  async onStatus(
    edge: EdgeName,
    status: EdgeStatus | undefined,
    isRetained: boolean,
  ): Promise<void> {
    const key = edgeKey(edge);
    if (status?.state !== "online") this.#online.delete(key);
    else if (this.#online.size < onlineCountMax) this.#online.set(key, edge);
    if (status?.state !== "online" || !isRetained || !this.#options.link.isOnline) return;
    await this.#ask(edge);
  }

  async #ask(edge: { storeId: string; edgeId: string }): Promise<void> {
    const key = edgeKey(edge);
    const isHeld = this.#options.isHeld?.(edge.storeId) ?? true;
    if (!isHeld || this.#asked.has(key)) return;
    this.#asked.add(key);
    const command: Command = { id: this.#options.newId(), command: "hello_request" };
    const topic = topics.command(edge.storeId, edge.edgeId);
    const message = { topic, payload: JSON.stringify(command), isAnswer: true } as const;
    const isTaken = await this.#options.link.publish(message);
    this.#options.count(isTaken ? "hello_requests" : "hello_requests_failed");
  }
}
