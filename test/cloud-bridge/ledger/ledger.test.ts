// The rules of posting, on a real SQLite file: what the position does with whatever may arrive.

import { describe, expect, test } from "vitest";
import { genesisDigest } from "../../../contract/digest.ts";
import { balancesOf, openLedger, postOne } from "./edge-fixture.ts";
import { coffee, counted, FakeEdge, moved, noticed, place, startAtMs } from "./fake-edge.ts";

const shelf = place("s0042/floor/a");
const receive = (quantity = 1) => moved("receiving", coffee, { quantity, to: shelf });
const six = () => new FakeEdge().append(...Array.from({ length: 6 }, () => receive()));
const standing = ({
  answer,
}: {
  answer: { throughSequence: number; code?: string | undefined };
}) => [answer.throughSequence, answer.code];

test("rows of quarantine are counted for each edge that has some", async () => {
  const ledger = await openLedger();
  expect(await ledger.quarantineCounts()).toEqual([]);
  const abroad = () => moved("receiving", coffee, { to: place("s0099/floor") });
  const bad = new FakeEdge().append(abroad(), receive(), abroad());
  const good = new FakeEdge("0b0b0b0b-2222", "edge-2").append(receive());
  const other = new FakeEdge("0c0c0c0c-3333", "edge-3").append(abroad());
  await ledger.post([bad.batch(1), good.batch(1), other.batch(1)], startAtMs);
  const counts = await ledger.quarantineCounts();
  expect(counts.sort((one, two) => (one.edgeId < two.edgeId ? -1 : 1))).toEqual([
    { storeId: "s0042", edgeId: "edge-1", count: 2 },
    { storeId: "s0042", edgeId: "edge-3", count: 1 },
  ]);
});

test("deeds are numbered by store, in the order in which they were done", async () => {
  const ledger = await openLedger();
  const policy = await ledger.counting.policy("s0042");
  for (const [storeId, by] of [
    ["s0042", "ann"],
    ["s0043", "bob"],
    ["s0042", "cem"],
  ] as const) {
    await ledger.counting.setPolicy(storeId, policy, { by, nowMs: startAtMs });
  }
  // Who sent facts is noted when it is somebody else.
  const facts = ["a", "a2", "b", "b2"].map((key) => ({
    ...{ storeId: "s0042", sourceId: "till", key, digest: key, facts: [], by: `by ${key[0]}` },
  }));
  await Promise.all(facts.map((each) => ledger.facts.take(each, startAtMs)));
  await ledger.facts.take({ ...facts[3]!, key: "b3" }, startAtMs + 1);
  const deeds = await ledger.audit({ storeId: "s0042", countMax: 10 });
  expect(deeds.map(({ auditNumber, by, act }) => [auditNumber, by, act])).toEqual([
    [1, "ann", "count_policy_set"],
    [2, "cem", "count_policy_set"],
    [3, "by a", "facts_posted"],
    [4, "by b", "facts_posted"],
  ]);
  expect(await ledger.audit({ storeId: "s0042", afterNumber: 2, countMax: 1 })).toHaveLength(1);
  expect(await ledger.audit({ storeId: "s0043", countMax: 10 })).toHaveLength(1);
  expect(await ledger.audit({ countMax: 10 })).toEqual([]);
});

describe("position", () => {
  test("a batch is posted once, answered with position, digest, epoch and nonce", async () => {
    const ledger = await openLedger();
    const edge = six();
    const batch = edge.batch(1, 4);
    const first = await postOne(ledger, batch);
    expect(first.answer).toEqual({
      ...{ outboxId: edge.outboxId, ledgerEpoch: startAtMs, nonce: batch.batch.nonce },
      ...{ throughSequence: 4, throughDigest: edge.digestAt(4), rejected: [] },
    });
    expect([first.postedEventCount, first.skippedEventCount]).toEqual([4, 0]);
    expect(first.changedItems).toEqual([{ storeId: "s0042", gtin: coffee }]);
    const again = await postOne(ledger, batch);
    expect([again.postedEventCount, again.skippedEventCount]).toEqual([0, 4]);
    expect(again.changedItems).toEqual([]);
    const overlapping = await postOne(ledger, edge.batch(3));
    expect([overlapping.postedEventCount, overlapping.skippedEventCount]).toEqual([2, 2]);
    expect(await balancesOf(ledger, coffee)).toEqual({
      "@supplier sellable": -6,
      "floor/a sellable": 6,
    });
    expect((await ledger.verify()).problems).toEqual([]);
  });

  test("a hole is answered with the old position", async () => {
    const ledger = await openLedger();
    const edge = six();
    await postOne(ledger, edge.batch(1, 2));
    expect(standing(await postOne(ledger, edge.batch(4)))).toEqual([2, "OUTBOX_HOLE"]);
    expect(standing(await postOne(ledger, edge.batch(3)))).toEqual([6, undefined]);
  });

  test("several batches of one group are posted in their order", async () => {
    const ledger = await openLedger();
    const edge = six();
    const group = [edge.batch(1, 3), edge.batch(5), edge.batch(4, 4), edge.batch(1, 6)];
    const results = await ledger.post(group, startAtMs);
    expect(results.map(standing)).toEqual([
      [3, undefined],
      [3, "OUTBOX_HOLE"],
      [4, undefined],
      [6, undefined],
    ]);
    const entries = await ledger.entries({ storeId: "s0042", afterEntryNumber: 0, countMax: 10 });
    expect(entries.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("completeThroughAtMs follows batches that are posted to their end, and never goes back", async () => {
    const ledger = await openLedger();
    const edge = six();
    const through = async () => (await ledger.positions())[0]?.completeThroughAtMs;
    await postOne(ledger, edge.batch(1, 3, { completeThroughAtMs: 500 }));
    expect(await through()).toBe(500);
    await postOne(ledger, edge.batch(5, 6, { completeThroughAtMs: 900 }));
    expect(await through()).toBe(500);
    await postOne(ledger, edge.batch(1, 2, { completeThroughAtMs: 400 }));
    expect(await through()).toBe(500);
    await postOne(ledger, edge.hello(4, { completeThroughAtMs: 700 }));
    expect(await through()).toBe(700);
    await postOne(ledger, edge.hello(6, { completeThroughAtMs: 900 }));
    expect(await through()).toBe(700);
  });
});

describe("hello", () => {
  test("of an unknown outbox: position 0 and its genesis digest, and nothing is stored", async () => {
    const ledger = await openLedger();
    const edge = six();
    const hello = edge.hello(1);
    const { answer } = await postOne(ledger, hello);
    expect(answer).toMatchObject({ throughSequence: 0, nonce: hello.batch.nonce });
    expect(answer.throughDigest).toBe(genesisDigest(edge.outboxId));
    expect(await ledger.positions()).toEqual([]);
  });

  test("a probe is answered from the event log, also for a frozen outbox", async () => {
    const ledger = await openLedger();
    const edge = six();
    await postOne(ledger, edge.batch(1));
    const probe = async (sequence: number, digest: string) =>
      (await postOne(ledger, edge.hello(7, { probe: { sequence, digest } }))).answer.probeMatches;
    const other = "0".repeat(64);
    expect(await probe(3, edge.digestAt(3))).toBe(true);
    expect(await probe(3, other)).toBe(false);
    expect(await probe(9, other)).toBe(false);
    const twin = edge.clone().append(receive(9), receive());
    await postOne(ledger, edge.append(receive(), receive()).batch(7));
    await postOne(ledger, twin.hello(9));
    expect((await ledger.positions())[0]?.frozen).toBe(true);
    expect(await probe(3, edge.digestAt(3))).toBe(true);
    expect(await probe(3, other)).toBe(false);
  });

  test("that ends below the position is told it, whatever the edge's clock says, and freezes nothing", async () => {
    const ledger = await openLedger();
    const edge = six();
    edge.sentAtMs += 1_000_000;
    const late = edge.hello(1);
    edge.sentAtMs -= 2_000_000;
    await postOne(ledger, edge.append(receive()).batch(1));
    expect(standing(await postOne(ledger, late))).toEqual([7, undefined]);
    expect((await ledger.positions())[0]?.frozen).toBe(false);
  });

  test("whose digest differs where the ledger has one is a divergence", async () => {
    const ledger = await openLedger();
    const edge = six();
    const twin = edge.clone().append(receive(9), receive());
    await postOne(ledger, edge.append(receive(), receive()).batch(1));
    expect(standing(await postOne(ledger, twin.hello(8)))).toEqual([8, "OUTBOX_DIVERGED"]);
  });
});

describe("divergence", () => {
  const cases = {
    "a batch that continues another history": (twin: FakeEdge) => twin.append(receive()).batch(9),
    "a batch that crosses the position": (twin: FakeEdge) => twin.append(receive()).batch(6),
    "a batch that ends at the position": (twin: FakeEdge) => twin.batch(6, 8),
    "a batch wholly below the position": (twin: FakeEdge) => twin.batch(6, 7),
  };
  for (const [name, batchOf] of Object.entries(cases)) {
    test(`${name} freezes the outbox once, with one alarm`, async () => {
      const ledger = await openLedger();
      const edge = six();
      const twin = edge.clone().append(receive(9), receive());
      await postOne(ledger, edge.append(receive(), receive()).batch(1));
      const { answer, alerts } = await postOne(ledger, batchOf(twin));
      expect([answer.code, answer.throughSequence]).toEqual(["OUTBOX_DIVERGED", 8]);
      expect(answer.throughDigest).toBe(edge.digestAt(8));
      expect(alerts).toHaveLength(1);
      const again = await postOne(ledger, batchOf(twin));
      expect([again.answer.code, again.alerts]).toEqual(["OUTBOX_DIVERGED", []]);
      expect((await ledger.verify()).problems).toEqual([]);
    });
  }

  test("a first batch that does not begin at the outbox's genesis is refused", async () => {
    const ledger = await openLedger();
    const foreign = six().batch(1, 6, { previousDigest: genesisDigest("another") });
    expect(standing(await postOne(ledger, foreign))).toEqual([0, "OUTBOX_DIVERGED"]);
  });

  test("an edge that says itself that its outbox diverged has the old one frozen", async () => {
    const ledger = await openLedger();
    const edge = six();
    await postOne(ledger, edge.batch(1));
    const next = new FakeEdge("0b0b0b0b-2222");
    const detail = { previousOutboxId: edge.outboxId, reason: "diverged" };
    const { alerts } = await postOne(
      ledger,
      next.append(noticed("outbox_started", { detail })).batch(1),
    );
    expect(alerts.map(({ code }) => code)).toEqual(["second_outbox", "outbox_diverged"]);
    const frozen = (await ledger.positions()).map(({ outboxId, frozen }) => [outboxId, frozen]);
    expect(frozen).toEqual([
      [edge.outboxId, true],
      [next.outboxId, false],
    ]);
  });
});

describe("gap", () => {
  test("is clipped to what lies above the position, recorded as loss, and asks for a count", async () => {
    const ledger = await openLedger();
    const edge = six();
    await postOne(ledger, edge.batch(1, 2));
    edge.dropRange(2, 4).append(receive());
    const { answer, alerts, entries } = await postOne(ledger, edge.batch(2));
    expect([answer.throughSequence, answer.throughDigest]).toEqual([7, edge.digestAt(7)]);
    expect(entries.map(({ sequence }) => sequence)).toEqual([5, 6, 7]);
    expect(alerts).toMatchObject([
      { code: "declared_loss", detail: { firstSequence: 3, lastSequence: 4, reason: "overflow" } },
    ]);
    expect(await ledger.declaredLosses({})).toMatchObject([{ firstSequence: 3, lastSequence: 4 }]);
    expect(await ledger.tasks({})).toMatchObject([{ code: "declared_loss", location: "s0042" }]);
    expect((await ledger.verify()).problems).toEqual([]);
  });

  test("wholly below the position changes nothing", async () => {
    const ledger = await openLedger();
    const edge = six();
    await postOne(ledger, edge.batch(1));
    const { answer, alerts } = await postOne(ledger, edge.dropRange(2, 4, "trimmed").batch(2, 4));
    expect([answer.throughSequence, answer.code, alerts]).toEqual([6, undefined, []]);
  });

  test("that ends at the position has to end with the ledger's digest", async () => {
    const ledger = await openLedger();
    const edge = six();
    await postOne(ledger, edge.batch(1));
    edge.dropRange(2, 6).append(receive());
    const gap = { ...edge.rows[1]!.raw, digest: "0".repeat(64) };
    const forged = edge.batch(2, 7, { events: [gap, edge.rows[2]!.raw] });
    expect(standing(await postOne(ledger, forged))).toEqual([6, "OUTBOX_DIVERGED"]);
  });

  test("a ledger restored behind a trimmed edge goes on with a declared gap", async () => {
    const restored = await openLedger();
    const edge = six();
    await postOne(restored, edge.batch(1, 2));
    const epoch = await restored.restoreMark(startAtMs - 5);
    expect(epoch).toBe(startAtMs + 1);
    edge.dropRange(1, 5, "trimmed");
    const { answer } = await postOne(restored, edge.hello(6, { oldestSequence: 6 }));
    expect([answer.throughSequence, answer.ledgerEpoch]).toEqual([2, startAtMs + 1]);
    const gap = { ...edge.rows[0]!.raw, firstSequence: 3 };
    const first = edge.batch(3, 6, { events: [gap, edge.rows[1]!.raw] });
    const batch = { ...first.batch, previousDigest: answer.throughDigest };
    expect(standing(await postOne(restored, { ...first, batch }))).toEqual([6, undefined]);
    expect((await restored.verify()).problems).toEqual([]);
  });
});

test("the quarantine is listed of all stores or of some", async () => {
  const ledger = await openLedger();
  const ids = ["s0042", "s0043"];
  for (const [index, id] of ids.entries()) {
    const edge = new FakeEdge(`0b0b0b0b-222${index}`, "edge-1", id);
    edge.append(moved("receiving", coffee, { quantity: 0 }));
    await postOne(ledger, edge.batch(1));
  }
  const stores = async (storeIds?: string[]) => {
    const found = await ledger.quarantine(storeIds && { storeIds });
    return found.map(({ storeId }) => storeId);
  };
  expect(await stores()).toEqual(ids);
  expect(await stores(["s0043"])).toEqual(["s0043"]);
  expect(await stores([])).toEqual([]);
  const [{ id } = { id: "" }] = await ledger.quarantine({ storeIds: ["s0043"] });
  expect(await ledger.repost(id, { by: "m", nowMs: startAtMs })).toMatchObject({
    ok: false,
    code: "EVENT_INVALID",
  });
});

test("an edge whose disk lost its last events asks for a count, each time", async () => {
  const ledger = await openLedger();
  const said = noticed("buffer_set_back", { detail: { cause: "damaged", lostCommitCount: 3 } });
  const edge = new FakeEdge().append(receive(), said, receive(), said);
  const { alerts } = await postOne(ledger, edge.batch(1));
  const losses = alerts.filter(({ code }) => code === "declared_loss");
  expect(losses).toMatchObject([{ detail: { reason: "buffer_set_back" } }, {}]);
  expect(await ledger.tasks({ storeId: "s0042" })).toHaveLength(2);
});

describe("a second outbox of an edge", () => {
  test("asks for a count once, whether it says so or not", async () => {
    const ledger = await openLedger();
    await postOne(ledger, six().batch(1));
    const silent = new FakeEdge("0b0b0b0b-2222").append(receive(), receive());
    const first = await postOne(ledger, silent.batch(1, 1));
    const second = await postOne(ledger, silent.batch(2));
    expect([first.alerts.length, second.alerts.length]).toEqual([1, 0]);
    const detail = { previousOutboxId: "0c0c0c0c-3333", reason: "corrupt" };
    const other = new FakeEdge("0d0d0d0d-4444", "edge-2");
    await postOne(ledger, other.append(noticed("outbox_started", { detail })).batch(1));
    const tasks = await ledger.tasks({ storeId: "s0042" });
    expect(tasks.map(({ code }) => code)).toEqual(["second_outbox", "second_outbox"]);
  });

  test("an outbox that its edge gave up for another reason than divergence is not frozen", async () => {
    const ledger = await openLedger();
    const edge = six();
    await postOne(ledger, edge.batch(1));
    const detail = { previousOutboxId: edge.outboxId, reason: "corrupt" };
    const next = new FakeEdge("0b0b0b0b-2222").append(noticed("outbox_started", { detail }));
    await postOne(ledger, next.batch(1));
    expect((await ledger.positions()).map(({ frozen }) => frozen)).toEqual([false, false]);
  });

  test("the first outbox of each edge asks for nothing", async () => {
    const ledger = await openLedger();
    const detail = { reason: "first" };
    for (const edgeId of ["edge-1", "edge-2"]) {
      const edge = new FakeEdge(`0a0a0a0a-${edgeId.at(-1)}`, edgeId);
      await postOne(ledger, edge.append(noticed("outbox_started", { detail })).batch(1));
    }
    expect(await ledger.tasks({})).toEqual([]);
  });
});

describe("count tasks", () => {
  test("one for an account below zero, until it is no longer", async () => {
    const ledger = await openLedger();
    const edge = new FakeEdge();
    const sell = () => moved("retail_selling", coffee, { from: shelf });
    await postOne(ledger, edge.append(sell(), sell()).batch(1));
    await postOne(ledger, edge.append(sell()).batch(3));
    expect(await ledger.tasks({})).toMatchObject([
      { code: "negative_balance", location: shelf.location, state: "sellable", item: coffee },
    ]);
    await postOne(ledger, edge.append(receive(5)).batch(4));
    expect(await ledger.tasks({})).toEqual([]);
    await postOne(ledger, edge.append(...Array.from({ length: 3 }, sell)).batch(5));
    expect((await ledger.tasks({})).map(({ taskId }) => taskId)).toEqual([2]);
  });

  test("a complete count closes what lies below its location", async () => {
    const ledger = await openLedger();
    const edge = new FakeEdge();
    const sell = moved("retail_selling", coffee, { from: shelf });
    await postOne(ledger, edge.append(sell).dropRange(1, 1).append(sell).batch(1));
    expect(await ledger.tasks({})).toHaveLength(2);
    await postOne(ledger, edge.append(counted("s0042/floor", { [coffee]: 3 })).batch(3));
    expect((await ledger.tasks({})).map(({ code }) => code)).toEqual(["declared_loss"]);
    await postOne(ledger, edge.append(counted("s0042", { [coffee]: 3 })).batch(4));
    expect(await ledger.tasks({})).toEqual([]);
  });

  test("other counts close nothing: partial ones, of another state, elsewhere", async () => {
    const ledger = await openLedger();
    const sell = moved("retail_selling", coffee, { from: shelf });
    const others = [
      counted(shelf.location, {}, { complete: false }),
      counted(shelf.location, {}, { state: "damaged" }),
      counted("s0042/floor/b", {}),
    ];
    const edge = new FakeEdge().append(sell, ...others);
    await postOne(ledger, edge.batch(1));
    await postOne(ledger, edge.append(...others).batch(5));
    expect((await ledger.tasks({})).map(({ code }) => code)).toEqual(["negative_balance"]);
  });

  test("a complete count empties what is not listed anywhere below its location", async () => {
    const ledger = await openLedger();
    const edge = new FakeEdge().append(receive(4));
    await postOne(ledger, edge.batch(1));
    await postOne(ledger, edge.append(counted("s0042/floor", {})).batch(2));
    expect(await balancesOf(ledger, coffee)).toEqual({
      "@supplier sellable": -4,
      "@variance sellable": 4,
    });
  });
});
