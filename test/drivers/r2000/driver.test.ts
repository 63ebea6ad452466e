import { describe, expect, test } from "vitest";
import { readingSchema } from "../../../contract/reading.ts";
import { decodeCommand, encodeAnswer } from "../../../drivers/r2000/codec.ts";
import { device } from "../../../drivers/r2000/driver.ts";
import { type Frame, FrameDecoder } from "../../../drivers/r2000/frame.ts";
import { R2000Simulator, type R2000SimulatorOptions } from "../../../simulators/r2000.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench, startAtMs } from "../bench.ts";

const epcs = ["3034257BF7194E4000001A85", "3034257BF7194E4000001A86", "E2003412DC03011822"].map(
  (hex) => hex.padEnd(24, "0"),
);
const field = (antenna: number, rssiDbm = -40) => ({
  type: "field",
  tags: epcs.map((epc) => ({ epc, antenna, rssiDbm })),
});

async function start(options: object = {}, simulated: R2000SimulatorOptions = {}) {
  const bench = new Bench();
  const reader = bench.plug(new R2000Simulator(seededRandom(7), simulated));
  const { ended } = await bench.run(device, options);
  return { bench, reader, ended };
}

const commandsOf = (bench: Bench) => {
  const found = bench.written.flatMap((bytes) => new FrameDecoder().push(bytes));
  return found.flatMap((item) => (item.kind === "frame" ? [decodeCommand(item.frame)] : []));
};

describe("a reader that works", () => {
  test("is identified by its version and reads what is in its field", async () => {
    const { bench, reader, ended } = await start({ antennas: [1, 2], region: "fcc" });
    reader.control(field(2));
    await bench.advance(2000);
    expect(bench.identified).toBe("R2000 reader, firmware 1.9, region fcc, antennas 1, 2");
    expect(new Set(bench.tags.map(({ epc }) => epc))).toEqual(new Set(epcs));
    for (const tag of bench.tags) {
      expect(readingSchema.parse(tag)).toEqual(tag);
      expect(tag).toMatchObject({ deviceId: "device-1", antenna: 2 });
      expect(tag.channelMhz).toBeGreaterThanOrEqual(902);
      expect(tag.rssiDbm).toBeGreaterThan(-46);
      expect(tag.receivedAtMs - startAtMs).toBeLessThanOrEqual(2000);
    }
    // Two antennas, 20 ms a round at least, and 3 tags on one of them.
    expect(bench.tags.length).toBeGreaterThan(60);
    bench.stop();
    expect(await ended).toBe("stopped");
  });

  test("an empty field is no failure", async () => {
    const { bench } = await start();
    await bench.advance(60_000);
    expect(bench.readings).toEqual([]);
    expect(bench.counters["rounds"]).toBeGreaterThan(1000);
  });

  test("antennas 5 to 8 keep their numbers, though the frame has two bits", async () => {
    const { bench, reader } = await start({ antennas: [2, 6] }, { antennaCount: 8 });
    reader.control(field(6));
    await bench.advance(1000);
    expect(new Set(bench.tags.map(({ antenna }) => antenna))).toEqual(new Set([6]));
  });

  test("fast switch reads all antennas with one command", async () => {
    const { bench, reader } = await start({ antennas: [1, 3], mode: "fast_switch" });
    reader.control({ type: "field", tags: [...field(1).tags, ...field(3).tags] });
    await bench.advance(1000);
    expect(new Set(bench.tags.map(({ antenna }) => antenna))).toEqual(new Set([1, 3]));
    const types = new Set(commandsOf(bench).map((command) => command?.type));
    expect(types).toEqual(new Set(["get_version", "get_region", "fast_switch"]));
  });

  test("power and region are written only where they differ", async () => {
    const { bench } = await start({ powerDbm: 26, region: "etsi" });
    await bench.advance(200);
    const types = commandsOf(bench).map((command) => command?.type);
    expect(types.filter((type) => type === "set_power")).toHaveLength(1);
    expect(types).not.toContain("set_region");
    const again = await start({ powerDbm: 30 });
    await again.bench.advance(200);
    expect(commandsOf(again.bench).map((command) => command?.type)).not.toContain("set_power");
  });
});

describe("antennas that fail", () => {
  test("degrade the reader, with the reason, until they read again", async () => {
    const { bench, reader } = await start({ antennas: [1, 2] });
    reader.control(field(1));
    reader.control({ type: "antenna", antenna: 2, connected: false });
    await bench.advance(3000);
    expect(bench.states).toMatchObject([
      { state: "degraded", reason: "antenna 2: antenna is not connected (0x22)" },
    ]);
    // Asked again once a second, not in every lap.
    expect(bench.counters["antenna_errors"]).toBeLessThanOrEqual(4);
    expect(bench.tags.length).toBeGreaterThan(100);
    reader.control({ type: "antenna", antenna: 2, connected: true });
    await bench.advance(2000);
    expect(bench.states.at(-1)).toMatchObject({ state: "online" });
  });

  test("the same with fast switch", async () => {
    const { bench, reader } = await start({ antennas: [1, 2], mode: "fast_switch" });
    reader.control({ type: "antenna", antenna: 2, connected: false });
    await bench.advance(500);
    reader.control({ type: "antenna", antenna: 2, connected: true });
    await bench.advance(2000);
    expect(bench.states.map(({ state }) => state)).toEqual(["degraded", "online"]);
  });

  test("all of them: the reader is not asked in a hurry", async () => {
    const { bench } = await start({ antennas: [5, 6] }, { antennaCount: 4 });
    await bench.advance(5000);
    expect(bench.states.at(-1)?.reason).toBe(
      "antenna 5: parameter is invalid (0x41); antenna 6: parameter is invalid (0x41)",
    );
    expect(bench.written.length).toBeLessThan(40);
  });
});

describe("a bad line", () => {
  test.each(["badChecksum", "split", "garbage"])(
    "%s for some writes is survived",
    async (fault) => {
      const { bench, reader } = await start({ antennas: [1, 2] });
      reader.control(field(1));
      await bench.advance(1000);
      const before = bench.tags.length;
      for (let time = 0; time < 10; time += 1) {
        reader.control({ type: "fault", fault, count: 2 });
        await bench.advance(10_000);
      }
      expect(bench.tags.length).toBeGreaterThan(before * 20);
      expect(new Set(bench.tags.map(({ epc }) => epc))).toEqual(new Set(epcs));
      if (fault !== "split") expect(bench.counters["discarded_bytes"]).toBeGreaterThan(0);
    },
  );

  test("one lost answer is asked for again", async () => {
    const { bench, reader } = await start({ antennas: [1, 2] });
    reader.control({ type: "fault", fault: "silence", count: 2 });
    await bench.advance(8000);
    expect(bench.counters["timeouts"]).toBeGreaterThanOrEqual(1);
    expect(bench.counters["rounds"]).toBeGreaterThan(50);
  });

  test("silence ends in DRIVER_SILENT after three tries", async () => {
    const { bench, reader, ended } = await start();
    await bench.advance(500);
    reader.control({ type: "fault", fault: "silence", count: 1_000_000 });
    await bench.advance(10_000);
    expect(await ended).toMatchObject({ code: "DRIVER_SILENT", retryable: true });
    expect(bench.counters["timeouts"]).toBe(3);
  });

  test("unplugged: DRIVER_PORT_LOST", async () => {
    const { bench, ended } = await start();
    await bench.advance(100);
    bench.port.unplug();
    await bench.advance(1);
    expect(await ended).toMatchObject({ code: "DRIVER_PORT_LOST" });
  });
});

describe("something else on the port", () => {
  test("nothing at all: DRIVER_SILENT", async () => {
    const bench = new Bench();
    bench.plugRaw();
    const { ended } = await bench.run(device);
    await bench.advance(4000);
    expect(await ended).toMatchObject({
      code: "DRIVER_SILENT",
      message: "get_version was not answered; no byte came at all",
    });
    expect(bench.written).toHaveLength(3);
  });

  test("garbage: DRIVER_GARBAGE asks for the speed, at once when there is a flood of it", async () => {
    const random = seededRandom(3);
    for (const byteCount of [20, 2000]) {
      const bench = new Bench();
      bench.plugRaw(() =>
        bench.port.send(Uint8Array.from({ length: byteCount }, () => random() * 0xa0)),
      );
      const { ended } = await bench.run(device);
      await bench.advance(byteCount === 20 ? 4000 : 1);
      const error = await ended;
      expect(error).toMatchObject({ code: "DRIVER_GARBAGE" });
      expect(String(error)).toContain("wrong speed?");
    }
  });

  test("another device of the dialect: DRIVER_NOT_IDENTIFIED", async () => {
    const bench = new Bench();
    bench.plugRaw(() => {
      bench.port.send(encodeAnswer(1, { type: "result", command: 0x72, code: 0x11 }));
    });
    const { ended } = await bench.run(device);
    await bench.advance(10);
    expect(await ended).toMatchObject({ code: "DRIVER_NOT_IDENTIFIED" });
    const other = new Bench();
    other.plugRaw(() => {
      other.port.send(encodeAnswer(1, { type: "result", command: 0x33, code: 0x10 }));
    });
    const run = await other.run(device);
    await other.advance(4000);
    expect(await run.ended).toMatchObject({ code: "DRIVER_NOT_IDENTIFIED" });
  });

  test("a reader of another address is not heard", async () => {
    const { bench, ended } = await start({ address: 9 }, { address: 3 });
    await bench.advance(4000);
    expect(await ended).toMatchObject({ code: "DRIVER_SILENT" });
  });

  test("a refused setting: DRIVER_COMMAND_REFUSED with the reader's word", async () => {
    const bench = new Bench();
    const decoder = new FrameDecoder();
    const reply = (frame: Frame) => {
      const type = decodeCommand(frame)?.type;
      if (type === "get_version") return encodeAnswer(1, { type: "version", major: 1, minor: 0 });
      if (type === "get_region") return encodeAnswer(1, { type: "region", region: "etsi" });
      return encodeAnswer(1, { type: "result", command: frame.command, code: 0x24 });
    };
    bench.plugRaw((bytes) => {
      for (const item of decoder.push(bytes)) {
        if (item.kind === "frame") bench.port.send(reply(item.frame));
      }
    });
    const { ended } = await bench.run(device, { region: "fcc" });
    await bench.advance(100);
    expect(await ended).toMatchObject({
      code: "DRIVER_COMMAND_REFUSED",
      message: "set_region: flash read failed (0x24)",
    });
  });
});

test("options that cannot be", () => {
  for (const options of [
    { antennas: [1, 1] },
    { antennas: [5], mode: "fast_switch" },
    { powerDbm: 40 },
    { power: 3 },
  ]) {
    expect(() => device.createDriver(options)).toThrow(/options/);
  }
});
