// Somebody else on the broker: repeats old acknowledgements, forges others, and sends garbage in the
// name of an edge. None of it may move, delete or block anything.

import { gzipSync } from "node:zlib";
import type { Acknowledgement } from "../../contract/delivery.ts";
import { topics } from "../../contract/topics.ts";
import { integerBetween, pickOne, type Random } from "../../simulators/random.ts";
import type { VirtualBroker } from "./virtual-link.ts";

/** Most acknowledgements, and batches, that are remembered to be repeated. */
const memoryCountMax = 200;
const repeatCount = 8;

/** The intruder. */
export class Intruder {
  readonly #random: Random;
  readonly #broker: VirtualBroker;
  readonly #edges: readonly { storeId: string; edgeId: string }[];
  readonly #heard: { topic: string; answer: Acknowledgement }[] = [];
  readonly #batches: { topic: string; payload: Uint8Array }[] = [];

  constructor(
    random: Random,
    broker: VirtualBroker,
    edges: readonly { storeId: string; edgeId: string }[],
  ) {
    this.#random = random;
    this.#broker = broker;
    this.#edges = edges;
  }

  /** Remembers an acknowledgement. */
  hearAnswer(topic: string, answer: Acknowledgement): void {
    this.#heard.push({ topic, answer });
    if (this.#heard.length > memoryCountMax) this.#heard.shift();
  }

  /** Remembers a batch. */
  hearBatch(topic: string, payload: Uint8Array): void {
    this.#batches.push({ topic, payload });
    if (this.#batches.length > memoryCountMax) this.#batches.shift();
  }

  /** Repeats what the ledger said of late, at the worst moment: an edge has just gone back. */
  repeatRecent(): void {
    for (const { topic, answer } of this.#heard.slice(-repeatCount)) this.#answer(topic, answer);
  }

  /** Does one bad thing. */
  act(): void {
    const random = this.#random;
    const edge = pickOne(random, this.#edges);
    if (edge === undefined) return;
    const act = pickOne(random, [
      "repeat",
      "forge",
      "forge",
      "garbage",
      "garble",
      "replay",
    ] as const);
    const heard = pickOne(random, this.#heard);
    const batch = pickOne(random, this.#batches);
    if (act === "garbage") this.#broker.toBridge(this.#eventsTopic(edge), this.#garbage());
    else if (act === "garble" && batch !== undefined) {
      this.#broker.toBridge(batch.topic, this.#garbled(batch.payload));
    } else if (act === "replay" && batch !== undefined) {
      this.#broker.toBridge(batch.topic, batch.payload);
    } else if (act === "repeat" && heard !== undefined) {
      this.#answer(heard.topic, heard.answer);
    } else if (heard !== undefined) this.#answer(heard.topic, this.#forged(heard.answer));
  }

  #eventsTopic({ storeId, edgeId }: { storeId: string; edgeId: string }): string {
    const topic = topics.events(storeId, edgeId);
    return this.#random() < 0.2 ? `${topic}/x` : topic;
  }

  #answer(topic: string, answer: object): void {
    this.#broker.toEdges(topic, Buffer.from(JSON.stringify(answer)));
  }

  #forged(answer: Acknowledgement): object {
    const random = this.#random;
    const { nonce: _nonce, ...echo } = answer;
    const digest = "0123456789abcdef".repeat(4);
    const sequence = integerBetween(random, 0, answer.throughSequence + 30);
    return (
      pickOne<object>(random, [
        { ...echo, outboxId: "deadbeef-deadbeef" },
        { ...echo, ledgerEpoch: Math.max(1, answer.ledgerEpoch - 1), throughSequence: sequence },
        { ...echo, throughSequence: sequence, throughDigest: digest },
        { ...echo, throughSequence: 0, throughDigest: digest, ledgerEpoch: answer.ledgerEpoch + 9 },
        { ...echo, code: "OUTBOX_DIVERGED" },
        { ...echo, code: "OUTBOX_HOLE", throughSequence: 0 },
        { code: "BATCH_UNREADABLE", message: "forged", payloadDigest: digest },
        { code: "VERSION_UNSUPPORTED", message: "forged", payloadDigest: digest },
        { ...echo, extra: true },
        {},
      ]) ?? {}
    );
  }

  #garbage(): Uint8Array {
    const random = this.#random;
    const noise = Uint8Array.from({ length: integerBetween(random, 0, 200) }, () =>
      integerBetween(random, 0, 255),
    );
    const bomb = () => gzipSync(Buffer.alloc(300 * 1024, " "));
    const kinds = [
      () => noise,
      () => Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), noise]),
      bomb,
      () => Buffer.from('{"schemaVersion":99}'),
      () => Buffer.from('{"schemaVersion":1,"events":[]}'),
    ];
    return (pickOne(random, kinds) ?? bomb)();
  }

  /** A batch with one byte changed where gzip's check sum finds it, or cut short. */
  #garbled(payload: Uint8Array): Uint8Array {
    const index = integerBetween(this.#random, 0, Math.max(0, payload.length - 1));
    if (payload[0] !== 0x1f) return payload.slice(0, index);
    const copy = Uint8Array.from(payload);
    copy[index] = (copy[index] ?? 0) ^ (1 << integerBetween(this.#random, 0, 7));
    return copy;
  }
}
