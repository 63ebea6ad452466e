// Facts of tills over HTTP, with tokens, and the live feed of what was posted; of a real bridge.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { newToken } from "../../../cloud-bridge/api/tokens.ts";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge, withTokens } from "../with-bridge.ts";

const gtin = "09506000134352";
const till = newToken({ name: "till-9", role: "integration", stores: "s1" });
const ada = newToken({ name: "ada", role: "associate", stores: "s1" });
const director = newToken({ name: "dir", role: "network-director", stores: "s1" });
let bridge: TestBridge;

withBridge(
  async (opened) => {
    bridge = opened.bridge;
    const { edge } = opened;
    await edge.subscribe(topics.ack("s1", "e1"), topics.ack("s2", "e1"));
    await new TestOutbox("s1", "e1").send(edge, received("s1", gtin), received("s1", gtin));
    await new TestOutbox("s2", "e1").send(edge, received("s2", gtin));
  },
  withTokens([till.token, ada.token, director.token]),
);

const address = (path: string) => `http://127.0.0.1:${bridge.httpPort}${path}`;
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

async function post(body: unknown, { key = randomUUID() as string, secret = till.secret } = {}) {
  const response = await fetch(address("/v1/facts"), {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key, ...bearer(secret) },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

function sale(fields: Record<string, unknown> = {}) {
  return { kind: "sale", occurredAtMs: Date.now(), gtin, ...fields };
}
const facts = (...list: unknown[]) => ({ store: "s1", source: "till-9", facts: list });

async function sellable(): Promise<unknown> {
  const headers = bearer(till.secret);
  const response = await fetch(address(`/v1/stock?store=s1&gtin=${gtin}`), { headers });
  const { items } = (await response.json()) as { items: { sellable: number }[] };
  return items[0]?.sellable;
}

describe("facts", () => {
  test("a sale is posted once for its key, however often it is sent", async () => {
    const [key, body] = ["sale-1", facts(sale())];
    const first = await post(body, { key });
    expect(first).toMatchObject({ status: 200, body: { edgeId: "feed-till-9", rejected: [] } });
    expect(await post(body, { key })).toEqual(first);
    expect(await sellable()).toBe(1);
    expect(await post(facts(sale({ quantity: 2 })), { key })).toMatchObject({ status: 409 });
    expect(await sellable()).toBe(1);
  });

  test.each([
    ["no key", facts(sale()), { key: "" }, 400],
    ["nothing in it", facts(), {}, 400],
    ["the name of a source of the ledger", { ...facts(sale()), source: "returns" }, {}, 400],
    ["a wrong GTIN", facts(sale({ gtin: "123" })), {}, 400],
    ["a negative quantity", facts(sale({ quantity: -1 })), {}, 400],
    ["a huge quantity", facts(sale({ quantity: 1e9 })), {}, 400],
    ["tomorrow", facts(sale({ occurredAtMs: Date.now() + 86_400_000 })), {}, 400],
    ["a place of another store", facts(sale({ location: "s2/floor" })), {}, 400],
    ["broken JSON", "{", {}, 400],
    ["10 MB", "x".repeat(10_000_000), {}, 413],
    ["somebody who may not", facts(sale()), { secret: ada.secret }, 403],
    ["nobody", facts(sale()), { secret: "wrong" }, 401],
    ["another store", { ...facts(sale()), store: "s2" }, {}, 403],
  ])("%s is refused and changes nothing", async (_, body, options, status) => {
    const before = await sellable();
    expect((await post(body, options)).status).toBe(status);
    expect(await sellable()).toBe(before);
  });
});

describe("the live feed", () => {
  /** Reads a feed until it has shown an entry with this number. */
  async function until(path: string, entryNumber: number, lastEventId?: string): Promise<string> {
    const stop = new AbortController();
    const resume = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
    const headers = { ...bearer(till.secret), ...resume };
    const response = await fetch(address(path), { headers, signal: stop.signal });
    let text = "";
    for await (const part of response.body!) {
      text += Buffer.from(part).toString("utf8");
      if (text.includes(`id: ${entryNumber}\n`) && text.endsWith("\n\n")) break;
    }
    stop.abort();
    return text;
  }

  test("tells what is posted from now on, and what was missed", async () => {
    const path = "/v1/stores/s1/feed";
    const live = until(path, 4);
    // So that it listens before something happens.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await post(facts(sale({ kind: "receipt", quantity: 3 })))).toMatchObject({
      status: 200,
    });
    expect(await live).not.toContain("id: 3\n");
    const resumed = await until(path, 4, "1");
    expect([...resumed.matchAll(/^id: (\d+)$/gm)].map(([, id]) => id)).toEqual(["2", "3", "4"]);
  });

  test("says so and goes on from now where more was seen than there is", async () => {
    const { items } = (await await fetch(address("/v1/entries?store=s1"), {
      headers: bearer(till.secret),
    }).then((response) => response.json())) as { items: object[] };
    const live = until("/v1/stores/s1/feed", items.length + 1, "99999");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await post(facts(sale({ kind: "receipt", quantity: 1 })))).toMatchObject({
      status: 200,
    });
    const told = await live;
    expect(told).toContain(`id: ${items.length}\nevent: set_back\ndata: {"lastEntryNumber":`);
    expect(told).toContain(`id: ${items.length + 1}\n`);
  });

  test("another store's is refused", async () => {
    const response = await fetch(address("/v1/stores/s2/feed"), { headers: bearer(till.secret) });
    expect(response.status).toBe(403);
    await response.body?.cancel();
  });
});

test("a director of one store reaches no other store, whatever the route", async () => {
  const headers = bearer(director.secret);
  for (const path of ["/v1/stores/s2/counts", "/v1/stock?store=s2", "/v1/stores/s2/refill"]) {
    expect([path, (await fetch(address(path), { headers })).status]).toEqual([path, 403]);
  }
});
