// One unit's life over HTTP, of a real bridge: longer than a page.

import { expect, test } from "vitest";
import { topics } from "../../../contract/topics.ts";
import type { TestBridge } from "../bridge.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge } from "../with-bridge.ts";

const shirt = "09506000134352";
const key = `01/${shirt}/21/7`;
const entryCount = 1003;
let bridge: TestBridge;

withBridge(async (opened) => {
  bridge = opened.bridge;
  await opened.edge.subscribe(topics.ack("s1", "e1"));
  const outbox = new TestOutbox("s1", "e1");
  const occurredAtMs = Date.now() - 60_000;
  const life = Array.from({ length: entryCount }, (_, index) => ({
    ...received("s1", shirt),
    ...{ item: { gtin: shirt, serial: "7" }, occurredAtMs: occurredAtMs + Math.floor(index / 4) },
  }));
  for (let at = 0; at < entryCount; at += 400) {
    await outbox.send(opened.edge, ...life.slice(at, at + 400));
  }
});

async function ask(query: string) {
  const { status, body } = await bridge.get(`/v1/items/history?id=${key}${query}`);
  const { entries = [], ...rest } = body as { entries?: { entryNumber: number }[] };
  return { status, rest, numbers: entries.map(({ entryNumber }) => entryNumber) };
}

test("the latest entries first, and the older ones by the cursor of each page", async () => {
  const all = Array.from({ length: entryCount }, (_, index) => index + 1);
  const first = await ask("");
  expect(first.rest).toMatchObject({ item: shirt, serial: "7", isCut: true });
  expect(first.numbers).toEqual(all.slice(3));
  const second = await ask(`&cursor=${(first.rest as { next?: string }).next}`);
  expect(second).toEqual({
    ...{ status: 200, numbers: [1, 2, 3], rest: { item: shirt, serial: "7", isCut: false } },
  });
  const found: number[] = [];
  let cursor = "";
  do {
    const { rest, numbers } = await ask(`&limit=250${cursor}`);
    found.unshift(...numbers);
    const { next } = rest as { next?: string };
    cursor = next === undefined ? "" : `&cursor=${next}`;
  } while (cursor !== "");
  expect(found).toEqual(all);
});

test.each([
  ["&cursor=nonsense", "cursor"],
  ["&limit=0", "limit"],
  ["&limit=1001", "limit"],
])("%s is refused by its name", async (query, parameter) => {
  expect(await ask(query)).toMatchObject({ status: 400, rest: { errors: [{ parameter }] } });
});
