// Text that PostgreSQL does not take, in whatever an edge may say.

import { expect, test } from "vitest";
import { openLedger, postOne } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, noticed, place } from "./fake-edge.ts";

const receive = () => moved("receiving", coffee, { to: place("s0042/floor/a") });

test("text that a database cannot hold stops nobody: its event is posted or in quarantine, others go on", async () => {
  const ledger = await openLedger();
  const texts = ["a\0b", "\ud800", "\udc00x"];
  const edge = new FakeEdge().append(receive());
  for (const text of texts) {
    edge.append(noticed("seen", { detail: { text } }));
    edge.append(moved("receiving", coffee, { to: place("s0099/floor"), deviceId: text }));
    edge.append(moved("receiving", coffee, { item: { gtin: coffee, serial: text } }));
  }
  edge.append(receive());
  const { answer } = await postOne(ledger, edge.batch(1));
  expect(answer.throughSequence).toBe(edge.lastSequence);
  const other = new FakeEdge("0b0b0b0b-2222", "edge-2").append(receive());
  expect((await postOne(ledger, other.batch(1))).entries).toHaveLength(1);
  expect((await ledger.verify()).problems).toEqual([]);
  expect((await ledger.quarantine()).length).toBeGreaterThan(0);
});
