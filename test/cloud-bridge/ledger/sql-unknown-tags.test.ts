// Tags that are not GS1: listed where they were seen last, until they leave.

import { expect, test } from "vitest";
import { openLedger } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "./fake-edge.ts";

const storeId = "s0042";
const tags = ["A0A0", "B0B0", "C0C0", "D0D0"];
const [floor, room] = ["floor", "stockroom"].map((name) => place(`${storeId}/${name}`));
const seen = (epc: string, atMs: number, fields: object) =>
  moved("relocating", coffee, { item: { epc }, occurredAtMs: startAtMs + atMs, ...fields });

test("each once, where it is, by page; those that left where all are asked for", async () => {
  const ledger = await openLedger();
  const edge = new FakeEdge().append(
    ...tags.map((epc, index) => seen(epc, index, { to: room })),
    seen("B0B0", 100, { from: room, to: floor }),
    seen("C0C0", 200, { from: room, to: place(`${storeId}/@exit`) }),
    moved("receiving", coffee, { to: room }),
  );
  await ledger.post([edge.batch(1, edge.lastSequence)], startAtMs + 60_000);
  const other = new FakeEdge("0b0b0b0b-1111", "edge-1", "s0043").append(
    seen("E0E0", 0, { to: place("s0043/floor") }),
  );
  await ledger.post([other.batch(1, 1)], startAtMs + 60_000);
  const list = { storeId, isOpen: true, countMax: 10 };
  const open = await ledger.unknownTags.list(list);
  expect(open.map(({ epc }) => epc)).toEqual(["A0A0", "B0B0", "D0D0"]);
  expect(open[1]).toEqual({
    ...{ epc: "B0B0", ...floor, isHere: true, entryNumber: 5 },
    ...{ firstSeenAtMs: startAtMs + 1, lastSeenAtMs: startAtMs + 100 },
  });
  const all = await ledger.unknownTags.list({ ...list, isOpen: false });
  expect(all.map(({ epc, isHere }) => `${epc} ${isHere}`)).toEqual([
    ...["A0A0 true", "B0B0 true", "C0C0 false", "D0D0 true"],
  ]);
  const first = await ledger.unknownTags.list({ ...list, countMax: 2 });
  const rest = await ledger.unknownTags.list({ ...list, after: "B0B0" });
  expect([...first, ...rest]).toEqual(open);
});
