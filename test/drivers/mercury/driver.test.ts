import { describe, expect, test } from "vitest";
import { readingSchema } from "../../../contract/reading.ts";
import { decodeCommand } from "../../../drivers/mercury/codec.ts";
import { device } from "../../../drivers/mercury/driver.ts";
import { CommandDecoder, encodeAnswerFrame } from "../../../drivers/mercury/frame.ts";
import { MercurySimulator } from "../../../simulators/mercury.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench, settle } from "../bench.ts";

const epcs = Array.from({ length: 10 }, (_, index) => `3034257BF7194E4000001A8${index}`);
const field = (antenna: number) => ({
  type: "field",
  tags: epcs.map((epc) => ({ epc, antenna, rssiDbm: -45 })),
});

async function start(options: object = {}, simulated: object = {}) {
  const bench = new Bench();
  const module = bench.plug(new MercurySimulator(seededRandom(7), simulated));
  const { ended } = await bench.run(device, { region: "eu3", ...options });
  return { bench, module, ended };
}

const typesOf = (bench: Bench) =>
  bench.written
    .flatMap((bytes) => new CommandDecoder().push(bytes))
    .flatMap((item) => (item.kind === "frame" ? [decodeCommand(item.frame)?.type] : []));

test("one of Silion's streams by its own command, and says when it is too hot", async () => {
  const { bench, module, ended } = await start({ mode: "silion" }, { isSilion: true });
  module.control(field(1));
  await bench.advance(10_000);
  expect(new Set(bench.tags.map(({ epc }) => epc))).toEqual(new Set(epcs));
  expect(bench.counters["rounds"]).toBeGreaterThan(8);
  module.control({ type: "heat", isTooHot: true });
  await bench.advance(2000);
  expect(bench.states).toMatchObject([{ state: "degraded" }]);
  module.control({ type: "heat", isTooHot: false });
  await bench.advance(8000);
  expect(bench.states.slice(1)).toMatchObject([{ state: "online" }]);
  bench.stop();
  expect(await ended).toBe("stopped");
  expect([typesOf(bench)[0], typesOf(bench).at(-1)]).toEqual(["stop_silion", "stop_silion"]);
});

describe("a module that streams", () => {
  test("is booted, set up, and read; it is stopped at the end", async () => {
    const { bench, module, ended } = await start({ antennas: [1, 3], powerDbm: 27, session: 1 });
    module.control(field(3));
    await bench.advance(2000);
    expect(bench.identified).toBe(
      "Mercury module, hardware 38000201, firmware 02010608 of 2024-09-13",
    );
    expect(typesOf(bench)).toEqual([
      "stop",
      "get_version",
      "get_program",
      "boot",
      "set_region",
      "set_protocol",
      "set_antennas",
      "set_power",
      "set_session",
      "disable_read_filter",
      "start",
    ]);
    expect(new Set(bench.tags.map(({ epc }) => epc))).toEqual(new Set(epcs));
    for (const tag of bench.tags) {
      expect(readingSchema.parse(tag)).toEqual(tag);
      expect(tag).toMatchObject({ antenna: 3, count: 1 });
      expect(Math.abs(tag.rssiDbm + 45)).toBeLessThan(6);
    }
    bench.stop();
    expect(await ended).toBe("stopped");
    expect(typesOf(bench).at(-1)).toBe("stop");
  });

  test("one that streams already is stopped first", async () => {
    const simulator = new MercurySimulator(seededRandom(7), { startsInBootLoader: false });
    const first = new Bench();
    first.plug(simulator);
    await first.run(device, { region: "eu" });
    await first.advance(500);
    const bench = new Bench();
    bench.plug(simulator).control(field(1));
    await bench.run(device, { region: "eu" });
    await bench.advance(2000);
    expect(typesOf(bench)).not.toContain("boot");
    expect(bench.tags.length).toBeGreaterThan(50);
  });

  test("an empty field is no silence; a module that is reset is one, and comes back", async () => {
    const { bench, module, ended } = await start();
    await bench.advance(30_000);
    expect(bench.counters["rounds"]).toBeGreaterThan(25);
    module.control({ type: "reset" });
    await bench.advance(5000);
    expect(await ended).toMatchObject({ code: "DRIVER_SILENT" });
    await bench.reopen();
    module.control(field(1));
    await bench.run(device, { region: "eu3" });
    await bench.advance(1000);
    expect(bench.tags.length).toBeGreaterThan(20);
    bench.stop();
  });

  test("heat and a missing antenna are its state until they pass", async () => {
    const { bench, module } = await start({ antennas: [1, 2] });
    module.control({ type: "antenna", antenna: 2, connected: false });
    await bench.advance(1000);
    expect(bench.states.at(-1)?.reason).toContain("high return loss");
    module.control({ type: "heat", isTooHot: true });
    await bench.advance(1500);
    expect(bench.states.at(-1)?.reason).toContain("too hot");
    module.control({ type: "heat", isTooHot: false });
    module.control({ type: "antenna", antenna: 2, connected: true });
    await bench.advance(7000);
    expect(bench.states.at(-1)?.state).toBe("online");
    bench.stop();
  });
});

test("polled: it searches, fetches what was found in several frames, and clears", async () => {
  const { bench, module } = await start({ mode: "poll", antennas: [1, 3] });
  module.control(field(3));
  await bench.advance(3000);
  const types = typesOf(bench);
  const at = types.indexOf("get_tags") - 1;
  expect(types.slice(at - 1, at + 4)).toEqual([
    "clear_tags",
    "read",
    "get_tags",
    "get_tags",
    "clear_tags",
  ]);
  expect(new Set(bench.tags.map(({ epc }) => epc))).toEqual(new Set(epcs));
  module.control({ type: "antenna", antenna: 1, connected: false });
  module.control({ type: "antenna", antenna: 3, connected: false });
  await bench.advance(2000);
  expect(bench.states.at(-1)?.reason).toContain("high return loss");
  bench.stop();
});

describe("why it does not read", () => {
  test("no region is set", async () => {
    const { ended } = await start({ region: undefined });
    const refusal = { code: "DRIVER_COMMAND_REFUSED", message: expect.stringContaining("eu3") };
    expect(await ended).toMatchObject(refusal);
  });

  test("an antenna that it has not", async () => {
    const { ended } = await start({ antennas: [1, 9] });
    expect(await ended).toMatchObject({
      code: "DRIVER_COMMAND_REFUSED",
      message: "set_antennas: value not allowed (0x0105)",
    });
  });

  test("nobody answers, or another device does", async () => {
    const { bench, module, ended } = await start();
    module.control({ type: "fault", fault: "silence", count: 1_000_000 });
    await bench.advance(10_000);
    expect(await ended).toMatchObject({ code: "DRIVER_SILENT" });
    const other = new Bench();
    other.plugRaw(() =>
      other.port.send(encodeAnswerFrame({ opcode: 0x03, status: 0x0101, data: new Uint8Array(0) })),
    );
    const run = await other.run(device);
    await settle();
    expect(await run.ended).toMatchObject({ code: "DRIVER_NOT_IDENTIFIED" });
  });

  test("the speed is wrong", async () => {
    const bench = new Bench();
    bench.plugRaw(() => bench.port.send(Buffer.alloc(700, 0xf0)));
    const { ended } = await bench.run(device);
    await bench.advance(5000);
    expect(await ended).toMatchObject({ code: "DRIVER_GARBAGE" });
  });
});

test("slow answers, broken and split frames are lived with", async () => {
  const { bench, module } = await start();
  module.control({ type: "delay", answerDelayMs: 300 });
  module.control(field(1));
  await bench.advance(5000);
  for (const fault of ["badChecksum", "split", "garbage"]) {
    module.control({ type: "fault", fault, count: 5 });
    await bench.advance(1000);
  }
  expect(bench.counters["discarded_bytes"]).toBeGreaterThan(0);
  expect(bench.tags.length).toBeGreaterThan(100);
  bench.stop();
});
