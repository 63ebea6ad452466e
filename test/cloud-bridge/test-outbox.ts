// Batches as an edge would send them.

import { encodeBatch } from "../../contract/batch-codec.ts";
import { acknowledgementSchema } from "../../contract/delivery.ts";
import { canonicalEvent, genesisDigest, nextDigest } from "../../contract/digest.ts";
import type { EventDraft } from "../../contract/event.ts";
import { topics } from "../../contract/topics.ts";
import type { TestClient } from "./mqtt-client.ts";

const bootId = "0f0f0f0f0f0f";

/** A unit that came in at a location of the store. */
export function received(storeId: string, gtin: string, quantity = 1): EventDraft {
  return {
    ...{ type: "moved", occurredAtMs: Date.now(), deviceId: "dock-1", step: "receiving" },
    item: { gtin: gtin as never },
    quantity,
    to: { location: `${storeId}/stockroom`, state: "sellable" },
    ...{ bootId, uptimeMs: 1000, clockSynced: true },
  } as EventDraft;
}

/** The sending side of one outbox: sequences, digest chain, batches. */
export class TestOutbox {
  readonly storeId: string;
  readonly edgeId: string;
  readonly outboxId: string;
  #sequence = 0;
  #digest: string;
  #nonce = 0;

  constructor(storeId: string, edgeId: string, outboxId = "aaaaaaaa-0001") {
    this.storeId = storeId;
    this.edgeId = edgeId;
    this.outboxId = outboxId;
    this.#digest = genesisDigest(outboxId);
  }

  /** The next batch with these events. */
  batch(...drafts: object[]): Uint8Array {
    const firstSequence = this.#sequence + 1;
    const previousDigest = this.#digest;
    const texts = drafts.map((draft) => {
      this.#sequence += 1;
      const event = { sequence: this.#sequence, ...draft };
      this.#digest = nextDigest(this.#digest, canonicalEvent(event));
      return JSON.stringify(event);
    });
    this.#nonce += 1;
    const nonce = this.#nonce.toString(16).padStart(8, "0");
    const { storeId, edgeId, outboxId } = this;
    return encodeBatch(
      {
        ...{ schemaVersion: 1, storeId, edgeId, outboxId, firstSequence, previousDigest, nonce },
        ...{ completeThroughAtMs: Date.now(), sentAtMs: Date.now() },
      },
      texts,
    );
  }

  /** Sends a batch with these events and waits for the acknowledgement of the last. */
  async send(client: TestClient, ...drafts: object[]) {
    const payload = Buffer.from(this.batch(...drafts));
    const through = this.#sequence;
    await client.publish(topics.events(this.storeId, this.edgeId), payload);
    const answer = await client.message(({ topic, payload: text }) => {
      if (topic !== topics.ack(this.storeId, this.edgeId)) return false;
      const found = acknowledgementSchema.safeParse(JSON.parse(text.toString())).data;
      return found?.outboxId === this.outboxId && found.throughSequence === through;
    });
    return acknowledgementSchema.parse(JSON.parse(answer.payload.toString()));
  }
}
