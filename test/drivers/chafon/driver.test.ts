import { describe, expect, test } from "vitest";
import { readingSchema } from "../../../contract/reading.ts";
import { decodeCommand, encodeAnswer } from "../../../drivers/chafon/codec.ts";
import { device } from "../../../drivers/chafon/driver.ts";
import { encodeFrame, FrameDecoder } from "../../../drivers/chafon/frame.ts";
import { ChafonSimulator, type ChafonSimulatorOptions } from "../../../simulators/chafon.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench } from "../bench.ts";

const epcs = Array.from({ length: 10 }, (_, index) => `3034257BF7194E4000001A8${index}`);
const field = (antenna: number) => ({
  type: "field",
  tags: epcs.map((epc) => ({ epc, antenna, rssiDbm: -45 })),
});

async function start(options: object = {}, simulated: ChafonSimulatorOptions = {}) {
  const bench = new Bench();
  const reader = bench.plug(new ChafonSimulator(seededRandom(7), simulated));
  const { ended } = await bench.run(device, options);
  return { bench, reader, ended };
}

const typesOf = (bench: Bench) =>
  bench.written
    .flatMap((bytes) => new FrameDecoder().push(bytes))
    .flatMap((item) => (item.kind === "frame" ? [decodeCommand(item.frame)?.type] : []));

describe("a reader that works", () => {
  test("is identified and reads tags that come in several frames", async () => {
    const { bench, reader, ended } = await start({ antennas: [1, 3] });
    reader.control(field(3));
    await bench.advance(2000);
    expect(bench.identified).toBe(
      "Chafon reader of type 0x0C, firmware 0.22, EU band 865.1 to 867.9 MHz",
    );
    expect(new Set(bench.tags.map(({ epc }) => epc))).toEqual(new Set(epcs));
    for (const tag of bench.tags) {
      expect(readingSchema.parse(tag)).toEqual(tag);
      expect(tag.antenna).toBe(3);
      expect(Math.abs(tag.rssiDbm + 45)).toBeLessThan(6);
    }
    expect(bench.counters["rounds"]).toBeGreaterThan(30);
    bench.stop();
    expect(await ended).toBe("stopped");
  });

  test("a reader18 is told to answer and not to scan, and tells no signal", async () => {
    const { bench, reader } = await start({ family: "reader18" });
    reader.control(field(1));
    await bench.advance(500);
    expect(typesOf(bench).slice(0, 5)).toEqual([
      "get_info",
      "get_work_mode",
      "set_answer_mode",
      "set_scan_time",
      "inventory",
    ]);
    expect(bench.tags.length).toBeGreaterThan(20);
    expect(new Set(bench.tags.map(({ rssiDbm }) => rssiDbm))).toEqual(new Set([-128]));
  });

  test("power is written only where it differs, and an empty field is no failure", async () => {
    const { bench } = await start({ powerDbm: 30 });
    await bench.advance(30_000);
    expect(typesOf(bench).filter((type) => type === "set_power")).toHaveLength(1);
    const same = await start({ powerDbm: 26 });
    await same.bench.advance(300);
    expect(typesOf(same.bench)).not.toContain("set_power");
    expect(bench.readings).toEqual([]);
    const old = await start({ family: "reader18" });
    await old.bench.advance(3000);
    expect(old.bench.states).toEqual([]);
  });
});

describe("what goes wrong", () => {
  test("a missing antenna degrades the reader until it is there", async () => {
    const { bench, reader } = await start({ antennas: [1, 2] });
    reader.control({ type: "antenna", antenna: 2, connected: false });
    await bench.advance(3000);
    expect(bench.states).toMatchObject([
      { state: "degraded", reason: "antenna 2: antenna is not connected (0xF8)" },
    ]);
    reader.control({ type: "antenna", antenna: 2, connected: true });
    await bench.advance(2000);
    expect(bench.states.at(-1)).toMatchObject({ state: "online" });
  });

  test.each(["badChecksum", "split", "garbage", "silence"])("%s is survived", async (fault) => {
    const { bench, reader } = await start();
    reader.control(field(1));
    await bench.advance(1000);
    const before = bench.tags.length;
    reader.control({ type: "fault", fault, count: 2 });
    await bench.advance(20_000);
    expect(bench.tags.length).toBeGreaterThan(5 * before);
    expect(new Set(bench.tags.map(({ epc }) => epc))).toEqual(new Set(epcs));
  });

  test("silence ends in DRIVER_SILENT, a pulled plug in DRIVER_PORT_LOST", async () => {
    const { bench, reader, ended } = await start();
    await bench.advance(500);
    reader.control({ type: "fault", fault: "silence", count: 1_000_000 });
    await bench.advance(10_000);
    expect(await ended).toMatchObject({ code: "DRIVER_SILENT" });
    const other = await start();
    other.bench.port.unplug();
    await other.bench.advance(1);
    expect(await other.ended).toMatchObject({ code: "DRIVER_PORT_LOST" });
  });

  test("garbage, another device, a refused setting", async () => {
    const garbage = new Bench();
    garbage.plugRaw(() => garbage.port.send(new Uint8Array(2000)));
    const run = await garbage.run(device);
    await garbage.advance(10);
    expect(await run.ended).toMatchObject({ code: "DRIVER_GARBAGE" });
    const other = new Bench();
    other.plugRaw(() =>
      other.port.send(encodeFrame({ address: 0, command: 0x21, data: Uint8Array.of(0xfe) })),
    );
    const second = await other.run(device);
    await other.advance(10);
    expect(await second.ended).toMatchObject({ code: "DRIVER_NOT_IDENTIFIED" });
    const refusing = new Bench();
    const info = { type: "info", firmware: "0.22", readerType: 1, bandMax: 0, bandMin: 0 } as const;
    let asked = 0;
    refusing.plugRaw(() => {
      asked += 1;
      const answer = { ...info, powerDbm: 20, scanTimeMs: 500 };
      const refusal = { type: "result", command: 0x2f, status: 0xff } as const;
      refusing.port.send(encodeAnswer(0, asked === 1 ? answer : refusal));
    });
    const third = await refusing.run(device, { powerDbm: 30 });
    await refusing.advance(10);
    expect(await third.ended).toMatchObject({
      code: "DRIVER_COMMAND_REFUSED",
      message: "set_power: wrong parameter (0xFF)",
    });
  });

  test("options that cannot be", () => {
    for (const options of [
      { antennas: [1, 1] },
      { family: "reader18", antennas: [1, 2] },
      { q: 3 },
    ]) {
      expect(() => device.createDriver(options)).toThrow(/options/);
    }
  });
});
