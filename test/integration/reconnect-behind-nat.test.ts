// 500 edges behind one address that connect at the same moment, as after a fail-over or a power cut of a mall: the broker lets
// in only so many a second, and the edges' back-off brings in the others. Real sockets, real links, a forwarder as router.

import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { EmbeddedBroker } from "../../cloud-bridge/broker.ts";
import { bridgeConfigSchema } from "../../cloud-bridge/config.ts";
import { createLog } from "../../cloud-bridge/log.ts";
import { systemClock } from "../../drivers/clock.ts";
import { EdgeLink } from "../../edge/link.ts";
import { linkSettingsSchema } from "../../edge/uplink-settings.ts";
import { seededRandom } from "../../simulators/random.ts";

const edgeCount = 500;
/** Fewer than by default: a busy machine does not open many more itself. */
const perSecond = 20;
const login = { clientId: "bridge-x", username: "bridge", password: "secret" };
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A router: whoever comes to it is seen by the broker under one address. */
async function router(brokerPort: number): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((inside) => {
    const outside = connect({ port: brokerPort, host: "127.0.0.1", localAddress: "127.0.0.2" });
    for (const [one, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 1024, resolve));
  closers.push(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as { port: number }).port;
}

test(`${edgeCount} edges that connect at once from one address are all in, ${perSecond} a second`, async () => {
  const counts = new Map<string, number>();
  const defaults = bridgeConfigSchema.parse({ dataDir: "." }).broker.embedded!;
  const broker = await EmbeddedBroker.open({
    settings: {
      ...{ ...defaults, port: 0, addressConnectionCountMax: edgeCount },
      addressConnectionsPerSecondMax: perSecond,
    },
    ...{ login, log: createLog("silent") },
    count: (name, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by),
  });
  closers.push(() => broker.close());
  const url = `mqtt://127.0.0.1:${await router(broker.port)}`;
  const stop = new AbortController();
  setMaxListeners(edgeCount + 1, stop.signal);
  const startedMs = performance.now();
  const onlineAfterMs: number[] = [];
  const nothing = () => undefined;
  const runs = Array.from({ length: edgeCount }, (_, index) => {
    const [storeId, edgeId] = [`s${index}`, "edge-1"];
    const link = new EdgeLink({
      ...{ broker: { url }, storeId, edgeId, clock: systemClock, random: seededRandom(index) },
      settings: linkSettingsSchema.parse({}),
      status: (state, reason) => ({
        ...{ storeId, edgeId, state, reason, bootId: randomUUID(), outboxId: randomUUID() },
        ...{ softwareVersion: "1.0.0", sinceAtMs: Date.now() },
      }),
      onOnline: () => onlineAfterMs.push(performance.now() - startedMs),
      onOffline: nothing,
      onMessage: { ack: nothing, command: nothing, plan: nothing, sold: nothing },
      ...{ onProblem: nothing, count: nothing },
    });
    return link.run(stop.signal);
  });
  closers.push(async () => {
    stop.abort();
    await Promise.all(runs);
  });
  await expect.poll(() => onlineAfterMs.length, { timeout: 100_000 }).toBe(edgeCount);
  const refusedCount = counts.get("broker_address_rate_refused") ?? 0;
  const [lastMs, atOnce] = [onlineAfterMs.at(-1)!, onlineAfterMs.filter((ms) => ms < 1000).length];
  process.stdout.write(
    `${edgeCount} edges in after ${Math.round(lastMs)} ms, ${refusedCount} refusals, ${atOnce} in the first second\n`,
  );
  // Not faster than is let in: twice the rate at once, then the rate.
  expect(lastMs).toBeGreaterThan(((edgeCount - 2 * perSecond) / perSecond) * 1000 - 500);
  expect(refusedCount).toBeGreaterThan(0);
  expect(broker.connectionCount).toBe(edgeCount);
}, 120_000);
