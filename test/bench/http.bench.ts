// How fast the bridge answers over HTTP on a large ledger, beside the bare query in the same run, and how soon 500
// listeners of the live feed hear of what was posted. GONDOLA_BENCH_ENTRIES (1,000,000 by default) entries over 50 stores.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, get, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { readStockLevels } from "../../cloud-bridge/ledger/sql-levels.ts";
import { SqliteConnection } from "../../cloud-bridge/ledger/sqlite.ts";
import { SqliteLedger } from "../../cloud-bridge/ledger/sqlite-ledger.ts";
import { checkDigitOf } from "../../contract/gs1/check-digit.ts";
import { seededRandom } from "../../simulators/random.ts";

const entryCount = Number(process.env["GONDOLA_BENCH_ENTRIES"] ?? 1_000_000);
const storeCount = 50;
const itemCountMax = 100_000;
const lookUpCount = 20_000;
const askerCount = 2;
/** Look-ups until the code is compiled and what the bridge does at its start is over. */
const warmUpCount = 5_000;
const listenerCount = 500;
const factCount = 50;
const factEveryMs = 200;
const startAtMs = 1_763_888_000_000;
const itemCount = Math.min(itemCountMax, Math.floor(entryCount / storeCount));

/** Look-ups and listeners, of a bridge in a process of its own. */
export async function benchHttp(): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), "gondola-bench-"));
  try {
    const filledMs = await fill(join(folder, "ledger.db"));
    const bare = await bareLookUps(join(folder, "ledger.db"));
    const bridge = await Bridge.start(folder);
    try {
      await lookUps(bridge.port, warmUpCount);
      const http = await lookUps(bridge.port, lookUpCount);
      const feed = await listen(bridge.port);
      return {
        ...{ entryCount, storeCount, itemCount, filledMs, lookUpCount, askerCount },
        ...{ http, bare, p99Ratio: Number((http.p99Ms / bare.p99Ms).toFixed(1)), feed },
      };
    } finally {
      await bridge.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Rows as postings of single units would have left them, without their hashes; who follows the ledger is at its end. */
async function fill(path: string): Promise<number> {
  const begunMs = performance.now();
  await (await SqliteLedger.open({ path, nowMs: startAtMs })).close();
  const connection = await SqliteConnection.open({ path });
  const store = "printf('s%03d', k % 50)";
  const item = gtinSql(`(k / 50) % ${itemCount}`);
  const place = "printf('s%03d/stockroom', k % 50)";
  const numbers = (count: number) =>
    `WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k + 1 < ${count})`;
  await connection.script(`
    PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;
    BEGIN;
    ${numbers(entryCount)} INSERT INTO entries
      SELECT ${store}, 1 + k / 50, ${item}, NULL, NULL, 1, printf('s%03d/@supplier', k % 50), 'sellable',
        ${place}, 'sellable', 'receiving', ${startAtMs} + k, ${startAtMs} + k, ${startAtMs} + k,
        'edge-1', 'bench', 1 + k / 50, 'dock-1', NULL, NULL, printf('%064x', k) FROM n ORDER BY k % 50, k;
    ${numbers(itemCount * storeCount)} INSERT INTO balances
      SELECT ${store}, ${item}, ${place}, 'sellable', ${Math.max(1, Math.floor(entryCount / storeCount / itemCount))}, 1 + k / 50
      FROM n ORDER BY 1, 2;
    ${numbers(storeCount)} INSERT INTO chain_heads SELECT ${store}, ${Math.floor(entryCount / storeCount)}, printf('%064x', k) FROM n;
    ${numbers(storeCount)} INSERT INTO positions
      SELECT ${store}, 'edge-1', 'bench', ${Math.floor(entryCount / storeCount)}, printf('%064x', k), 0, ${startAtMs}, ${startAtMs} FROM n;
    INSERT INTO followers
      SELECT store_id, value, entry_number FROM chain_heads, json_each('["epcis-ids-2","merkle"]');
    COMMIT; ANALYZE;`);
  await connection.close();
  return Math.round(performance.now() - begunMs);
}

const firstItem = 9_000_000;

function gtinOf(index: number): string {
  const digits = String(firstItem + index).padStart(13, "0");
  return `${digits}${checkDigitOf(digits)}`;
}

/** The same in SQL. */
function gtinSql(index: string): string {
  const digits = `printf('%013d', ${firstItem} + ${index})`;
  const weighed = Array.from({ length: 13 }, (_, place) => {
    return `${place % 2 ? 1 : 3} * substr(${digits}, ${place + 1}, 1)`;
  });
  return `${digits} || ((10 - (${weighed.join(" + ")}) % 10) % 10)`;
}

function* keys(): Generator<{ storeId: string; gtin: string }> {
  const random = seededRandom(1);
  for (;;) {
    const storeId = `s${String(Math.floor(random() * storeCount)).padStart(3, "0")}`;
    yield { storeId, gtin: gtinOf(Math.floor(random() * itemCount)) };
  }
}

async function bareLookUps(path: string) {
  const connection = await SqliteConnection.open({ path });
  const latenciesMs: number[] = [];
  const asked = keys();
  for (let count = 0; count < lookUpCount; count += 1) {
    const begunMs = performance.now();
    await readStockLevels(connection, { ...asked.next().value, countMax: 1, nowMs: 0 });
    latenciesMs.push(performance.now() - begunMs);
  }
  await connection.close();
  return quantiles(latenciesMs);
}

async function lookUps(port: number, totalCount: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: askerCount });
  const latenciesMs: number[] = [];
  const asked = keys();
  const begunMs = performance.now();
  await Promise.all(
    Array.from({ length: askerCount }, async () => {
      for (let count = 0; count < totalCount / askerCount; count += 1) {
        const { storeId, gtin } = asked.next().value;
        const sentMs = performance.now();
        await body(port, `/v1/stock?store=${storeId}&gtin=${gtin}`, agent);
        latenciesMs.push(performance.now() - sentMs);
      }
    }),
  );
  const perS = Math.round((1000 * totalCount) / (performance.now() - begunMs));
  agent.destroy();
  return { ...quantiles(latenciesMs), perS };
}

/** From the posting of a fact until each listener has its entry. */
async function listen(port: number) {
  const sentMs: number[] = [];
  const latenciesMs: number[] = [];
  const leave: (() => void)[] = [];
  for (let listener = 0; listener < listenerCount; listener += 1) {
    await new Promise<void>((resolve, reject) => {
      const asked = get({ port, host: "127.0.0.1", path: "/v1/stores/s000/feed" }, (response) => {
        let heardCount = 0;
        const lines = createInterface({ input: response });
        lines.on("line", (line) => {
          if (!line.startsWith("data:")) return;
          latenciesMs.push(performance.now() - sentMs[heardCount]!);
          heardCount += 1;
        });
        // It is the one who leaves.
        lines.on("error", () => undefined);
        resolve();
      }).on("error", reject);
      leave.push(() => asked.destroy());
    });
  }
  for (let fact = 0; fact < factCount; fact += 1) {
    sentMs.push(performance.now());
    await postFact(port, fact);
    await pause(factEveryMs);
  }
  await pause(2_000);
  for (const one of leave) one();
  return { listenerCount, factCount, heardCount: latenciesMs.length, ...quantiles(latenciesMs) };
}

async function postFact(port: number, number: number): Promise<void> {
  const fact = { kind: "receipt", occurredAtMs: Date.now(), gtin: "09521321002012" };
  const text = JSON.stringify({ store: "s000", source: "bench", facts: [fact] });
  const headers = { "content-type": "application/json", "idempotency-key": `bench-${number}` };
  await new Promise<void>((resolve, reject) => {
    const options = { port, host: "127.0.0.1", path: "/v1/facts", method: "POST", headers };
    request(options, (response) => {
      response.resume().on("end", resolve);
      if (response.statusCode !== 200) reject(new Error(`fact refused: ${response.statusCode}`));
    })
      .on("error", reject)
      .end(text);
  });
}

function body(port: number, path: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    get({ port, host: "127.0.0.1", path, agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`));
      response.resume().on("end", resolve);
    }).on("error", reject);
  });
}

function quantiles(latenciesMs: number[]) {
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const at = (share: number) => Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2));
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1 - 1e-9) };
}

/** A bridge process on the ledger of a folder, that publishes no stock anew while it is measured. */
class Bridge {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(folder: string): Promise<Bridge> {
    const config = join(folder, "bridge.yaml");
    const quiet = { http: { port: 8080, connectionCountMax: listenerCount + 100 } };
    const publish = { republishPauseMs: 60_000 };
    await writeFile(config, JSON.stringify({ dataDir: folder, ...quiet, publish }));
    const ports = ["--port", "0", "--http-port", "0"];
    const words = ["--import", "tsx", "cloud-bridge/cli.ts", "run", "--config", config, ...ports];
    const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: child.stdout })) {
      const { msg, httpPort } = JSON.parse(line) as { msg: string; httpPort?: number };
      if (msg !== "bridge ready" || httpPort === undefined) continue;
      child.stdout.resume();
      return new Bridge(child, httpPort);
    }
    throw new Error("the bridge ended before it was ready");
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGTERM");
    await ended;
  }
}
