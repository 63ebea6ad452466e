// Counts, count plan, trust and refill over HTTP, of a real bridge with an edge that received goods.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import type { TestClient } from "../mqtt-client.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge } from "../with-bridge.ts";

const gtin = "09506000134352";
const other = "09521321001015";
const counts = "/v1/stores/s1/counts";
let bridge: TestBridge;
let edge: TestClient;

withBridge(async (opened) => {
  bridge = opened.bridge;
  edge = opened.edge;
  await edge.subscribe(topics.ack("s1", "e1"), topics.stock("s1", gtin));
  await new TestOutbox("s1", "e1").send(edge, received("s1", gtin, 40), received("s1", other, 5));
  const prices = [gtin, other].map((each) => ({ gtin: each, priceMinor: 100 }));
  await send("/v1/stores/s1/count-items", { items: prices }, { method: "PUT" });
});

async function send(path: string, body: unknown, { method = "POST", key = "" } = {}) {
  const headers = {
    "content-type": "application/json",
    ...(key === "" ? {} : { "idempotency-key": key }),
  };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const url = `http://127.0.0.1:${bridge.httpPort}${path}`;
  const response = await fetch(url, { method, headers, body: text });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function open(fields: Record<string, unknown> = {}, key: string = randomUUID()) {
  const place = { kind: "cycle", location: "s1/stockroom", by: "ada" };
  return await send(counts, { ...place, ...fields }, { key });
}

const observed = (item: string, quantity: number) => ({
  ...{ gtin: item, quantity, observedAtMs: Date.now() },
});

test("a count from its opening to the published level", async () => {
  const opened = await open({ lines: [{ gtin: gtin.slice(1) }] });
  expect(opened).toMatchObject({
    status: 201,
    body: { phase: "counting", lines: [{ gtin, location: "s1/stockroom", status: "open" }] },
  });
  const path = `${counts}/${opened.body["countId"]}`;
  const counted = await send(`${path}/lines`, { by: "ada", lines: [observed(gtin, 30)] });
  // Who counts for the first time is not shown what the book says.
  expect(JSON.stringify(counted.body)).not.toContain("book");
  expect(await send(`${path}/submit`, { by: "ada" })).toMatchObject({
    status: 200,
    body: { lines: [{ status: "recount" }], accuracy: { exactLineCount: 0 } },
  });
  expect(await send(`${path}/lines`, { by: "ada", lines: [observed(gtin, 30)] })).toMatchObject({
    status: 409,
    body: { code: "SAME_ACTOR", errors: [{ parameter: "lines.0.gtin" }] },
  });
  expect(await send(`${path}/lines`, { by: "bob", lines: [observed(gtin, 30)] })).toMatchObject({
    body: { lines: [{ status: "accepted" }] },
  });
  expect(await send(`${path}/post`, { by: "bob" })).toMatchObject({
    status: 200,
    body: { phase: "done" },
  });
  await edge.message(
    ({ topic, payload }) =>
      topic === topics.stock("s1", gtin) && payload.toString().includes('"sellable":30'),
  );
  expect(await bridge.get(path)).toMatchObject({ status: 200, body: { phase: "done" } });
  expect((await bridge.get(`${counts}?state=all`)).body).toMatchObject({
    items: [{ phase: "done", lineCounts: { posted: 1 } }],
  });
  expect((await bridge.get(counts)).body).toEqual({ items: [] });
});

test("lines come by page and by status", async () => {
  const { body } = await open({ location: "s1" });
  const path = `${counts}/${body["countId"]}`;
  expect(body).toMatchObject({ lineCounts: { open: 2 } });
  const first = (await bridge.get(`${path}?limit=1`)).body;
  expect(first).toMatchObject({ lines: [{ gtin }], next: `${gtin} s1` });
  const rest = await bridge.get(`${path}?limit=1&after=${encodeURIComponent(`${gtin} s1`)}`);
  expect(rest.body).toMatchObject({ lines: [{ gtin: other }] });
  expect(rest.body).not.toHaveProperty("next");
  expect((await bridge.get(`${path}?status=recount`)).body).toMatchObject({ lines: [] });
  expect(await bridge.get(`${path}?status=new`)).toMatchObject({ status: 400 });
  // A step shows what it was about.
  const counted = await send(`${path}/lines`, { by: "ada", lines: [observed(other, 5)] });
  expect(counted.body["lines"]).toMatchObject([{ gtin: other, location: "s1", status: "counted" }]);
  await send(`${path}/cancel`, { by: "ada" });
});

test("a key sent twice is one count; with another body a conflict", async () => {
  const key = randomUUID();
  const first = await open({}, key);
  expect((await open({}, key)).body["countId"]).toBe(first.body["countId"]);
  expect(await open({ by: "bob" }, key)).toMatchObject({
    status: 409,
    body: { code: "KEY_REUSED" },
  });
  const path = `${counts}/${first.body["countId"]}`;
  expect(await send(`${path}/cancel`, { by: "ada" })).toMatchObject({
    body: { phase: "cancelled" },
  });
});

test("passes with a hand reader", async () => {
  const opened = await open({ lines: [{ gtin: other }] });
  const path = `${counts}/${opened.body["countId"]}`;
  const keys = [1, 2, 3, 4, 5].map((serial) => `01/${other}/21/${serial}`);
  const passes = [0, 1].map(() => ({ observedAtMs: Date.now(), keys: [...keys, "E280"] }));
  expect(await send(`${path}/tags`, { by: "ada", passes })).toMatchObject({
    status: 200,
    body: { foreignCount: 2, seenCount: 5, unexpectedCount: 5, completenessShare: 1 },
  });
  await send(`${path}/submit`, { by: "ada" });
  expect(await send(`${path}/post`, { by: "ada" })).toMatchObject({ body: { phase: "done" } });
  expect((await bridge.get("/v1/stores/s1/rfid-counts")).body).toMatchObject({
    items: [{ seenCount: 5, location: "s1/stockroom" }],
  });
});

describe("what is wrong is said", () => {
  test.each([
    [{ kind: "some" }, 400, "kind: must be one of full"],
    [{ location: "s2/floor" }, 400, "location: s2/floor is no place in store s1"],
    [{ location: "s1/@basket" }, 400, "location: s1/@basket is no place"],
    [{ lines: [{ gtin, location: "s1/floor" }] }, 400, "lines.0.location: lies outside"],
    [{ lines: [] }, 400, "lines: must be 1..1000 lines"],
    [{ lines: [{ gtin: "123" }] }, 400, "lines.0.gtin: a GTIN has 8, 12, 13 or 14 digits"],
    [{ kind: "full", lines: [{ gtin }] }, 400, "lines: a full count is of everything"],
    [{ kind: "sample" }, 400, "sampleCount: is given for a sample"],
    [{ by: "" }, 400, "by: must be 1-100 characters"],
    [{ colour: 1 }, 400, "colour"],
    [{ source: "due" }, 409, "source: nothing is due in s1/stockroom now"],
    [{ location: "s1/attic" }, 409, "lines: nothing is to be counted in s1/attic"],
  ])("%j", async (fields, status, detail) => {
    const answer = await open(fields);
    expect(answer.status).toBe(status);
    expect(answer.body["detail"]).toContain(detail);
  });

  test("of keys, ids, bodies and stores", async () => {
    const problem = (text: string) => ({ detail: expect.stringContaining(text) });
    expect(await send(counts, { kind: "cycle", by: "a" })).toMatchObject({
      status: 400,
      body: problem("Idempotency-Key"),
    });
    expect(await send(counts, "{", { key: "k" })).toMatchObject({ status: 400 });
    expect(await send(`${counts}/x/post`, { by: "a" })).toMatchObject({ body: problem("id:") });
    const unknown = `${counts}/${"0".repeat(32)}`;
    expect(await bridge.get(unknown)).toMatchObject({ status: 404 });
    expect(await send(`${unknown}/post`, { by: "a" })).toMatchObject({ status: 404 });
    const big = { by: "a", lines: Array.from({ length: 9000 }, () => observed(gtin, 1)) };
    expect(await send(`${unknown}/lines`, big)).toMatchObject({ status: 413 });
    const negative = { by: "a", lines: [observed(gtin, -1)] };
    expect(await send(`${unknown}/lines`, negative)).toMatchObject({
      status: 400,
      body: problem("lines.0.quantity: must be a whole number"),
    });
    expect(await bridge.get("/v1/stores/s9/counts")).toMatchObject({ status: 404 });
    expect(await bridge.get("/v1/stores/s9/refill")).toMatchObject({ status: 404 });
    expect(await bridge.get(`${counts}?state=new`)).toMatchObject({ status: 400 });
  });
});

test("plan, policy, trust and refill answer, and take what a store demands", async () => {
  expect(await bridge.get("/v1/stores/s1/count-plan")).toMatchObject({
    status: 200,
    body: { classes: { C: 2 }, problemCount: 1 },
  });
  expect(await bridge.get("/v1/stores/s1/count-plan/due")).toMatchObject({ body: { items: [] } });
  expect(await bridge.get("/v1/stores/s1/count-plan/problems?limit=5")).toMatchObject({
    body: { items: [{ gtin, kinds: ["variance"], evidence: { difference: -10 } }] },
  });
  expect(await open({ kind: "problem", location: "s1" })).toMatchObject({
    body: { lines: [{ gtin, location: "s1/stockroom" }] },
  });
  expect(await bridge.get("/v1/stores/s1/refill")).toMatchObject({
    status: 200,
    body: { items: [] },
  });
  const items = [{ gtin, class: "A", priceMinor: 250 }];
  const put = { method: "PUT" };
  expect(await send("/v1/stores/s1/count-items", { items }, put)).toMatchObject({ status: 200 });
  expect((await bridge.get("/v1/stores/s1/count-plan")).body).toMatchObject({ classes: { A: 1 } });
  const unpriced = { items: [{ gtin, priceMinor: null }] };
  expect(await send("/v1/stores/s1/count-items", unpriced, put)).toMatchObject({ status: 200 });
  expect(await bridge.get("/v1/stores/s1/count-plan/problems")).toMatchObject({
    body: { items: [{ gtin, valueMinor: null }] },
  });
  const trust = (await bridge.get(`/v1/stores/s1/trust?gtin=${gtin}`)).body;
  expect(trust).toMatchObject({ mode: "off", products: [{ gtin, withheldPercent: 0 }] });
  const policy = (await bridge.get("/v1/stores/s1/count-policy")).body;
  const demanding = { ...policy, trust: { mode: "withhold", scoreShareMin: 1 } };
  const path = "/v1/stores/s1/count-policy";
  expect(await send(path, { ...policy, colour: 1 }, put)).toMatchObject({ status: 400 });
  expect(await send(path, { ...policy, classAShare: 2 }, put)).toMatchObject({ status: 400 });
  const level = async (available: number) => {
    await edge.message(
      ({ topic, payload }) =>
        topic === topics.stock("s1", gtin) &&
        JSON.parse(payload.toString())["available"] === available,
    );
  };
  edge.received.length = 0;
  expect(await send(path, demanding, put)).toMatchObject({ status: 200 });
  // Who waits for messages hears of it, though nothing moved.
  await level(0);
  // Counted a moment ago, but not quite now: a store that trusts nothing less than 1 promises nothing.
  expect((await bridge.get(`/v1/availability?gtin=${gtin}`)).body).toMatchObject({ available: 0 });
  edge.received.length = 0;
  expect(await send(path, policy, put)).toMatchObject({ status: 200 });
  await level(30);
  expect((await bridge.get(`/v1/availability?gtin=${gtin}`)).body).toMatchObject({ available: 30 });
});

test.each([counts, "/v1/stores/s1/rfid-counts"])("%s comes in pages", async (path) => {
  for (const name of ["x", "y"]) {
    const { body } = await open();
    const passes = [{ observedAtMs: Date.now(), keys: [`01/${gtin}/21/${name}`] }];
    const about = `${counts}/${body["countId"]}`;
    expect(await send(`${about}/tags`, { by: "ada", passes })).toMatchObject({ status: 200 });
  }
  const whole = (await bridge.get(`${path}?state=all&limit=1000`)).body["items"] as object[];
  expect(whole.length).toBeGreaterThan(2);
  const items: object[] = [];
  let after = "";
  do {
    const { body } = await bridge.get(`${path}?state=all&limit=1${after}`);
    items.push(...(body["items"] as object[]));
    after = body["next"] === undefined ? "" : `&after=${encodeURIComponent(String(body["next"]))}`;
  } while (after !== "");
  expect(items).toEqual(whole);
});
