import { describe, expect, test } from "vitest";
import { GatewayError } from "../../../contract/errors.ts";
import { readingSchema } from "../../../contract/reading.ts";
import { decodeCommand } from "../../../drivers/m100/codec.ts";
import { device } from "../../../drivers/m100/driver.ts";
import { FrameDecoder } from "../../../drivers/m100/frame.ts";
import { M100Simulator, type M100SimulatorOptions } from "../../../simulators/m100.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench } from "../bench.ts";

const epcs = ["3034257BF7194E4000001A85", "E2003412DC03011800000000"];
const field = { type: "field", tags: epcs.map((epc) => ({ epc, rssiDbm: -40 })) };

async function start(options: object = {}, simulated: M100SimulatorOptions = {}) {
  const bench = new Bench();
  const reader = bench.plug(new M100Simulator(seededRandom(7), simulated));
  const { ended } = await bench.run(device, options);
  await bench.advance(100);
  return { bench, reader, ended };
}

const commandsOf = (bench: Bench) =>
  bench.written
    .flatMap((bytes) => new FrameDecoder().push(bytes))
    .flatMap((item) => (item.kind === "frame" ? [decodeCommand(item.frame)] : []));

const codeOf = (ended: unknown) => (ended instanceof GatewayError ? ended.code : ended);

describe("a module that works", () => {
  test("is identified by its hardware version and reads what is in its field", async () => {
    const { bench, reader, ended } = await start({
      antennaNumber: 3,
      region: "etsi",
      powerDbm: 20,
    });
    reader.control(field);
    await bench.advance(2000);
    expect(bench.identified).toBe('M100 module "M100 26dBm V1.0", region etsi');
    expect(new Set(bench.tags.map(({ epc }) => epc as string))).toEqual(new Set(epcs));
    for (const tag of bench.tags) {
      expect(readingSchema.parse(tag)).toEqual(tag);
      expect(tag).toMatchObject({ deviceId: "device-1", antenna: 3 });
      expect(tag.rssiDbm).toBeGreaterThan(-46);
    }
    // A poll takes 20 ms.
    expect(bench.tags.length).toBeGreaterThan(80);
    bench.stop();
    expect(await ended).toBe("stopped");
    // A module goes on transmitting until it is told to stop.
    expect(commandsOf(bench).at(-1)).toEqual({ type: "stop" });
  });

  test("what it has stored is not written again: its flash wears", async () => {
    const { bench } = await start({ region: "chn", powerDbm: 26 });
    const types = commandsOf(bench).map((command) => command?.type);
    expect(types).toEqual(["stop", "get_info", "get_region", "get_power", "poll"]);
  });

  test("an empty field is no failure, and polling begins anew when it has ended", async () => {
    const { bench } = await start({}, { pollMs: 1 });
    await bench.advance(70_000);
    expect(bench.readings).toEqual([]);
    expect(bench.counters["rounds"]).toBeGreaterThan(65_535);
    expect(bench.counters["timeouts"]).toBeUndefined();
  });
});

describe("a module that fails", () => {
  test("no channel to transmit on is degraded, and online again afterwards", async () => {
    const { bench, reader } = await start();
    reader.control(field);
    reader.control({ type: "jammed", jammed: true });
    await bench.advance(500);
    reader.control({ type: "jammed", jammed: false });
    await bench.advance(500);
    expect(bench.states).toMatchObject([
      { state: "degraded", reason: "antenna 1: no free channel to transmit on (0x20)" },
      { state: "online" },
    ]);
  });

  test("broken frames are counted and cost nothing else", async () => {
    const { bench, reader } = await start();
    reader.control(field);
    reader.control({ type: "fault", fault: "badChecksum", count: 5 });
    await bench.advance(200);
    reader.control({ type: "fault", fault: "split", count: 1000 });
    await bench.advance(2000);
    expect(bench.counters["discarded_bytes"]).toBeGreaterThan(0);
    expect(bench.tags.length).toBeGreaterThan(80);
  });

  test("a module that falls silent is given up after three tries", async () => {
    const { bench, reader, ended } = await start();
    reader.control({ type: "fault", fault: "silence", count: 1_000_000 });
    await bench.advance(6000);
    expect(codeOf(await ended)).toBe("DRIVER_SILENT");
    expect(bench.counters["timeouts"]).toBe(3);
  });

  test("garbage is said to be a wrong speed", async () => {
    const bench = new Bench();
    bench.plugRaw(() => {
      bench.port.send(Uint8Array.from({ length: 400 }, (_, index) => (index * 37) & 0x7f));
    });
    const { ended } = await bench.run(device);
    await bench.advance(6000);
    const error = await ended;
    expect(codeOf(error)).toBe("DRIVER_GARBAGE");
    expect(String(error)).toContain("wrong speed?");
  });

  test("a module that does not know the question is not identified", async () => {
    const bench = new Bench();
    bench.plugRaw(() => bench.port.send(Uint8Array.from(Buffer.from("bb01ff000117187e", "hex"))));
    const { ended } = await bench.run(device);
    await bench.advance(3000);
    const error = await ended;
    expect(codeOf(error)).toBe("DRIVER_NOT_IDENTIFIED");
    expect(String(error)).toContain("unknown command (0x17)");
  });
});
