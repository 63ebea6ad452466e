// Values that a schema may let through and a database may not take, at every place of every request that changes something,
// and in questions: what is answered is never our fault, and the bridge goes on. On SQLite, and again on PostgreSQL.

import { expect, test } from "vitest";
import { newToken } from "../../../cloud-bridge/api/tokens.ts";
import type { TestBridge } from "../bridge.ts";
import { databaseUrl, isOnPostgres } from "../ledger/edge-fixture.ts";
import type { TestClient } from "../mqtt-client.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge, withTokens } from "../with-bridge.ts";
import { leavesOf, withAt } from "./breakages.ts";
import { type GoodRequest, goodRequests, gtin, type World } from "./good-requests.ts";
import { makeWorld } from "./good-world.ts";

const director = newToken({ name: "dir", role: "network-director", stores: "all" });
let bridge: TestBridge;
let edge: TestClient;
let world: World;
let reads: string[];

withBridge(
  async (opened) => {
    ({ bridge, edge } = opened);
    world = await makeWorld(edge, { ask, make });
    const { paths } = (await ask("GET", "/openapi.json")).body as {
      paths: Record<string, { get?: { parameters?: { in: string; name: string }[] } }>;
    };
    reads = Object.entries(paths).flatMap(([path, { get }]) => {
      if (get === undefined || path.includes("feed")) return [];
      const known = path.replace("{store}", "s1");
      const names = (get.parameters ?? []).filter((each) => each.in === "query");
      const needed = names.some(({ name }) => name === "store") ? "store=s1&" : "";
      return [
        ...(/\{\w+\}/.test(known) ? [known.replace(/\{\w+\}/g, "VALUE")] : []),
        ...names.map(({ name }) => `${known.replace(/\{\w+\}/g, gtin)}?${needed}${name}=VALUE`),
      ];
    });
  },
  async (folder) => ({
    ...(await withTokens([director.token])(folder)),
    ...(isOnPostgres ? { ledger: { postgres: { url: await databaseUrl(folder) } } } : {}),
  }),
);

async function ask(method: string, path: string, body?: unknown, headers = {}) {
  const json = body === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}${path}`, {
    ...{ method, headers: { ...json, ...headers, authorization: `Bearer ${director.secret}` } },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, body: isJson ? JSON.parse(text) : text };
}

async function make(method: string, { path, body, headers }: GoodRequest) {
  const answer = await ask(method, path, body, headers);
  expect(answer.status, `${path}: ${JSON.stringify(answer.body)}`).toBeLessThan(300);
  return answer.body;
}

// Incompressible: an index of PostgreSQL takes 2,704 bytes of a row, after it has compressed them.
let seed = 7;
const noise = (length: number, from = 97, to = 122) =>
  Array.from({ length }, () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return String.fromCodePoint(from + (seed % (to - from + 1)));
  }).join("");
const texts = () => [
  ...[noise(100), noise(8000), noise(100, 0x1f300, 0x1f5ff), noise(1900, 0x4e00, 0x9fff)],
  ...[`urn:x:${noise(2900)}`, `https://a.example/${noise(8100)}`, "a\0b", "\ud800", "%", "'\"\\"],
  ...[
    "",
    "9".repeat(30),
    "NaN",
    "1e400",
    "-1",
    "0",
    "9999-12-31T23:59:59.999Z",
    "0000-01-01T00:00:00Z",
  ],
];
const numbers = [
  Number.MAX_SAFE_INTEGER,
  -Number.MAX_SAFE_INTEGER,
  8.64e12,
  8.64e12 + 1,
  1e21,
  0,
  0.1,
];
const deep = (levels: number) => JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`);

async function isWriting(): Promise<boolean> {
  const { body } = await ask("GET", "/healthz");
  const key = { "idempotency-key": noise(20) };
  const fact = { kind: "sale", occurredAtMs: Date.now(), gtin, quantity: 1 };
  const posted = await ask(
    "POST",
    "/v1/facts",
    { store: "s1", source: "till-9", facts: [fact] },
    key,
  );
  return posted.status < 300 && JSON.stringify(body).length > 0;
}

test.each(Object.keys(goodRequests))(
  "%s: no value is our fault",
  async (key) => {
    const [method = ""] = key.split(" ");
    const faults: string[] = [];
    const send = async (name: string, { path, headers }: GoodRequest, body?: unknown) => {
      const { status, body: told } = await ask(method, path, body, headers);
      if (status >= 500) faults.push(`${name}: ${status} ${JSON.stringify(told).slice(0, 200)}`);
    };
    const { body = {} } = await goodRequests[key]!(world);
    for (const { path, value } of leavesOf(body)) {
      const values = typeof value === "number" ? numbers : [...texts(), deep(40)];
      for (const [index, hostile] of values.entries()) {
        const good = await goodRequests[key]!(world);
        await send(`${path.join(".")} ${index}`, good, withAt(good.body, path, hostile));
      }
    }
    const good = await goodRequests[key]!(world);
    if (good.body !== undefined) {
      const extended = { ...good.body, "ex:deep": 0 };
      const text = JSON.stringify(extended).replace(
        ":0}",
        `:${"[".repeat(3000)}${"]".repeat(3000)}}`,
      );
      await send("deep", good, text);
    }
    for (const header of Object.keys(good.headers ?? {})) {
      const other = { ...good, headers: { ...good.headers, [header]: noise(300) } };
      await send(header, other, good.body);
    }
    expect(faults).toEqual([]);
    expect(await isWriting()).toBe(true);
  },
  120_000,
);

test("no question is our fault", async () => {
  const faults: string[] = [];
  const asked = [
    "%00",
    "%ED%A0%80",
    noise(3000),
    "9".repeat(30),
    "1e300",
    "-1",
    "9007199254740993",
    "%25",
    "%F0%9F%98%80",
  ];
  for (const path of reads) {
    for (const value of [...asked, encodeURIComponent(`urn:epc:id:sgtin:${noise(1000)}`)]) {
      const { status, body } = await ask("GET", path.replace("VALUE", value));
      if (status >= 500)
        faults.push(`${path} ${value.slice(0, 20)}: ${JSON.stringify(body).slice(0, 200)}`);
    }
  }
  expect(faults).toEqual([]);
  await edge.subscribe("gondola/1/s1/e7/ack");
  const { rejected } = await new TestOutbox("s1", "e7").send(edge, received("s1", gtin));
  expect(rejected).toEqual([]);
}, 120_000);
