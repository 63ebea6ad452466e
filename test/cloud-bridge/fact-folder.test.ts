// Files of facts dropped into the folder of a real bridge, and of a bridge process that is killed while it reads them.

import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { SqliteLedger } from "../../cloud-bridge/ledger/sqlite-ledger.ts";
import { Daemon } from "../support/daemon.ts";
import { startBridge } from "./bridge.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const gtin = "09506000134352";
const at = new Date(Date.now() - 60_000).toISOString();
const header = "kind,store,occurredAt,gtin,quantity,location,reference\r\n";
const line = (fields: string) => `${fields}\r\n`;
const receipt = (store: string, quantity: number) =>
  line(`receipt,${store},${at},${gtin},${quantity},${store}/stockroom,D-1`);

const plan = (storeId: string) => ({
  ...{ schemaVersion: 1, storeId, version: 1, products: [{ gtin, name: "Tea" }] },
  ...{ locations: [{ location: `${storeId}/stockroom`, role: "stockroom" }], facings: [] },
});

/** A folder with a plan of one store, and how to drop a file whole. */
async function prepared() {
  const { path, remove } = await temporaryFolder();
  onTestFinished(remove);
  const drops = join(path, "drops");
  await mkdir(drops);
  await writeFile(join(path, "s1.json"), JSON.stringify(plan("s1")));
  const drop = async (name: string, text: string | Uint8Array) => {
    await writeFile(join(path, "being-written"), text);
    await rename(join(path, "being-written"), join(drops, name));
  };
  return { path, drops, drop, plans: [join(path, "s1.json")] };
}

test("files are posted, their refused lines written down, and nothing is posted twice", async () => {
  const { path, drops, drop, plans } = await prepared();
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

test("a bridge that is killed again and again while it reads posts each line once", async () => {
  const { path, drops, drop, plans } = await prepared();
  const config = {
    ...{ dataDir: join(path, "data"), plans },
    factFolder: { path: drops, source: "erp", intervalMs: 100 },
  };
  await writeFile(join(path, "bridge.yaml"), JSON.stringify(config));
  const fileCount = 12;
  const lineCount = 3_000;
  for (let file = 0; file < fileCount; file += 1) {
    await drop(`f${file}.csv`, header + receipt("s1", 1).repeat(lineCount));
  }
  const left = async () => (await readdir(drops)).filter((name) => name.endsWith(".csv")).length;
  const ports = ["--port", "0", "--http-port", "0"];
  const run = ["run", "--config", join(path, "bridge.yaml"), ...ports];
  let killCount = 0;
  for (let round = 0; (await left()) > 0; round += 1) {
    expect(round).toBeLessThan(60);
    const bridge = Daemon.start("cloud-bridge", ...run);
    await bridge.line(({ msg }) => msg === "bridge ready");
    const isLast = round >= 8;
    // From its first parts on to some files later.
    for (let waitedMs = 0; waitedMs < (isLast ? 20_000 : 100 + round * 70); waitedMs += 10) {
      await pause(10);
      if ((await left()) === 0) break;
    }
    killCount += 1;
    await bridge.end("SIGKILL");
  }
  expect(killCount).toBeGreaterThan(3);
  const ledger = await SqliteLedger.open({
    path: join(path, "data", "ledger.db"),
    nowMs: Date.now(),
  });
  const [level] = await ledger.stockLevels({ storeId: "s1", countMax: 9, nowMs: 0 });
  expect(level?.sellable).toBe(fileCount * lineCount);
  expect((await ledger.verify()).problems).toEqual([]);
  await ledger.close();
}, 90_000);
