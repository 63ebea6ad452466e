import { expect, test } from "vitest";
import {
  type Answer,
  type Command,
  decodeAnswer,
  encodeCommand,
} from "../../drivers/r2000/codec.ts";
import { FrameDecoder, publicAddress } from "../../drivers/r2000/frame.ts";
import { R2000Simulator } from "../../simulators/r2000.ts";
import { seededRandom } from "../../simulators/random.ts";

const epcOf = (index: number) => index.toString(16).toUpperCase().padStart(24, "0");

/** Sends one command and plays until the reader is done. */
function ask(reader: R2000Simulator, command: Command, atMs: number) {
  const decoder = new FrameDecoder();
  const answers: Answer[] = [];
  const take = (writes: Uint8Array[]) => {
    for (const item of writes.flatMap((bytes) => decoder.push(bytes))) {
      if (item.kind === "frame") answers.push(decodeAnswer(item.frame)!);
    }
  };
  take(reader.receive(encodeCommand(publicAddress, command), atMs));
  let nowMs = atMs;
  while (reader.nextTickMs() < Number.POSITIVE_INFINITY) {
    nowMs = reader.nextTickMs();
    take(reader.tick(nowMs));
  }
  return { answers, tookMs: nowMs - atMs };
}

/** Share of tags at one signal that a round reads. */
function readShare(rssiDbm: number): number {
  const reader = new R2000Simulator(seededRandom(11));
  const tags = Array.from({ length: 500 }, (_, index) => ({
    epc: epcOf(index),
    antenna: 1,
    rssiDbm,
  }));
  reader.control({ type: "field", tags });
  const { answers } = ask(reader, { type: "inventory", repeatCount: 1 }, 0);
  return answers.filter(({ type }) => type === "tag").length / 500;
}

test("the weaker a tag, the less often it is read", () => {
  const shares = [-40, -66, -70, -74, -90].map(readShare);
  expect(shares[0]).toBe(1);
  expect(shares[2]).toBeGreaterThan(0.35);
  expect(shares[2]).toBeLessThan(0.65);
  expect(shares[4]).toBe(0);
  expect([...shares].sort((a, b) => b - a)).toEqual(shares);
});

test("a round takes 20 ms at least, and 1 to 3 ms for each read", () => {
  const reader = new R2000Simulator(seededRandom(1));
  const inventory: Command = { type: "inventory", repeatCount: 1 };
  const empty = ask(reader, inventory, 1000);
  expect(empty.tookMs).toBeCloseTo(21, 0);
  expect(empty.answers).toEqual([
    { type: "round_end", antenna: 1, readsPerSecond: 0, readCount: 0 },
  ]);
  const tags = Array.from({ length: 100 }, (_, index) => ({
    ...{ epc: epcOf(index), antenna: 1, rssiDbm: -30 },
  }));
  reader.control({ type: "field", tags });
  const full = ask(reader, inventory, 5000);
  expect(full.answers).toHaveLength(101);
  expect(full.tookMs).toBeGreaterThan(100);
  expect(full.tookMs).toBeLessThan(302);
  expect(full.answers.at(-1)).toMatchObject({ type: "round_end", readCount: 100 });
});

test("commands wait for the round before them", () => {
  const reader = new R2000Simulator(seededRandom(1));
  reader.receive(encodeCommand(publicAddress, { type: "inventory", repeatCount: 3 }), 0);
  reader.receive(encodeCommand(publicAddress, { type: "get_version" }), 1);
  expect(reader.tick(60)).toEqual([]);
  expect(reader.tick(70)).toHaveLength(2);
});

test("settings are kept; unknown commands and foreign addresses get what they should", () => {
  const reader = new R2000Simulator(seededRandom(1), { address: 4 });
  ask(reader, { type: "set_power", powersDbm: [20, 21, 22, 23] }, 0);
  ask(reader, { type: "set_region", region: "chn" }, 10);
  expect(ask(reader, { type: "get_power" }, 20).answers[0]).toMatchObject({
    powersDbm: [20, 21, 22, 23],
  });
  expect(ask(reader, { type: "get_region" }, 30).answers[0]).toMatchObject({ region: "chn" });
  expect(ask(reader, { type: "set_antenna", antenna: 9 }, 40).answers[0]).toMatchObject({
    code: 0x41,
  });
  reader.receive(encodeCommand(5, { type: "get_version" }), 50);
  expect(reader.nextTickMs()).toBe(Number.POSITIVE_INFINITY);
});
