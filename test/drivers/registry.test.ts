import { expect, test } from "vitest";
import { deviceKinds, findDevice } from "../../drivers/registry.ts";

test.each(deviceKinds)("%s has options with defaults and makes drivers", async (kind) => {
  const module = await findDevice(kind);
  expect(module.optionsSchema.safeParse({}).success).toBe(true);
  expect(module.baudRateDefault).toBeGreaterThan(0);
  expect(typeof module.createDriver({}).run).toBe("function");
  expect(() => module.createDriver({ nonsense: 1 })).toThrow(/nonsense/);
});

test.each(["barcode", "constructor", ""])(
  "unknown kind %j: the message names the known ones",
  async (kind) => {
    const error = await findDevice(kind).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "DRIVER_KIND_UNKNOWN" });
    for (const known of deviceKinds) expect(String(error)).toContain(known);
  },
);
