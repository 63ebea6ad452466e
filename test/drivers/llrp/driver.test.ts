import { describe, expect, test } from "vitest";
import { readingSchema } from "../../../contract/reading.ts";
import { device } from "../../../drivers/llrp/driver.ts";
import { encodeNotification } from "../../../drivers/llrp/events.ts";
import { encodeMessage, type Message, MessageDecoder } from "../../../drivers/llrp/frame.ts";
import { parametersOf } from "../../../drivers/llrp/parameter.ts";
import { readRoSpec, storedRoSpecs } from "../../../drivers/llrp/ro-spec.ts";
import { messageName, messageTypes } from "../../../drivers/llrp/tables.ts";
import { LlrpSimulator } from "../../../simulators/llrp.ts";
import type { LlrpSimulatorOptions } from "../../../simulators/llrp-reader.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench, startAtMs } from "../bench.ts";

const epcs = ["3034257BF7194E4000001A85", "3034257BF7194E4000001A86", "E2003412DC0301182200"].map(
  (hex) => hex.padEnd(24, "0"),
);
const field = (antenna: number, rssiDbm = -40) => ({
  type: "field",
  tags: epcs.map((epc) => ({ epc, antenna, rssiDbm, tid: "E28011052000" })),
});

async function start(options: object = {}, simulated: LlrpSimulatorOptions = {}) {
  const bench = new Bench();
  const reader = bench.plug(new LlrpSimulator(seededRandom(7), simulated));
  const { ended } = await bench.run(device, options);
  await bench.advance(1);
  return { bench, reader, ended };
}

const messagesOf = (bench: Bench): Message[] => {
  const found = bench.written.flatMap((bytes) => new MessageDecoder().push(bytes));
  return found.flatMap((item) => (item.kind === "frame" ? [item.frame] : []));
};
const namesOf = (bench: Bench) => messagesOf(bench).map(({ type }) => messageName(type));
const roSpecOf = (bench: Bench) => {
  const added = messagesOf(bench).find(({ type }) => type === messageTypes.ADD_ROSPEC);
  const [stored] = storedRoSpecs(parametersOf(added?.content ?? new Uint8Array()) ?? []);
  return stored && readRoSpec(stored.bytes);
};

describe("a reader that works", () => {
  test("is greeted, known, set, given a ROSpec, and read", async () => {
    const { bench, reader, ended } = await start();
    expect(bench.identified).toBe(
      "LLRP reader of Impinj, model 2001002, firmware 5.14.0.240, 4 antennas, modes 0, 2, 1000",
    );
    expect(namesOf(bench)).toEqual([
      "GET_READER_CAPABILITIES",
      "CUSTOM_MESSAGE",
      "SET_READER_CONFIG",
      "GET_READER_CONFIG",
      "ENABLE_EVENTS_AND_REPORTS",
      "GET_ROSPECS",
      "DELETE_ROSPEC",
      "DELETE_ACCESSSPEC",
      "ADD_ROSPEC",
      "ENABLE_ROSPEC",
    ]);
    reader.control(field(2));
    await bench.advance(4000);
    expect(new Set(bench.tags.map(({ epc }) => epc))).toEqual(new Set(epcs));
    for (const tag of bench.tags) {
      expect(readingSchema.parse(tag)).toEqual(tag);
      expect(tag).toMatchObject({ deviceId: "device-1", antenna: 2, count: 1 });
      expect([865.7, 866.3, 866.9, 867.5]).toContain(tag.channelMhz);
      expect(tag.phaseDeg).toBeGreaterThanOrEqual(0);
      // Impinj's RSSI has two decimals.
      expect(Math.abs(tag.rssiDbm * 100 - Math.round(tag.rssiDbm * 100))).toBeLessThan(1e-6);
      expect(tag.tid).toBeUndefined();
      // Read at some time in the dwell before it was reported.
      expect(tag.receivedAtMs - (tag.readerAtMs ?? 0)).toBeLessThanOrEqual(51);
    }
    // 4 s, four antennas of 50 ms, 3 tags on one of them.
    expect(bench.tags.length).toBeGreaterThanOrEqual(57);
    bench.stop();
    expect(await ended).toBe("stopped");
    expect(namesOf(bench).at(-1)).toBe("CLOSE_CONNECTION");
  });

  test("one without extensions tells whole dBm and no phase", async () => {
    const { bench, reader } = await start({}, { maker: "zebra", region: "fcc" });
    expect(bench.identified).toContain("LLRP reader of Zebra");
    reader.control(field(1));
    await bench.advance(1000);
    expect(bench.tags.length).toBeGreaterThan(10);
    for (const tag of bench.tags) {
      expect(Number.isInteger(tag.rssiDbm)).toBe(true);
      expect(tag.phaseDeg).toBeUndefined();
      expect(tag.channelMhz).toBeGreaterThan(902);
    }
  });
});

describe("what is configured", () => {
  test("options become a ROSpec", async () => {
    const { bench, reader } = await start({
      antennas: [3, 1],
      powerDbm: 24.6,
      modeId: 1000,
      session: 2,
      tagCount: 200,
      searchMode: "single_target",
      hasTid: true,
      reportEveryReadCount: 3,
    });
    expect(roSpecOf(bench)).toEqual({
      roSpecId: 1,
      antennas: [3, 1],
      // 10 dBm is index 1, in steps of a quarter: 24.5 is the highest not above.
      powerIndex: 59,
      hopTableId: 1,
      channelIndex: 0,
      modeIndex: 1000,
      session: 2,
      tagPopulation: 200,
      searchMode: 1,
      reportEveryReadCount: 3,
      hasImpinjContent: true,
      hasTid: true,
    });
    reader.control(field(3));
    await bench.advance(1000);
    expect(bench.tags.every(({ tid }) => tid === "E28011052000")).toBe(true);
    expect(bench.tags.length % 3).toBe(0);
  });

  test("an empty field is no failure, and keepalives are answered", async () => {
    const { bench } = await start();
    await bench.advance(60_000);
    expect(bench.tags).toEqual([]);
    expect(bench.counters["keepalives"]).toBe(12);
    expect(namesOf(bench).filter((name) => name === "KEEPALIVE_ACK")).toHaveLength(12);
  });

  test("inputs are told at the start and when they change, by their names", async () => {
    const inputs = [{ port: 2, line: "beam-outer", isActiveLow: true }];
    const { bench, reader } = await start({ inputs });
    reader.control({ type: "input", port: 2, isHigh: true });
    await bench.advance(1);
    const told = bench.readings.flatMap((each) => (each.kind === "input" ? [each] : []));
    expect(told.map(({ line, active }) => [line, active])).toEqual([
      ["gpi-1", false],
      ["beam-outer", true],
      ["gpi-3", false],
      ["gpi-4", false],
      ["beam-outer", false],
    ]);
  });

  test("a reader without a clock: its uptime is placed by the time it greeted", async () => {
    const bench = new Bench();
    await bench.advance(10_000);
    const reader = bench.plug(new LlrpSimulator(seededRandom(7), { hasClock: false }));
    await bench.run(device);
    reader.control(field(1));
    await bench.advance(3000);
    for (const { readerAtMs = 0, receivedAtMs } of bench.tags) {
      expect(receivedAtMs - readerAtMs).toBeLessThanOrEqual(52);
      expect(receivedAtMs - readerAtMs).toBeGreaterThanOrEqual(-2);
    }
    expect(bench.tags.length).toBeGreaterThan(10);
  });

  test("1.1 is spoken where it is asked for and there", async () => {
    for (const supportsVersion11 of [true, false]) {
      const { bench } = await start({ protocolVersion: "1.1" }, { supportsVersion11 });
      await bench.advance(100);
      const versions = new Set(messagesOf(bench).map(({ version }) => version));
      expect(versions).toEqual(new Set(supportsVersion11 ? [1, 2] : [1]));
      expect(bench.identified).toContain("LLRP reader");
    }
  });
});

describe("the ROSpec", () => {
  test("is verified: a reader that does not begin by itself is told to", async () => {
    const { bench, reader } = await start({}, { startsByItself: false });
    await bench.advance(5100);
    expect(namesOf(bench)).toContain("START_ROSPEC");
    reader.control(field(1));
    await bench.advance(1000);
    expect(bench.tags.length).toBeGreaterThan(5);
  });

  test("that somebody stops ends the run, and the next one starts it again", async () => {
    const { bench, reader, ended } = await start();
    reader.control({ type: "stop" });
    await bench.advance(1);
    expect(await ended).toMatchObject({
      code: "DRIVER_COMMAND_REFUSED",
      message: "the reader's ROSpec ended",
      retryable: true,
    });
    reader.disconnected();
    await bench.reopen();
    await bench.run(device);
    reader.control(field(1));
    await bench.advance(1000);
    expect(bench.tags.length).toBeGreaterThan(5);
  });

  test("goes on while the network is away, and what was kept comes with its times", async () => {
    const { bench, reader } = await start();
    reader.control(field(1));
    await bench.advance(1000);
    const before = bench.tags.length;
    await bench.reopen();
    reader.disconnected();
    const goneAtMs = bench.clock.nowMs();
    await bench.advance(20_000);
    expect(bench.tags).toHaveLength(before);
    await bench.run(device);
    await bench.advance(10);
    expect(bench.counters["ro_specs_kept"]).toBe(1);
    expect(namesOf(bench).filter((name) => name === "ADD_ROSPEC")).toHaveLength(1);
    const kept = bench.tags.slice(before);
    // A hundred dwells of antenna 1, three tags in each.
    expect(kept.length).toBeGreaterThan(280);
    const times = kept.map(({ readerAtMs = 0 }) => readerAtMs);
    expect(Math.min(...times)).toBeLessThan(goneAtMs + 500);
    expect(times).toEqual([...times].sort((left, right) => left - right));
  });

  test("of other options takes the place of the one before", async () => {
    const { bench, reader } = await start();
    await bench.reopen();
    reader.disconnected();
    await bench.run(device, { session: 1 });
    await bench.advance(10);
    expect(namesOf(bench).filter((name) => name === "ADD_ROSPEC")).toHaveLength(2);
    expect(bench.counters["ro_specs_kept"]).toBeUndefined();
  });
});

describe("what is wrong with a reader", () => {
  test("antennas, buffer and exceptions degrade it with the reason, until they are well", async () => {
    const { bench, reader } = await start({ antennas: [1, 2] });
    reader.control({ type: "antenna", antenna: 2, connected: false });
    reader.control({ type: "antenna", antenna: 4, connected: false });
    reader.control({ type: "buffer", fullShare: 0.85 });
    reader.control({ type: "exception", text: "overheated" });
    await bench.advance(1);
    expect(bench.states.at(-1)).toMatchObject({
      state: "degraded",
      reason: 'antenna 2 is not connected; its buffer is 85 % full; it says "overheated"',
    });
    await bench.advance(61_000);
    expect(bench.states.at(-1)?.reason).toBe("antenna 2 is not connected");
    reader.control({ type: "antenna", antenna: 2, connected: true });
    await bench.advance(1);
    expect(bench.states.at(-1)).toMatchObject({ state: "online" });
  });

  test("an antenna that is missing from the start is told", async () => {
    const bench = new Bench();
    const reader = bench.plug(new LlrpSimulator(seededRandom(7)));
    reader.control({ type: "antenna", antenna: 2, connected: false });
    await bench.run(device, { antennas: [2] });
    await bench.advance(10);
    expect(bench.states.at(-1)?.reason).toBe("antenna 2 is not connected");
  });

  test("reads lost in its buffer are told", async () => {
    const { bench, reader } = await start({}, { heldCountMax: 5 });
    reader.control(field(1));
    await bench.reopen();
    reader.disconnected();
    await bench.advance(10_000);
    await bench.run(device);
    await bench.advance(10);
    expect(bench.counters["buffer_overflows"]).toBe(1);
    expect(bench.states.at(-1)?.reason).toBe("its buffer ran over: reads were lost");
  });

  test("a reader that forgot its keepalives is set anew", async () => {
    const { bench, reader } = await start();
    reader.control({ type: "fault", fault: "silence", count: 2 });
    await bench.advance(16_000);
    expect(bench.counters["keepalives_missing"]).toBe(1);
    await bench.advance(30_000);
    expect(bench.counters["keepalives"]).toBeGreaterThanOrEqual(4);
  });

  test("one that vanished without a word: DRIVER_SILENT", async () => {
    const { bench, reader, ended } = await start();
    reader.control({ type: "fault", fault: "silence", count: 1_000_000 });
    await bench.advance(26_000);
    expect(await ended).toMatchObject({
      code: "DRIVER_SILENT",
      message: "SET_READER_CONFIG was not answered",
    });
  });

  test("switched off: DRIVER_PORT_LOST by its last word or by the end of the line", async () => {
    const { bench, reader, ended } = await start();
    reader.control({ type: "restart" });
    await bench.advance(1);
    expect(await ended).toMatchObject({
      code: "DRIVER_PORT_LOST",
      message: "the reader closed the connection",
    });
    const other = await start();
    other.bench.port.unplug();
    await other.bench.advance(1);
    expect(await other.ended).toMatchObject({ code: "DRIVER_PORT_LOST" });
  });

  test.each(["split", "garbage"])("%s is survived or ends the run, never hangs", async (fault) => {
    const { bench, reader, ended } = await start();
    reader.control(field(1));
    reader.control({ type: "fault", fault, count: 5 });
    await bench.advance(60_000);
    if (fault === "split") expect(bench.tags.length).toBeGreaterThan(800);
    else {
      expect(bench.counters["discarded_bytes"]).toBeGreaterThan(0);
      const settled = await Promise.race([ended, Promise.resolve("running")]);
      if (settled !== "running") expect(settled).toMatchObject({ retryable: true });
    }
  });
});

describe("something else at the port", () => {
  const greeting = (status: "client_initiated_exists" | "failed" | "success") =>
    encodeMessage({
      version: 1,
      type: messageTypes.READER_EVENT_NOTIFICATION,
      id: 1,
      content: encodeNotification({
        utcUs: undefined,
        uptimeUs: undefined,
        events: [{ type: "connection_attempt", status }],
      }),
    });

  test("a reader that serves another client is its own state", async () => {
    const bench = new Bench();
    bench.plugRaw();
    const { ended } = await bench.run(device);
    bench.port.send(greeting("client_initiated_exists"));
    await bench.advance(1);
    expect(await ended).toMatchObject({ code: "DRIVER_TAKEN", retryable: true });
    // Nothing of the other's is closed.
    expect(bench.written).toEqual([]);
  });

  test("a reader that refuses", async () => {
    const bench = new Bench();
    bench.plugRaw();
    const { ended } = await bench.run(device);
    bench.port.send(greeting("failed"));
    await bench.advance(1);
    expect(await ended).toMatchObject({ code: "DRIVER_COMMAND_REFUSED" });
  });

  test("nothing at all: DRIVER_SILENT; garbage: DRIVER_GARBAGE", async () => {
    const bench = new Bench();
    bench.plugRaw();
    const { ended } = await bench.run(device);
    await bench.advance(10_001);
    expect(await ended).toMatchObject({ code: "DRIVER_SILENT" });
    const other = new Bench();
    other.plugRaw();
    const run = await other.run(device);
    other.port.send(Buffer.from("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"));
    await other.advance(10_001);
    expect(await run.ended).toMatchObject({ code: "DRIVER_GARBAGE" });
  });

  test("options that the reader cannot fulfil name what it has", async () => {
    const power = await start({ powerDbm: 3 });
    expect(await power.ended).toMatchObject({
      code: "CONFIG_INVALID",
      message: "powerDbm 3 is below the reader's least of 10 dBm",
    });
    const antennas = await start({ antennas: [1, 9] });
    expect(await antennas.ended).toMatchObject({
      code: "CONFIG_INVALID",
      message: "the reader has 4 antennas; antennas names 9",
    });
  });

  test("times of a reader with a dead clock are passed on as they are", async () => {
    const { bench, reader } = await start({}, { clockAtMs: 946_684_800_000 });
    reader.control(field(1));
    await bench.advance(1000);
    const years = bench.tags.map(({ readerAtMs = 0 }) => new Date(readerAtMs).getUTCFullYear());
    expect(new Set(years)).toEqual(new Set([2000]));
    expect(bench.tags[0]?.receivedAtMs).toBeGreaterThan(startAtMs);
  });
});

test("options that cannot be", () => {
  for (const options of [{ antennas: [1, 1] }, { powerDbm: 40 }, { session: 4 }, { power: 3 }]) {
    expect(() => device.createDriver(options)).toThrow(/options/);
  }
});
