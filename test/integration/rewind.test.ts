// Events asked for once more, from a real edge to a real ledger: everything goes out again, and nothing is posted twice.

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { expect, test } from "vitest";
import { type Reply, replySchema } from "../../contract/delivery.ts";
import { topics } from "../../contract/topics.ts";
import { StoreProcesses } from "../faults/store-processes.ts";

const [storeId, edgeId] = ["s0042", "edge-1"];

test("what the ledger has is sent again, posted once, and what is new follows", async () => {
  const store = await StoreProcesses.open();
  const client = await connectAsync(`mqtt://127.0.0.1:${store.brokerPort}`);
  const skippedCount = async () => {
    const text = await (await fetch(`http://127.0.0.1:${store.httpPort}/metrics`)).text();
    return Number(/^\w*ingest_events_skipped\w*(?:{[^}]*})? (\d+)/m.exec(text)?.[1] ?? 0);
  };
  const entryNumbers = async () => {
    const { items } = (await store.get(`/v1/entries?store=${storeId}&limit=1000`)) as {
      items: { entryNumber: number }[];
    };
    return items.map(({ entryNumber }) => entryNumber);
  };
  const replies: Reply[] = [];
  client.on("message", (_topic, payload) => {
    replies.push(replySchema.parse(JSON.parse(String(payload))));
  });
  await client.subscribeAsync(topics.reply(storeId, edgeId));
  const rewind = async (fromSequence: number) => {
    const id = randomUUID();
    const command = JSON.stringify({ id, command: "rewind", fromSequence });
    await client.publishAsync(topics.command(storeId, edgeId), command, { qos: 1 });
    const find = () => replies.find((reply) => reply.id === id);
    await expect.poll(find, { timeout: 20_000 }).toBeDefined();
    return find();
  };

  try {
    store.source.start(100);
    await delay(3_000);
    store.source.stop();
    const [through = 0] = [...(await store.drained(60_000)).values()];
    expect(through).toBeGreaterThan(50);
    const before = await entryNumbers();
    const skippedBefore = await skippedCount();

    expect(await rewind(through + 1)).toMatchObject({ ok: false, code: "REWIND_REFUSED" });
    const reply = await rewind(11);
    expect(reply).toMatchObject({ ok: true });
    expect(reply?.message).toContain(`11 to ${through} of `);
    const sentAgainCount = async () => (await skippedCount()) - skippedBefore;
    await expect.poll(sentAgainCount, { timeout: 30_000 }).toBe(through - 10);
    expect(await entryNumbers()).toEqual(before);

    store.source.start(100);
    await delay(500);
    store.source.stop();
    const [next = 0] = [...(await store.drained(60_000)).values()];
    expect(next).toBeGreaterThan(through);
    expect(await store.verify()).toMatchObject({ code: 0 });
  } finally {
    await client.endAsync(true);
    await store.close();
  }
}, 180_000);
