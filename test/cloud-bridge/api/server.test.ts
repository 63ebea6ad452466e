import { expect, test } from "vitest";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge } from "../with-bridge.ts";

const gtins = ["09506000134352", "09521321001015", "09521321001022"];
let bridge: TestBridge;

withBridge(async (opened) => {
  bridge = opened.bridge;
  const { edge } = opened;
  await edge.subscribe(topics.ack("s1", "e1"));
  const bad = { ...received("s1", gtins[0]!), quantity: 0 };
  await new TestOutbox("s1", "e1").send(edge, ...gtins.map((gtin) => received("s1", gtin)), bad);
});

test.each([
  ["/v1/stock", 400, "query_invalid", "store:"],
  ["/v1/stock?store=S1", 400, "query_invalid", "store: an id is 1-32 of a-z"],
  ["/v1/stock?store=s1&gtin=12", 400, "query_invalid", "gtin: a GTIN has 8, 12, 13 or 14 digits"],
  [
    "/v1/stock?store=s1&gtin=09506000134353",
    400,
    "query_invalid",
    "gtin: the GTIN's check digit is wrong",
  ],
  ["/v1/stock?store=s1&limit=5000", 400, "query_invalid", "limit: must be 1..1000"],
  ["/v1/stock?store=s1&colour=red", 400, "query_invalid", "colour"],
  ["/v1/stock?store=s1&store=s2", 400, "query_invalid", "store: is given more than once"],
  ["/v1/edges?limit=1&limit=2", 400, "query_invalid", "limit: is given more than once"],
  ["/v1/notices?store=s1&store=s1", 400, "query_invalid", "store: is given more than once"],
  [
    ...(["/v1/epcis/expected-receipts?store=s1&store=s2", 400, "query_invalid"] as const),
    "store: is given more than once",
  ],
  ["/v1/stock?store=s1&colour=red&colour=blue", 400, "query_invalid", "colour: is not known here"],
  ["/v1/entries?store=s1&after=x", 400, "query_invalid", "after: must be an entry number"],
  [
    "/v1/stock?store=s7",
    404,
    "store_unknown",
    "store s7 has neither a plan nor an edge that reported",
  ],
  ["/v1/entries?store=s7", 404, "store_unknown", "s7"],
  ["/v1/tasks?store=s7", 404, "store_unknown", "s7"],
  ["/v2/stock", 404, "path_unknown", "GET /v2/stock"],
])("%s is a problem that names what is wrong", async (path, status, kind, detail) => {
  const answer = await bridge.get(path);
  expect(answer.status).toBe(status);
  expect(answer.type).toContain("application/problem+json");
  expect(answer.body).toMatchObject({ status, type: `urn:gondola:problem:${kind}` });
  expect(answer.body["detail"]).toContain(detail);
});

test("a known store answers, with stock or without", async () => {
  const { items } = (await bridge.get("/v1/stock?store=s1")).body as { items: { gtin: string }[] };
  expect(items.map(({ gtin }) => gtin)).toEqual(gtins);
  expect(await bridge.get("/v1/stock?store=s1&gtin=00000095200002")).toMatchObject({
    status: 200,
    body: { items: [] },
  });
  // A GTIN-13 is the same product.
  expect((await bridge.get("/v1/stock?store=s1&gtin=9506000134352")).body).toMatchObject({
    items: [{ gtin: gtins[0] }],
  });
});

test("pages go on where the last one ended", async () => {
  const first = (await bridge.get("/v1/stock?store=s1&limit=2")).body;
  expect(first).toMatchObject({
    items: [{ gtin: gtins[0] }, { gtin: gtins[1] }],
    next: expect.any(String),
  });
  const second = (await bridge.get(`/v1/stock?store=s1&limit=2&cursor=${first["next"]}`)).body;
  expect(second).toMatchObject({ items: [{ gtin: gtins[2] }] });
  expect(second).not.toHaveProperty("next");
  expect((await bridge.get("/v1/entries?store=s1&after=1&limit=1")).body).toMatchObject({
    items: [{ entryNumber: 2 }],
    next: expect.any(String),
  });
});

test("lists of all stores", async () => {
  expect((await bridge.get("/v1/positions?store=s1")).body).toMatchObject({
    items: [{ throughSequence: 4 }],
  });
  expect((await bridge.get("/v1/quarantine")).body).toMatchObject({ items: [{ sequence: 4 }] });
  expect(await bridge.get("/v1/tasks")).toMatchObject({ status: 200 });
  expect(await bridge.get("/v1/notices?store=s1")).toMatchObject({ status: 200 });
});

test("reposting says why not", async () => {
  const post = async (body: string, type = "application/json") => {
    const url = `http://127.0.0.1:${bridge.httpPort}/v1/quarantine/repost`;
    const response = await fetch(url, { method: "POST", headers: { "content-type": type }, body });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  expect(await post('{"id":"s1/e1/none/9"}')).toMatchObject({ status: 404 });
  const { items } = (await bridge.get("/v1/quarantine")).body as { items: { id: string }[] };
  expect(await post(JSON.stringify({ id: items[0]!.id }))).toMatchObject({ status: 409 });
  expect(await post("{}")).toMatchObject({
    status: 400,
    body: { detail: expect.stringContaining("id:") },
  });
  expect(await post("{")).toMatchObject({ status: 400 });
  expect(await post("id=1", "text/plain")).toMatchObject({ status: 415 });
  // Part of an id is none.
  for (const id of ["s1", "s1/e1", "s1/e1/none/x", "s1/e1/none/9/9"]) {
    expect(await post(JSON.stringify({ id }))).toMatchObject({
      status: 400,
      body: { errors: [{ parameter: "id" }] },
    });
  }
});

test.each([
  ["DELETE", "/v1/stock?store=s1", 405, "GET, HEAD"],
  ["PATCH", "/v1/catalogue/09506000134352", 405, "DELETE, GET, HEAD, PUT"],
  ["GET", "/v1/nothing", 404, null],
  ["GET", "/docs/static/nothing.js", 404, null],
  ["GET", "/v1/stores/%E0%A4%A/plan", 400, null],
])("%s %s is answered by a problem document with %i", async (method, path, status, allow) => {
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}${path}`, { method });
  const type = response.headers.get("content-type") ?? "";
  expect([response.status, response.headers.get("allow"), type.split(";")[0]]).toEqual([
    ...[status, allow, "application/problem+json"],
  ]);
  expect(await response.json()).toMatchObject({ status, detail: expect.stringMatching(/./) });
});
