import { describe, expect, test } from "vitest";
import { deviceKinds } from "../../drivers/registry.ts";
import { targets } from "./decoders.ts";
import { fuzzDecoder } from "./fuzz.ts";

describe("random and mutated bytes", () => {
  test.each(Object.entries(targets))("%s", async (_, target) => {
    const report = await fuzzDecoder(target, 100_000, 7);
    // Among what was mutated are inputs that were not, so frames must be found.
    expect(report.frameCount).toBeGreaterThan(100);
    expect(report.discardedByteCount).toBeGreaterThan(0);
  });

  test("every kind of device is there", () => {
    const kinds = new Set(Object.keys(targets).map((name) => name.replace(/ .*/, "")));
    expect([...kinds].sort()).toEqual([...deviceKinds].sort());
  });
});
