import { beforeEach, expect, test } from "vitest";
import { readingSchema } from "../../../contract/reading.ts";
import { device } from "../../../drivers/zebra-iot/driver.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { ZebraIotSimulator } from "../../../simulators/zebra-iot.ts";
import { Bench } from "../bench.ts";

const epc = "3034257BF7194E4000001A85";
const field = { type: "field", tags: [{ epc, antenna: 2, rssiDbm: -50 }] };

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
const simulated = (options = {}) => new ZebraIotSimulator(seededRandom(1), options);

test("is known by its first message; tags and inputs arrive", async () => {
  const runner = bench.plug(simulated());
  runner.control(field);
  const { ended } = await bench.run(device, {
    inputs: [{ port: 1, line: "beam", isActiveLow: true }],
  });
  await bench.advance(1000);
  expect(bench.identified).toBe("Zebra IoT Connector, known by its events");
  expect(bench.tags[0]).toMatchObject({
    epc,
    antenna: 2,
    count: 1,
    channelMhz: expect.any(Number),
  });
  runner.control({ type: "input", port: 1, isHigh: false });
  runner.control({ type: "input", port: 3, isHigh: true });
  await bench.advance(10);
  const inputs = bench.readings.filter(({ kind }) => kind === "input");
  expect(inputs).toMatchObject([
    { line: "beam", active: true },
    { line: "gpi-3", active: true },
  ]);
  for (const reading of bench.readings) expect(readingSchema.parse(reading)).toEqual(reading);
  expect(bench.written).toEqual([]);
  bench.stop();
  expect(await ended).toBe("stopped");
});

test("an antenna that goes, a radio that rests and errors are its state", async () => {
  const runner = bench.plug(simulated({ antennaCount: 2, heartbeatMs: 1000 }));
  runner.control({ type: "antenna", antenna: 1, connected: false });
  await bench.run(device);
  await bench.advance(1500);
  // Nobody ever plugged the first one in.
  expect(bench.states).toEqual([]);
  runner.control({ type: "antenna", antenna: 2, connected: false });
  await bench.advance(1000);
  expect(bench.states.at(-1)).toMatchObject({ reason: "antenna 2 is not connected" });
  runner.control({ type: "antenna", antenna: 2, connected: true });
  runner.control({ type: "radio", isActive: false });
  await bench.advance(1000);
  expect(bench.states.at(-1)?.reason).toContain("no inventory runs");
  runner.control({ type: "radio", isActive: true });
  runner.control({ type: "error", message: "PA overheated" });
  await bench.advance(2000);
  expect(bench.states.at(-1)?.reason).toBe("the reader's error: PA overheated");
  await bench.advance(60_000);
  expect(bench.states.at(-1)?.state).toBe("online");
  bench.stop();
});

test("a reader that a beam starts is not at fault while it rests", async () => {
  bench.plug(simulated({ isActive: false, heartbeatMs: 1000 }));
  await bench.run(device, { isTriggered: true });
  await bench.advance(3000);
  expect(bench.identified).toBeDefined();
  expect(bench.states).toEqual([]);
  bench.stop();
});

test("messages that are missing are counted, a reader that begins anew is not", async () => {
  const runner = bench.plug(simulated());
  runner.control(field);
  await bench.run(device);
  await bench.advance(1000);
  runner.control({ type: "drop", eventCount: 7 });
  await bench.advance(1000);
  expect(bench.counters["events_missing"]).toBe(7);
  const restarted = { type: "SIMPLE", data: { eventNum: 0, idHex: epc } };
  await bench.port.send(Buffer.from(JSON.stringify(restarted)));
  await bench.advance(10);
  expect(bench.counters["events_missing"]).toBe(7);
  bench.stop();
});

test("split messages and garbage between them are no end; silence is one where it is set", async () => {
  const runner = bench.plug(simulated());
  runner.control(field);
  const { ended } = await bench.run(device, { silenceTimeoutMs: 30_000 });
  await bench.advance(100);
  for (const fault of ["split", "garbage", "split"]) {
    runner.control({ type: "fault", fault, count: 3 });
    await bench.advance(2000);
  }
  expect(bench.counters["discarded_bytes"]).toBeGreaterThan(0);
  expect(bench.tags.length).toBeGreaterThan(20);
  runner.control({ type: "fault", fault: "silence", count: 1_000_000 });
  await bench.advance(31_000);
  expect(await ended).toMatchObject({ code: "DRIVER_SILENT" });
});
