import { describe, expect, test } from "vitest";
import { DeviceRunner, FaultyLine, type SimulatedDevice } from "../../simulators/device.ts";
import { createDevice, simulatedKinds } from "../../simulators/device-process.ts";
import { LlrpSimulator } from "../../simulators/llrp.ts";
import { seededRandom } from "../../simulators/random.ts";
import { settle } from "../drivers/bench.ts";
import { MachineClock, VirtualTime } from "../simulation/virtual-clock.ts";

describe("a faulty line", () => {
  const bytes = Uint8Array.from({ length: 12 }, (_, index) => index);
  const line = (fault: string, count = 1) => {
    const faulty = new FaultyLine(seededRandom(1));
    faulty.set({ type: "fault", fault: fault as "split", count });
    return faulty;
  };

  test("splits, alters, mutes, for so many writes and no longer", () => {
    const split = line("split").apply(bytes);
    expect(split).toHaveLength(2);
    expect(Buffer.concat(split)).toEqual(Buffer.from(bytes));
    const [wrong] = line("badChecksum").apply(bytes);
    expect(wrong!.filter((byte, index) => byte !== bytes[index])).toHaveLength(1);
    expect(line("garbage").apply(bytes)[0]).not.toEqual(bytes);
    const silent = line("silence", 2);
    expect([1, 2, 3].map(() => silent.apply(bytes).length)).toEqual([0, 0, 1]);
    const ended = line("silence", 1000);
    ended.set({ type: "fault", fault: "none", count: 1 });
    expect(ended.apply(bytes)).toEqual([bytes]);
  });
});

test("a runner ticks a device when it is due, also when a message moved that time", async () => {
  const time = new VirtualTime();
  let dueAtMs = Number.POSITIVE_INFINITY;
  const device: SimulatedDevice = {
    receive: (bytes) => [bytes],
    tick: (nowMs) => {
      dueAtMs = nowMs >= 50 ? Number.POSITIVE_INFINITY : nowMs + 9.5;
      return [Uint8Array.of(nowMs)];
    },
    nextTickMs: () => dueAtMs,
    control: () => {
      dueAtMs = 20;
    },
  };
  const sent: number[] = [];
  const runner = new DeviceRunner(device, new MachineClock(time, 0), (bytes) =>
    sent.push(bytes[0]!),
  );
  runner.start();
  await time.advance(10, settle);
  runner.receive(Uint8Array.of(7));
  runner.control({});
  await time.advance(100, settle);
  expect(sent).toEqual([7, 20, 30, 40, 50]);
});

describe.each(simulatedKinds)("simulated %s", (kind) => {
  test("says what is wrong with a control message and with its options", () => {
    const device = createDevice(kind, seededRandom(1));
    expect(() => device.control({ type: "explode" })).toThrow(/control message/);
    expect(() => device.control({ type: "fault", fault: "melted" })).toThrow(/fault/);
    expect(() => createDevice(kind, seededRandom(1), { colour: "red" })).toThrow(/colour/);
  });

  test("does the same again with the same seed", () => {
    const play = () => {
      const device = createDevice(kind, seededRandom(42));
      const tag = { epc: "3034257BF7194E4000001A85", rssiDbm: -70 };
      if (kind === "chafon") {
        device.control({ type: "field", tags: [{ ...tag, antenna: 1 }] });
        device.receive(Buffer.from("090001010000800a76fc", "hex"), 0);
      } else if (kind === "r2000") {
        device.control({ type: "field", tags: [{ ...tag, antenna: 1 }] });
        device.receive(Buffer.from("a004ff890acaa004ff890aca", "hex"), 0);
      } else if (kind === "mercury") {
        device.control({ type: "field", tags: [{ ...tag, antenna: 1 }] });
        // Boot, EU, start.
        const start = "ff102f00000122000005072210001b03e801ff";
        device.receive(Buffer.from(`ff00041d0bff0197024bbf${start}dd2b`, "hex"), 0);
      } else if (kind === "m100") {
        device.control({ type: "field", tags: [tag] });
        device.receive(Buffer.from("bb00270003220064b07e", "hex"), 0);
      } else if (device instanceof LlrpSimulator) {
        device.connect(0);
        device.control({ type: "field", tags: [{ ...tag, antenna: 1 }] });
        // A ROSpec for antenna 1 with nothing but its triggers; then it is enabled.
        const hex =
          "04140000003e0000000100b1003400000001000000b2001200b300050100b60009000000000000b700180001000100b80009" +
          "000000000000ba0007000101" +
          "04180000000e0000000200000001";
        device.receive(Buffer.from(hex, "hex"), 0);
      } else if (/-iot$/.test(kind)) {
        device.control({ type: "field", tags: [{ ...tag, antenna: 1 }] });
      } else if (/^gpio/.test(kind)) {
        device.receive(Buffer.from("watch 4 as_is\n"), 0);
        device.control({ type: "chatter", offset: 4, edgeCount: 20 });
      } else if (kind === "mt-sics") device.receive(Buffer.from("SIR\r\n"), 0);
      else if (kind === "modbus-scale") device.receive(Buffer.from("010300000002c40b", "hex"), 0);
      else if (kind === "toledo") device.receive(Buffer.from("WW"), 0);
      else if (/scanner|wedge/.test(kind)) device.control({ type: "scan", data: "1" });
      device.control({ type: "fault", fault: "split", count: 2 });
      const writes = Array.from({ length: 400 }, (_, at) => device.tick(at * 5)).flat();
      return Buffer.concat(writes).toString("hex");
    };
    expect(play().length).toBeGreaterThan(0);
    expect(play()).toBe(play());
  });
});
