// Scenario files: every one that is shipped validates, and a wrong one is refused with its path.

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { loadScenario } from "../../simulators/scenario.ts";

const folder = fileURLToPath(new URL("../../config/scenarios/", import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), "gondola-scenario-"));
afterAll(() => rm(scratch, { recursive: true }));

/** The quickstart scenario with one text replaced. */
async function altered(from: string, to: string): Promise<string> {
  const text = await readFile(join(folder, "quickstart.yaml"), "utf8");
  expect(text).toContain(from);
  const file = join(scratch, "altered.yaml");
  const plan = join(folder, "../plans/s0042.yaml");
  await writeFile(file, text.replace("../plans/s0042.yaml", plan).replace(from, to));
  return file;
}

describe("shipped scenarios", async () => {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(".yaml")) continue;
    test(`${name} validates, also against its plan`, async () => {
      const { scenario, plan } = await loadScenario(join(folder, name));
      expect(`${scenario.name}.yaml`).toBe(name);
      expect(plan.storeId).toBe("s0042");
    });
  }
});

describe("a wrong scenario is refused", () => {
  test.each([
    ["openMs: 45000", "openMs: 1", "openMs"],
    ["openMs: 45000", "openSeconds: 60", "openSeconds"],
    ["antennas: [1, 2]", "antennas: [0]", "portal.sideA.antennas[0]"],
    ["putBackShare: 0.2", "putBackShare: 2", "shoppers.putBackShare"],
    ['gtin: "09521321002012" }', 'gtin: "09521321002013" }', "check digit"],
    ["location: s0042/stockroom, gtin", "location: s0042/cellar, gtin", "s0042/cellar"],
    ['c1, gtin: "09521321002012" }', 'c1, gtin: "09521321001015" }', "unitWeightGrams"],
  ])("%s -> %s names %s", async (from, to, named) => {
    const file = await altered(from, to);
    const refusal = loadScenario(file);
    await expect(refusal).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(refusal).rejects.toThrow(file);
    await expect(refusal).rejects.toThrow(named);
  });

  test("a missing file and a broken one are unreadable", async () => {
    const missing = loadScenario(join(scratch, "nowhere.yaml"));
    await expect(missing).rejects.toMatchObject({ code: "CONFIG_UNREADABLE" });
    await expect(loadScenario(await altered("name: quickstart", "name: ["))).rejects.toMatchObject({
      code: "CONFIG_UNREADABLE",
    });
  });
});
