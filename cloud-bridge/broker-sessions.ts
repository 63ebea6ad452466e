// Bounds what the embedded broker keeps for clients that are away (clean=false), and marks what it sends them again. aedes'
// memory persistence keeps every message for them without end, and repeats it as if it were new.

import { Readable } from "node:stream";
import type { Aedes } from "aedes";

/** A message of a session; it has a number once it was sent. */
interface KeptPacket {
  readonly cmd: string;
  readonly messageId?: number;
  readonly dup?: boolean;
}

/** The methods of aedes-persistence through which messages enter, leave and come again in a kept session. */
interface SessionStore {
  outgoingEnqueueCombi(subscriptions: { clientId: string }[], packet: unknown): Promise<void>;
  outgoingClearMessageId(client: { id: string; clean: boolean }, packet: unknown): Promise<unknown>;
  outgoingStream(client: unknown): AsyncIterable<KeptPacket>;
}

/** The kept sessions of a broker and how much lies in each. */
export class KeptSessions {
  readonly #queueCountMax: number;
  readonly #onOverflow: () => void;
  readonly #queueCounts = new Map<string, number>();

  constructor(broker: Aedes, options: { queueCountMax: number; onOverflow: () => void }) {
    this.#queueCountMax = options.queueCountMax;
    this.#onOverflow = options.onOverflow;
    const { persistence } = broker as unknown as { persistence: SessionStore };
    this.#bound(persistence);
    const stream = persistence.outgoingStream.bind(persistence);
    persistence.outgoingStream = (client) => Readable.from(markRepeats(stream(client)));
  }

  get count(): number {
    return this.#queueCounts.size;
  }

  has(clientId: string): boolean {
    return this.#queueCounts.has(clientId);
  }

  /** A client connects: with clean=false its session is kept from now on. */
  connect(clientId: string, clean: boolean): void {
    if (!clean) this.#queueCounts.set(clientId, this.#queueCounts.get(clientId) ?? 0);
    // aedes leaves the old queue of a session that ends where it is, so it goes on being counted.
    else if (this.#queueCounts.get(clientId) === 0) this.#queueCounts.delete(clientId);
  }

  #bound(store: SessionStore): void {
    const enqueue = store.outgoingEnqueueCombi.bind(store);
    store.outgoingEnqueueCombi = (subscriptions, packet) =>
      enqueue(
        subscriptions.filter(({ clientId }) => this.#admit(clientId)),
        packet,
      );
    const clear = store.outgoingClearMessageId.bind(store);
    store.outgoingClearMessageId = async (client, packet) => {
      // Nothing is kept for a clean client, and asking would leave an empty queue behind for ever.
      if (client.clean) return undefined;
      const cleared = await clear(client, packet);
      const count = this.#queueCounts.get(client.id);
      if (cleared !== undefined && count !== undefined) this.#queueCounts.set(client.id, count - 1);
      return cleared;
    };
  }

  #admit(clientId: string): boolean {
    const count = this.#queueCounts.get(clientId) ?? 0;
    if (count >= this.#queueCountMax) {
      this.#onOverflow();
      return false;
    }
    this.#queueCounts.set(clientId, count + 1);
    return true;
  }
}

/** [MQTT-3.3.1-1]: what is sent again says so. */
async function* markRepeats(packets: AsyncIterable<KeptPacket>): AsyncGenerator<KeptPacket> {
  for await (const packet of packets) {
    const isRepeat = packet.cmd === "publish" && packet.messageId !== undefined;
    yield isRepeat ? { ...packet, dup: true } : packet;
  }
}
