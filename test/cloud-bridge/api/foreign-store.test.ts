// Every route of the API's own description, asked by a token of each role that is limited to another store: nothing of
// the store that it asks about shows, and nothing there changes. Of a real bridge after a day's work.

import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { roles } from "../../../cloud-bridge/api/roles.ts";
import { newToken } from "../../../cloud-bridge/api/tokens.ts";
import type { TestBridge } from "../bridge.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge, withTokens } from "../with-bridge.ts";
import { goodReads, type Made, plainRead } from "./good-reads.ts";
import { type GoodRequest, goodRequests, gtin, type World } from "./good-requests.ts";
import { makeWorld } from "./good-world.ts";

const director = newToken({ name: "dir", role: "network-director", stores: "all" });
// All that is good here is of s1, some of it with s2; these are of s3.
const foreigners = roles.map(
  (role) => [role, newToken({ name: `far-${role}`, role, stores: "s3" })] as const,
);
let bridge: TestBridge;
let world: World;
let made: Made;
let operations: string[] = [];

withBridge(
  async ({ bridge: opened, edge }) => {
    bridge = opened;
    world = await makeWorld(edge, { ask: (method, path) => ask(method, path), make });
    // One unit that has been in two of the stores, each of which knows its own part.
    for (const storeId of ["s1", "s3"]) {
      const outbox = new TestOutbox(storeId, "e1", `bbbbbbbb-${storeId}00`.replace("s", "0"));
      const unit = { ...received(storeId, gtin), item: { gtin, serial: "A1", lot: "L1" } };
      const tag = { ...received(storeId, gtin), item: { epc: "E2801160600002054CC2096F" } };
      await outbox.send(edge, unit as never, tag as never);
    }
    const { paths } = (await ask("GET", "/openapi.json")).body as { paths: object };
    operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
  },
  async (folder) => {
    const keyFile = join(folder, "trace.key");
    const { privateKey } = generateKeyPairSync("ed25519");
    await writeFile(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }));
    const tokens = [director, ...foreigners.map(([, made]) => made)].map(({ token }) => token);
    const locations = { "https://id.gs1.org/414/9506000134369": "s1/stockroom" };
    return { ...(await withTokens(tokens)(folder)), trace: { keyFile }, epcis: { locations } };
  },
);

async function ask(
  method: string,
  path: string,
  { body, headers = {} }: Partial<GoodRequest> = {},
  secret = director.secret,
) {
  const typed = body === undefined ? headers : { ...headers, "content-type": "application/json" };
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}${path}`, {
    ...{ method, headers: { ...typed, authorization: `Bearer ${secret}` } },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const { status } = response;
  const isJson = (response.headers.get("content-type") ?? "").includes("json") && text !== "";
  const told = [text, ...["location", "link", "etag"].map((name) => response.headers.get(name))];
  return { status, text: told.join("\n"), body: isJson ? JSON.parse(text) : text };
}

async function make(method: string, request: GoodRequest): Promise<Record<string, string>> {
  const answer = await ask(method, request.path, request);
  expect(answer.status, `${request.path}: ${answer.text}`).toBeLessThan(300);
  return answer.body as Record<string, string>;
}

const requests = new Map<string, GoodRequest>();

beforeAll(async () => {
  const done = async (key: string) => {
    const [method = ""] = key.split(" ");
    return make(method, await goodRequests[key]!(world));
  };
  const at = "/v1/stores/{store}";
  const shipment = await goodRequests["POST /v1/epcis/capture"]!(world);
  const location = (await captured(shipment)).split("/").at(-1)!;
  const { body } = await ask("GET", "/v1/epcis/events?EQ_bizStep=receiving&perPage=1");
  await make("POST", { path: "/v1/epcis/queries", body: { name: "shipped", query: {} } });
  const sale = { kind: "sale", occurredAtMs: Date.now(), gtin, quantity: 1 };
  const facts = [{ ...sale, reference: { type: "receipt", id: "R-1001" } }];
  const key = { "idempotency-key": "a-sale" };
  await make("POST", {
    path: "/v1/facts",
    body: { store: "s1", source: "till-2", facts },
    headers: key,
  });
  made = {
    claimId: (await done("POST /v1/claims"))["claimId"]!,
    countId: (await done(`POST ${at}/counts`))["countId"]!,
    returnId: (await done(`POST ${at}/returns`))["returnId"]!,
    webhookId: (await done("POST /v1/webhooks"))["webhookId"]!,
    delivery: (await done(`POST ${at}/deliveries`))["consignmentId"]!,
    transfer: (await done(`POST ${at}/transfers`))["consignmentId"]!,
    ...{
      captureId: location,
      eventId: body.epcisBody.queryResults.resultsBody.eventList[0].eventID,
    },
  };
  for (const key of Object.keys(goodRequests)) requests.set(key, await goodRequests[key]!(world));
}, 60_000);

async function captured({ path, body }: GoodRequest): Promise<string> {
  const [event] = (body as { epcisBody: { eventList: object[] } }).epcisBody.eventList;
  const readPoint = { id: "urn:gondola:location:s1:stockroom" };
  const document = { ...body, epcisBody: { eventList: [{ ...event, readPoint }] } };
  const { status, text } = await ask("POST", path, { body: document });
  expect(status, text).toBe(202);
  return /\/v1\/epcis\/capture\/\S+/.exec(text)![0];
}

const readOf = (path: string) => goodReads(made)[path] ?? plainRead(path);
const reads = () =>
  operations
    .filter((key) => key.startsWith("GET ") && !key.endsWith("/feed"))
    .map((key) => key.slice("GET ".length));

/** What tells of the stores that are not one's own, or was made there. */
function signs(): RegExp {
  const ids = Object.values(made).map((id) => id.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`\\bs[12]\\b|R-1001|${ids.join("|")}`, "g");
}

/** A return may be taken in any store, so that a receipt is told of to whoever holds it. */
const ofEachStore = new Set(["/v1/sales/{receipt}"]);

test.each(foreigners)(
  "a %s of another store is told nothing by any route that reads",
  async (_role, { secret }) => {
    const faults: string[] = [];
    for (const path of reads()) {
      const asked = readOf(path);
      const { status, text } = await ask("GET", asked, {}, secret);
      // What was asked may be said again.
      const own: readonly string[] = decodeURIComponent(asked).match(signs()) ?? [];
      const told = (text.match(signs()) ?? []).filter(
        (word) => status < 300 || !own.includes(word),
      );
      if (told.length > 0 && !ofEachStore.has(path))
        faults.push(`${asked} ${status} tells ${[...new Set(told)]}: ${text.slice(0, 300)}`);
      if (status >= 500) faults.push(`${asked} ${status} ${text}`);
      // A list of all stores is one's own store's here.
      const isOfStore = /[=/]s1\b/.test(asked);
      if (isOfStore && status < 400) faults.push(`${asked} ${status} is answered`);
    }
    expect(faults).toEqual([]);
  },
  30_000,
);

test("a token of another store, whatever its role, changes nothing by any route that changes", async () => {
  const before = await held();
  const faults: string[] = [];
  for (const [role, { secret }] of foreigners) {
    for (const [key, request] of requests) {
      const [method = ""] = key.split(" ");
      const { status, text } = await ask(method, request.path, request, secret);
      // Its own query of a name that others have too.
      const isOwn = key === "POST /v1/epcis/queries";
      if (!(isOwn ? [201, 403, 409] : [403, 404]).includes(status))
        faults.push(`${role}: ${key} ${status} ${text}`);
    }
  }
  expect(faults).toEqual([]);
  expect(await held()).toEqual(before);
}, 60_000);

/** All that the director is told by routes that read, but for what is of the moment. */
async function held(): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = {};
  for (const path of reads()) {
    if (/^\/(health|metrics|docs)|\/(head|proof)$|trace/.test(path)) continue;
    const { body } = await ask("GET", readOf(path));
    answers[path] = JSON.parse(JSON.stringify(body), (name, value) =>
      /^(asOfMs|creationDate|lastSeenAtMs|sinceAcknowledgementMs|failing|nextDeliveryAtMs|atMs)$/.test(
        name,
      )
        ? undefined
        : value,
    );
  }
  return answers;
}

test("what a foreign token may not see is there for who may", async () => {
  let count = 0;
  for (const path of reads()) {
    const { status, text } = await ask("GET", readOf(path));
    if (status === 200 && signs().test(text)) count += 1;
  }
  expect(count).toBeGreaterThan(40);
});

test("a feed of another store is not opened, and one's own tells of it alone", async () => {
  for (const [, { secret }] of foreigners) {
    expect(await ask("GET", "/v1/stores/s1/feed", {}, secret)).toMatchObject({ status: 403 });
    const headers = { authorization: `Bearer ${secret}`, "last-event-id": "0" };
    const stop = new AbortController();
    const url = `http://127.0.0.1:${bridge.httpPort}/v1/stores/s3/feed`;
    const response = await fetch(url, { headers, signal: stop.signal });
    const reader = response.body!.getReader();
    let text = "";
    while (!text.includes("id: 3")) text += new TextDecoder().decode((await reader.read()).value);
    stop.abort();
    expect(text).not.toMatch(signs());
  }
});
