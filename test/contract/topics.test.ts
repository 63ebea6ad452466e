import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bridgeSubscriptions,
  fnv1a32,
  parseTopic,
  partitionCount,
  partitionOf,
  topics,
} from "../../contract/topics.ts";
import { reservedIds } from "../../contract/units.ts";
import { anyGtin, anyId } from "./arbitraries.ts";

describe("partitions", () => {
  test.each([
    ["s0042", 0],
    ["s0001", 53],
    ["berlin-mitte", 41],
  ])("store %s is in partition %i", (storeId, partition) => {
    expect(partitionOf(storeId)).toBe(partition);
  });

  // The published test values of FNV-1a, 32 bits.
  test.each([
    ["", 0x811c9dc5],
    ["a", 0xe40c292c],
    ["foobar", 0xbf9cf968],
  ])("FNV-1a-32 of %j", (text, hash) => {
    expect(fnv1a32(text)).toBe(hash);
  });

  test("hashing takes UTF-8 bytes, not UTF-16 units", () => {
    const byBytes = (bytes: number[]) =>
      bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193) >>> 0, 0x811c9dc5);
    expect(fnv1a32("ü")).toBe(byBytes([0xc3, 0xbc]));
  });

  test("a chain of 1,000 stores fills every partition, none more than four times its share", () => {
    const counts = new Array<number>(partitionCount).fill(0);
    for (let store = 1; store <= 1000; store += 1) {
      counts[partitionOf(`s${String(store).padStart(4, "0")}`)]! += 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(Math.max(...counts)).toBeLessThan((4 * 1000) / partitionCount);
  });
});

describe("parseTopic", () => {
  const edgeChannels = ["ack", "status", "health", "command", "reply"] as const;
  const storeChannels = ["plan", "sold", "entries", "alerts"] as const;

  test("reads back every topic that `topics` writes", () => {
    fc.assert(
      fc.property(anyId, anyId, anyGtin, (storeId, edgeId, gtin) => {
        const partition = partitionOf(storeId);
        const events = { channel: "events", storeId, edgeId, partition };
        expect(parseTopic(topics.events(storeId, edgeId))).toEqual(events);
        for (const channel of edgeChannels) {
          const parsed = parseTopic(topics[channel](storeId, edgeId));
          expect(parsed).toEqual({ channel, storeId, edgeId });
        }
        for (const channel of storeChannels) {
          expect(parseTopic(topics[channel](storeId))).toEqual({ channel, storeId });
        }
        const stock = parseTopic(topics.stock(storeId, gtin));
        expect(stock).toEqual({ channel: "stock", storeId, gtin });
      }),
    );
  });

  test("what it reads is written back the same: no topic has a second spelling", () => {
    const names = fc.constantFrom("p", "0", "00", "53", "s0042", "s0001", "stock", "ack", "events");
    const more = fc.constantFrom(
      "plan",
      "sold",
      "e-1",
      "09506000134352",
      "",
      "+",
      "#",
      "$SYS",
      "E1",
    );
    const topic = fc
      .array(fc.oneof(names, more), { maxLength: 6 })
      .map((parts) => ["gondola/1", ...parts].join("/"));
    fc.assert(
      fc.property(topic, (text) => {
        const parsed = parseTopic(text);
        if (parsed === undefined) return;
        expect(rewrite(parsed)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["another root", "gondola/2/s0042/plan"],
    ["the wrong partition", "gondola/1/p/1/s0042/edge-1/events"],
    ["a partition with a leading zero", "gondola/1/p/00/s0042/edge-1/events"],
    ["a store id in capitals", "gondola/1/S0042/plan"],
    ["an unknown channel", "gondola/1/s0042/edge-1/shell"],
    ["a level too many", "gondola/1/s0042/edge-1/ack/x"],
    ["a wildcard", "gondola/1/+/edge-1/ack"],
    ["a GTIN of 13 digits", "gondola/1/s0042/stock/9506000134352"],
    ["nothing", ""],
  ])("refuses %s", (_what, topic) => {
    expect(parseTopic(topic)).toBeUndefined();
  });

  test.each(reservedIds.map((word) => [word]))("refuses the reserved word %s as an id", (word) => {
    for (const channel of [...edgeChannels]) {
      expect(parseTopic(topics[channel](word, "edge-1"))).toBeUndefined();
      expect(parseTopic(topics[channel]("s0042", word))).toBeUndefined();
    }
    expect(parseTopic(topics.plan(word))).toBeUndefined();
    expect(parseTopic(topics.events(word, "edge-1"))).toBeUndefined();
    expect(parseTopic(topics.events("s0042", word))).toBeUndefined();
  });
});

test("a bridge's subscriptions match the topics of edges and none for consumers", () => {
  const matches = (filter: string, topic: string) => {
    const pattern = filter.split("/").map((name) => (name === "+" ? "[^/]+" : name));
    return new RegExp(`^${pattern.join("/")}$`).test(topic);
  };
  const filters = Object.values(bridgeSubscriptions);
  const isTaken = (topic: string) => filters.some((filter) => matches(filter, topic));
  expect(isTaken(topics.events("s0042", "edge-1"))).toBe(true);
  expect(isTaken(topics.status("s0042", "edge-1"))).toBe(true);
  expect(isTaken(topics.reply("s0042", "edge-1"))).toBe(true);
  expect(isTaken(topics.ack("s0042", "edge-1"))).toBe(false);
  expect(isTaken(topics.stock("s0042", "09506000134352"))).toBe(false);
});

function rewrite(topic: NonNullable<ReturnType<typeof parseTopic>>): string {
  if (topic.channel === "stock") return topics.stock(topic.storeId, topic.gtin);
  if (topic.channel === "epcis") return `gondola/1/${topic.storeId}/epcis`;
  if ("edgeId" in topic) return topics[topic.channel](topic.storeId, topic.edgeId);
  return topics[topic.channel](topic.storeId);
}
