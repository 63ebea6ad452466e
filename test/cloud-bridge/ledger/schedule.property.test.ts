// Random schedules of batches from several edges: cut anywhere, repeated, reordered, left out, grouped by
// chance, with crashes between. An oracle that knows only the rule "the next sequence or nothing" says
// what has to be there.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { Incoming } from "../../../cloud-bridge/ledger/types.ts";
import { ledgerPath, openLedgerAt, runCountOf } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "./fake-edge.ts";

const eventCount = 12;
const stores = ["s0042", "s0043"];

const stepArbitrary = fc.record({
  edge: fc.nat(2),
  first: fc.integer({ min: 1, max: eventCount }),
  length: fc.integer({ min: 0, max: 6 }),
  /** Ends the group after this batch; a crash then too. */
  end: fc.constantFrom("none", "none", "commit", "crash"),
});

function makeEdges(): FakeEdge[] {
  return [0, 1, 2].map((index) => {
    const storeId = stores[index % 2]!;
    const edge = new FakeEdge(`0a0a0a0a-000${index}`, `edge-${index}`, storeId);
    for (let sequence = 1; sequence <= eventCount; sequence += 1) {
      const quantity = 1 + ((sequence * 7 + index) % 5);
      // Every fifth event breaks a rule.
      const to = place(sequence % 5 === 0 ? "s0099/floor" : `${storeId}/floor`);
      edge.append(moved("receiving", coffee, { quantity, to }));
    }
    return edge;
  });
}

test("whatever is repeated, left out or reordered: each event once, in order, nothing else", async () => {
  const schedule = fc.array(stepArbitrary, { minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(schedule, async (steps) => {
      const path = ledgerPath();
      const edges = makeEdges();
      const through = [0, 0, 0];
      const open = () => openLedgerAt(path);
      let ledger = await open();
      let group: { incoming: Incoming; edge: number; last: number; first: number }[] = [];
      const commit = async () => {
        const results = await ledger.post(
          group.map(({ incoming }) => incoming),
          startAtMs,
        );
        for (const [index, { answer }] of results.entries()) {
          const { edge, first, last, incoming } = group[index]!;
          const isHello = incoming.batch.events.length === 0;
          const isHole = !isHello && first > through[edge]! + 1;
          if (!isHole && !isHello) through[edge] = Math.max(through[edge]!, last);
          expect(answer.code).toBe(isHole ? "OUTBOX_HOLE" : undefined);
          expect(answer.throughSequence).toBe(through[edge]);
          expect(answer.throughDigest).toBe(edges[edge]!.digestAt(through[edge]!));
          const posted = (sequence: number) => sequence >= first && sequence <= last;
          const rejected = isHole || isHello ? [] : [5, 10].filter(posted);
          expect(answer.rejected.map(({ sequence }) => sequence)).toEqual(rejected);
        }
        group = [];
      };
      for (const { edge, first, length, end } of steps) {
        const last = Math.min(eventCount, first + length - 1);
        const source = edges[edge]!;
        const incoming = last < first ? source.hello(first) : source.batch(first, last);
        group.push({ incoming, edge, first, last });
        if (end === "none") continue;
        await commit();
        if (end === "commit") continue;
        await ledger.abandon();
        ledger = await open();
      }
      await commit();
      for (const storeId of stores) {
        const query = { storeId, afterEntryNumber: 0, countMax: 1000 };
        const entries = await ledger.entries(query);
        for (const [index, source] of edges.entries()) {
          if (source.storeId !== storeId) continue;
          const posted = entries.filter(({ edgeId }) => edgeId === source.edgeId);
          const expected = source.rows
            .filter(({ last }) => last <= through[index]! && last % 5 !== 0)
            .map(({ raw, last }) => [last, raw["quantity"]]);
          expect(posted.map(({ sequence, quantity }) => [sequence, quantity])).toEqual(expected);
        }
      }
      expect((await ledger.verify()).problems).toEqual([]);
      await ledger.close();
    }),
    { numRuns: runCountOf(60) },
  );
});
