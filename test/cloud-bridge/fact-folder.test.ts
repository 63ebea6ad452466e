// Files of facts dropped into the folder of a real bridge. Of one that is killed meanwhile: facts-killed.test.ts.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startBridge } from "./bridge.ts";
import { gtin, header, line, prepareDrops, receipt } from "./fact-drops.ts";

test("files are posted, their refused lines written down, and nothing is posted twice", async () => {
  const { path, drops, drop, plans } = await prepareDrops();
  const factFolder = { path: drops, source: "erp", intervalMs: 100 };
  const bridge = await startBridge(path, { factFolder, plans });
  onTestFinished(() => bridge.stop());
  const sellable = async () => {
    const { body } = await bridge.get(`/v1/stock?store=s1&gtin=${gtin}`);
    return (body["items"] as { sellable: number }[])[0]?.sellable;
  };
  const done = async (count: number) =>
    await expect
      .poll(async () => (await readdir(join(drops, "done"))).length, { timeout: 10_000 })
      .toBe(count);
  await drop("a.csv", header + receipt("s1", 5) + receipt("s9", 1) + line("sale,s1,now,1,,,"));
  await done(1);
  expect(await sellable()).toBe(5);
  const refused = await readFile(join(drops, "refused", "a.csv"), "utf8");
  expect(refused.split("\r\n")).toEqual([
    "line,reason,kind,store,occurredAt,gtin,quantity,location,reference",
    expect.stringMatching(/^3,store s9 is unknown,/),
    expect.stringMatching(/^4,.*occurredAt: must be like/),
    "",
  ]);
  // The same file again, under the same name.
  await drop("a.csv", header + receipt("s1", 5) + receipt("s9", 1) + line("sale,s1,now,1,,,"));
  await done(2);
  expect(await sellable()).toBe(5);
  expect((await readdir(join(drops, "done"))).sort()).toEqual(["a-1.csv", "a.csv"]);
  await drop("b.csv", Uint8Array.of(0xff, 0xfe));
  await expect
    .poll(async () => (await readdir(join(drops, "refused"))).sort(), { timeout: 10_000 })
    .toEqual(["a.csv", "b.csv", "b.csv.reason.txt"]);
  expect(await bridge.text("/metrics")).toMatch(/fact_files_refused\S* 1/);
});
