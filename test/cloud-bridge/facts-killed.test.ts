// A bridge process that is killed again and again while it takes facts, from files and over HTTP: each counts once. On SQLite,
// and again on PostgreSQL.

import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { Daemon } from "../support/daemon.ts";
import { gtin, header, prepareDrops, receipt } from "./fact-drops.ts";
import { databaseUrl, isOnPostgres, openLedgerAt } from "./ledger/edge-fixture.ts";

/** A machine that does much else starts a process slowly. */
const readyMsMax = 60_000;

/** A configured folder, and how a bridge on it is started. */
async function prepared() {
  const { path, drops, drop, plans } = await prepareDrops();
  const dataDir = join(path, "data");
  const ledgerFile = join(dataDir, "ledger.db");
  const config = {
    ...{ dataDir, plans, factFolder: { path: drops, source: "erp", intervalMs: 100 } },
    ...(isOnPostgres ? { ledger: { postgres: { url: await databaseUrl(ledgerFile) } } } : {}),
  };
  await writeFile(join(path, "bridge.yaml"), JSON.stringify(config));
  const ports = ["--port", "0", "--http-port", "0"];
  const start = () =>
    Daemon.start("cloud-bridge", "run", "--config", join(path, "bridge.yaml"), ...ports);
  /** What the ledger says in the end. */
  const counted = async () => {
    const ledger = await openLedgerAt(ledgerFile, { nowMs: Date.now() });
    const [level] = await ledger.stockLevels({ storeId: "s1", countMax: 9, nowMs: 0 });
    const { problems } = await ledger.verify();
    await ledger.close();
    return { sellable: level?.sellable, problems };
  };
  return { drops, drop, start, counted };
}

test("each line of files that are read meanwhile counts once", async () => {
  const { drops, drop, start, counted } = await prepared();
  const fileCount = 6;
  const lineCount = 2_000;
  for (let file = 0; file < fileCount; file += 1) {
    await drop(`f${file}.csv`, header + receipt("s1", 1).repeat(lineCount));
  }
  const left = async () => (await readdir(drops)).filter((name) => name.endsWith(".csv")).length;
  let killCount = 0;
  for (let round = 0; (await left()) > 0; round += 1) {
    expect(round).toBeLessThan(60);
    const bridge = start();
    await bridge.line(({ msg }) => msg === "bridge ready", readyMsMax);
    const isLast = round >= 5;
    // From its first parts on to some files later.
    for (let waitedMs = 0; waitedMs < (isLast ? 60_000 : 100 + round * 70); waitedMs += 10) {
      await pause(10);
      if ((await left()) === 0) break;
    }
    killCount += 1;
    await bridge.end("SIGKILL");
  }
  expect(killCount).toBeGreaterThan(3);
  expect(await counted()).toEqual({ sellable: fileCount * lineCount, problems: [] });
}, 240_000);

test("each fact of requests that are sent until they are answered counts once", async () => {
  const { start, counted } = await prepared();
  const requestCount = 120;
  const factCount = 20;
  let port = 0;
  let unansweredCount = 0;
  const occurredAtMs = Date.now() - 60_000;
  const place = { location: "s1/stockroom" };
  const fact = { kind: "receipt", occurredAtMs, gtin, quantity: 1, ...place };
  const body = JSON.stringify({
    store: "s1",
    source: "till-1",
    facts: Array(factCount).fill(fact),
  });
  const send = async (number: number) => {
    for (;;) {
      try {
        const url = `http://127.0.0.1:${port}/v1/facts?by=ada`;
        const headers = { "content-type": "application/json", "idempotency-key": `key-${number}` };
        const { ok } = await fetch(url, { method: "POST", headers, body });
        if (ok) return;
      } catch {
        // The bridge is away, or went away with the answer.
      }
      unansweredCount += 1;
      await pause(20);
    }
  };
  let answeredCount = 0;
  const sending = Array.from({ length: 4 }, async (_, sender) => {
    for (let number = sender; number < requestCount; number += 4) {
      await send(number);
      answeredCount += 1;
      await pause(5);
    }
  });
  let killCount = 0;
  while (answeredCount < requestCount) {
    const bridge = start();
    const ready = await bridge.line(({ msg }) => msg === "bridge ready", readyMsMax);
    port = Number(ready["httpPort"]);
    const stopAt = killCount >= 4 ? requestCount : answeredCount + 8 + killCount * 4;
    while (answeredCount < Math.min(stopAt, requestCount)) await pause(1);
    killCount += 1;
    await bridge.end("SIGKILL");
  }
  await Promise.all(sending);
  expect(killCount).toBeGreaterThan(3);
  expect(unansweredCount).toBeGreaterThan(0);
  expect(await counted()).toEqual({ sellable: requestCount * factCount, problems: [] });
}, 240_000);
