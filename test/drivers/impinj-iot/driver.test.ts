import { beforeEach, describe, expect, test } from "vitest";
import { readingSchema } from "../../../contract/reading.ts";
import { device } from "../../../drivers/impinj-iot/driver.ts";
import { encodeAnswer } from "../../../drivers/transport/exchange.ts";
import { ImpinjIotSimulator } from "../../../simulators/impinj-iot.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench, settle } from "../bench.ts";

const epc = "3034257BF7194E4000001A85";
const field = { type: "field", tags: [{ epc, antenna: 2, rssiDbm: -50, tid: "E2801170" }] };

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
const simulated = (options = {}) => new ImpinjIotSimulator(seededRandom(1), options);

describe("a reader that reads", () => {
  test("is known by its status; tags, inputs and faults arrive", async () => {
    const runner = bench.plug(simulated());
    runner.control(field);
    const { ended } = await bench.run(device, {
      inputs: [{ port: 1, line: "beam", isActiveLow: true }],
    });
    await bench.advance(1000);
    expect(bench.identified).toBe("Impinj reader 370-21-01-0042, running with preset default");
    expect(bench.tags[0]).toMatchObject({ epc, tid: "E2801170", antenna: 2 });
    runner.control({ type: "input", port: 1, isHigh: false });
    runner.control({ type: "antenna", antenna: 2, connected: false });
    runner.control({ type: "overflow", eventCount: 12 });
    await bench.advance(10);
    expect(bench.readings).toContainEqual(expect.objectContaining({ line: "beam", active: true }));
    expect(bench.states.at(-1)?.reason).toMatch(/antenna 2 is not connected; .*12 events/);
    runner.control({ type: "antenna", antenna: 2, connected: true });
    await bench.advance(61_000);
    expect(bench.states.at(-1)).toMatchObject({ state: "online" });
    for (const reading of bench.readings) expect(readingSchema.parse(reading)).toEqual(reading);
    bench.stop();
    expect(await ended).toBe("stopped");
  });

  test("that is quiet is asked, and silent after three tries", async () => {
    const runner = bench.plug(simulated());
    const { ended } = await bench.run(device);
    await bench.advance(25_000);
    expect(bench.written.length).toBe(3);
    runner.control({ type: "fault", fault: "silence", count: 1_000_000 });
    await bench.advance(30_000);
    expect(await ended).toMatchObject({ code: "DRIVER_SILENT" });
  });

  test("split events and garbage between them are no end", async () => {
    const runner = bench.plug(simulated());
    runner.control(field);
    await bench.run(device);
    await bench.advance(100);
    for (const fault of ["split", "garbage", "split"]) {
      runner.control({ type: "fault", fault, count: 3 });
      await bench.advance(2000);
    }
    expect(bench.counters["discarded_bytes"]).toBeGreaterThan(0);
    expect(bench.tags.length).toBeGreaterThan(20);
    bench.stop();
  });
});

describe("a reader that is idle", () => {
  test("is degraded without a preset", async () => {
    bench.plug(simulated({ isRunning: false }));
    await bench.run(device);
    expect(bench.states.at(-1)).toMatchObject({ state: "degraded" });
    bench.stop();
  });

  test("is started with one, again when somebody stops it", async () => {
    const runner = bench.plug(simulated({ isRunning: false, presets: ["floor"] }));
    await bench.run(device, { preset: "floor" });
    await bench.advance(1000);
    runner.control({ type: "stop" });
    await bench.advance(1000);
    expect(bench.states.at(-1)?.reason).toContain("idle");
    await bench.advance(10_000);
    expect(bench.states.at(-1)).toMatchObject({ state: "online" });
    expect(bench.counters["starts"]).toBe(2);
    bench.stop();
  });

  test("and knows no such preset", async () => {
    bench.plug(simulated({ isRunning: false }));
    const { ended } = await bench.run(device, { preset: "floor" });
    expect(await ended).toMatchObject({ code: "DRIVER_COMMAND_REFUSED" });
  });
});

test("slow answers are waited for", async () => {
  const runner = bench.plug(simulated());
  runner.control({ type: "delay", answerDelayMs: 4000 });
  await bench.run(device);
  await bench.advance(4100);
  expect(bench.identified).toContain("Impinj reader");
  bench.stop();
});

test.each([
  ["another web server", 404, undefined],
  ["another reader", 200, { radioConnection: "connected" }],
])("%s is not identified", async (_, statusCode, body) => {
  bench.plugRaw(() =>
    bench.port.send(encodeAnswer({ answerTo: "/api/v1/status", statusCode, body })),
  );
  const { ended } = await bench.run(device);
  await settle();
  expect(await ended).toMatchObject({ code: "DRIVER_NOT_IDENTIFIED" });
});

test("where nobody can be asked, the first event identifies; silence is an end only where it is set", async () => {
  bench.plugRaw(() =>
    bench.port.send(encodeAnswer({ answerTo: "/api/v1/status", statusCode: 501 })),
  );
  const { ended } = await bench.run(device, { silenceTimeoutMs: 60_000 });
  await bench.advance(30_000);
  expect(bench.identified).toBeUndefined();
  const event = { timestamp: "2025-11-23T09:20:00Z", tagInventoryEvent: { epcHex: epc } };
  bench.port.send(Buffer.from(JSON.stringify(event)));
  await bench.advance(10);
  expect(bench.identified).toBe("Impinj IoT reader, known by its events");
  expect(bench.tags).toHaveLength(1);
  await bench.advance(60_000);
  expect(await ended).toMatchObject({ code: "DRIVER_SILENT" });
});

test("nothing but garbage", async () => {
  bench.plugRaw(() => bench.port.send(Buffer.alloc(2000, "<html>")));
  const { ended } = await bench.run(device);
  await bench.advance(20_000);
  expect(await ended).toMatchObject({ code: "DRIVER_GARBAGE" });
});
