import { describe, expect, test } from "vitest";
import { Harness } from "./uplink-harness.ts";

/** Answers probes as a ledger that shares the first `common` events. */
async function probe(harness: Harness, common: number, through: number): Promise<number> {
  let count = 0;
  while (harness.last.probe !== undefined && harness.outbox.renewals.length === 0) {
    count += 1;
    const probeMatches = harness.last.probe.sequence <= common;
    const code = "OUTBOX_DIVERGED" as const;
    const throughDigest = "b".repeat(64);
    await harness.acknowledge(through, { probeMatches, code, throughDigest });
  }
  return count;
}

describe("divergence", () => {
  test.each([
    { acknowledged: 40, last: 100, common: 61, through: 200 },
    { acknowledged: 40, last: 100, common: 40, through: 200 },
    { acknowledged: 40, last: 100, common: 73, through: 74 },
    { acknowledged: 90, last: 100, common: 17, through: 50 },
    { acknowledged: 100, last: 100, common: 100, through: 120 },
    { acknowledged: 0, last: 9, common: 0, through: 5 },
  ])("the last common sequence is found by probes: %o", async (given) => {
    const harness = new Harness();
    harness.outbox.append(given.last);
    harness.outbox.acknowledgedSequence = given.acknowledged;
    harness.outbox.acknowledgedDigest = harness.outbox.digestOf(given.acknowledged);
    harness.uplink.connected();
    await harness.settle();
    const throughDigest = "b".repeat(64);
    await harness.acknowledge(given.through, { throughDigest });
    expect(await probe(harness, given.common, given.through)).toBeLessThanOrEqual(8);
    expect(harness.outbox.renewals).toEqual([given.common]);
    expect(harness.alarms).toContain("outbox_diverged");
    expect(harness.last).toMatchObject({ outboxId: harness.outbox.outboxId, firstSequence: 1 });
    expect(harness.last.events).toHaveLength(0);
    await harness.acknowledge(0);
    expect(harness.last.events).toHaveLength(given.last - given.common + 1);
  });
});

describe("divergence, special cases", () => {
  test("frozen for a clone while our own chain is the ledger's: no question is needed", async () => {
    const harness = new Harness();
    harness.outbox.append(10);
    harness.uplink.connected();
    await harness.settle();
    await harness.acknowledge(7, { code: "OUTBOX_DIVERGED" });
    expect(harness.outbox.renewals).toEqual([7]);
  });

  test("within a gap of ours the digest at its end is asked for", async () => {
    const harness = new Harness();
    harness.outbox.append(100);
    harness.outbox.trimmedThrough = 60;
    harness.uplink.connected();
    await harness.settle();
    await harness.acknowledge(200, { throughDigest: "b".repeat(64) });
    await probe(harness, 80, 200);
    expect(harness.outbox.renewals).toEqual([80]);
  });

  test("a link that breaks in the search loses nothing: it begins anew", async () => {
    const harness = new Harness();
    harness.outbox.append(50);
    harness.uplink.connected();
    await harness.settle();
    await harness.acknowledge(70, { throughDigest: "b".repeat(64) });
    expect(harness.last.probe).toBeDefined();
    harness.uplink.disconnected();
    harness.uplink.connected();
    await harness.settle();
    expect(harness.last.probe).toBeUndefined();
    await harness.acknowledge(70, { throughDigest: "b".repeat(64) });
    await probe(harness, 33, 70);
    expect(harness.outbox.renewals).toEqual([33]);
  });
});
