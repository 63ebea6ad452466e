import { expect, test } from "vitest";
import { Places } from "../../../cloud-bridge/epcis/places.ts";
import type { OutgoingMessage } from "../../../cloud-bridge/link.ts";
import { EpcisTopics } from "../../../cloud-bridge/publish/epcis-topics.ts";
import { epcisEventSchema } from "../../../contract/epcis/event.ts";
import { topics } from "../../../contract/topics.ts";
import { ledgerPath, openLedger } from "../ledger/edge-fixture.ts";
import { coffee, FakeEdge, moved, startAtMs } from "../ledger/fake-edge.ts";

const storeId = "s0042";

/** A broker that takes so many messages, and then none. */
function linkTo(messages: OutgoingMessage[], takenCountMax = Number.POSITIVE_INFINITY) {
  let takenCount = 0;
  return {
    isOnline: true,
    publish: (message: OutgoingMessage) => {
      takenCount += 1;
      if (takenCount > takenCountMax) return Promise.resolve(false);
      messages.push(message);
      return Promise.resolve(true);
    },
  };
}

test("every entry goes out in order, over a broker that fails and a restart", async () => {
  const path = ledgerPath();
  const messages: OutgoingMessage[] = [];
  const places = new Places();
  const count = () => undefined;
  const ledger = await openLedger({ path });
  const edge = new FakeEdge().append(moved("receiving", coffee, { quantity: 100 }));
  const post = async (from: number) => await ledger.post([edge.batch(from)], startAtMs);
  await post(1);
  const first = new EpcisTopics({ ledger, link: linkTo(messages, 7), places, count });
  // What was there before the topic was begun is not told.
  expect(await first.step()).toBe(0);
  for (let number = 0; number < 20; number += 1) edge.append(moved("retail_selling", coffee));
  await post(2);
  expect(await first.step()).toBe(7);
  expect(await first.step()).toBe(0);
  const second = new EpcisTopics({ ledger, link: linkTo(messages), places, count });
  while ((await second.step()) > 0);
  const entries = await ledger.entries({ storeId, afterEntryNumber: 1, countMax: 100 });
  const told = messages.map(({ topic, payload }) => {
    expect(topic).toBe(topics.epcis(storeId));
    return epcisEventSchema.parse(JSON.parse(String(payload)))["gondola:entry"];
  });
  expect(told).toEqual(entries.map(({ entryNumber }) => `${storeId}/${entryNumber}`));
});
