// Deliveries to a real server on loopback: in time or not, stopped, and what they leave behind.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebhookGuard } from "../../../cloud-bridge/publish/webhook-guard.ts";
import { WebhookClient } from "../../../cloud-bridge/publish/webhook-request.ts";

const client = new WebhookClient(new WebhookGuard(["127.0.0.0/8"]));
const server = createServer((request, response) => {
  request.resume();
  if (request.url !== "/mute") response.end();
});
let url = "";
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  client.close();
  server.closeAllConnections();
  server.close();
});

const post = (path: string, signal: AbortSignal, timeoutMs = 5_000) =>
  client.post({ url: url + path, headers: {}, body: "{}", timeoutMs, signal });

/** What hangs on a signal: whoever listens, and signals made of it. */
function hangingOn(signal: AbortSignal): unknown[] {
  const parts = signal as unknown as Record<symbol, unknown>;
  return Object.getOwnPropertySymbols(signal).flatMap((name) => {
    const part = parts[name];
    return part instanceof Map || part instanceof Set ? [...part.values()] : [];
  });
}

test("a delivery leaves nothing in the signal that lasts as long as the bridge", async () => {
  const { signal } = new AbortController();
  expect(await post("/", signal)).toEqual({ ok: true });
  const before = hangingOn(signal).length;
  for (let count = 0; count < 20; count += 1) await post("/", signal);
  expect(hangingOn(signal)).toHaveLength(before);
});

test("one that is not answered ends in time, and at once where the bridge stops", async () => {
  const stop = new AbortController();
  const reason = expect.stringContaining("no answer within 100 ms");
  expect(await post("/mute", stop.signal, 100)).toMatchObject({ ok: false, reason });
  const waiting = post("/mute", stop.signal);
  setTimeout(() => stop.abort(), 50);
  expect(await waiting).toMatchObject({ ok: false, isRefused: false });
  expect(await post("/", stop.signal)).toMatchObject({ ok: false });
});
