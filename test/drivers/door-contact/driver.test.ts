// The device of `drivers/NEW-DEVICE.md`: what the page shows is what runs here.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { LineDecoder } from "../../../drivers/line-decoder.ts";
import { seededRandom } from "../../../simulators/random.ts";
import { Bench } from "../bench.ts";
import { bytesOf, everyFeeding, feed } from "../feeding.ts";
import { lineLengthMax, parseContactLine } from "./codec.ts";
import { device } from "./driver.ts";
import { DoorContactSimulator } from "./simulator.ts";

// "D-1 1.4", "OPEN" and noise, written by hand and not by the encoder.
const stream = bytesOf("442d3120312e340d0a 4f50454e0d0a ff410d0a");

test("the codec: however the bytes come, the same lines and a reason for the rest", () => {
  for (const pieces of everyFeeding(stream)) {
    const decoder = new LineDecoder({ lineLengthMax, idleMs: 100, parse: parseContactLine });
    expect(feed(decoder, pieces)).toEqual({
      frames: [
        { type: "version", version: "1.4" },
        { type: "door", isOpen: true },
      ],
      discardedByteCount: 4,
    });
  }
});

describe("the driver", () => {
  test("identifies the contact and reads the door", async () => {
    const bench = new Bench();
    const contact = bench.plug(new DoorContactSimulator(seededRandom(1)));
    const { ended } = await bench.run(device, { line: "back-door" });
    await bench.advance(1);
    contact.control({ type: "door", isOpen: true });
    await bench.advance(10);
    expect(bench.identified).toBe("door contact D-1, firmware 1.4");
    expect(bench.readings.at(-1)).toMatchObject({ kind: "input", line: "back-door", active: true });
    bench.stop();
    expect(await ended).toBe("stopped");
  });

  test("says when nobody answers any more", async () => {
    const bench = new Bench();
    const contact = bench.plug(new DoorContactSimulator(seededRandom(1)));
    const { ended } = await bench.run(device);
    await bench.advance(1);
    contact.control({ type: "fault", fault: "silence", count: 1_000_000 });
    await bench.advance(40_000);
    expect(await ended).toMatchObject({ code: "DRIVER_SILENT" });
  });
});

test.each(["codec.ts", "options.ts", "driver.ts", "simulator.ts"])("the page shows %s", (name) => {
  const read = (path: string) =>
    readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");
  const asInItsPlace = read(name)
    .replaceAll("../../../drivers/", "../")
    .replaceAll("../../../simulators/", "./");
  expect(read("../../../drivers/NEW-DEVICE.md")).toContain(
    name === "simulator.ts"
      ? asInItsPlace.replace('"./codec.ts"', '"../drivers/door-contact/codec.ts"')
      : asInItsPlace,
  );
});
