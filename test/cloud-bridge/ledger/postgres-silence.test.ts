// The machine of the server loses its power, or is cut off: nobody closes a connection, and nobody answers.

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { PostgresConnection } from "../../../cloud-bridge/ledger/postgres.ts";
import { PostgresLedger } from "../../../cloud-bridge/ledger/postgres-ledger.ts";
import { hasPostgres, PostgresServer } from "../../support/postgres-server.ts";
import { SilentProxy } from "../../support/silent-proxy.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "./fake-edge.ts";

const answerMsMax = 600;
const receive = () => moved("receiving", coffee, { to: place("s0042/floor/a") });

let server: PostgresServer | undefined;
beforeAll(async () => {
  if (hasPostgres) server = await PostgresServer.start([]);
});
afterAll(() => server?.stop());

/** A new ledger that is reached over a proxy first, and then as `hosts` says. */
async function openLedger(hosts: (proxyPort: number) => string) {
  const name = `l${randomUUID().replaceAll("-", "")}`;
  await server!.query(`CREATE DATABASE ${name}`);
  const proxy = await SilentProxy.open(server!.port);
  const url = `postgres://gondola@${hosts(proxy.port)}/${name}`;
  const retries = { retryDelayMs: 50, attemptCountMax: 400 };
  const ledger = await PostgresLedger.open({ url, nowMs: 1, answerMsMax, ...retries });
  onTestFinished(async () => {
    await ledger.abandon();
    await proxy.close();
  });
  const edge = new FakeEdge();
  let entryCount = 0;
  const post = async () => {
    edge.append(...Array.from({ length: 30 }, receive));
    const [committed] = await ledger.post([edge.batch(edge.lastSequence - 29)], startAtMs);
    entryCount += committed!.entries.length;
    expect(committed!.answer.throughSequence).toBe(edge.lastSequence);
  };
  const expectEachOnce = async () => {
    // What became of a COMMIT is asked for, so even what is to be published is told once.
    expect(entryCount).toBe(edge.lastSequence);
    const report = await ledger.verify();
    expect(report).toMatchObject({ problems: [], eventCount: edge.lastSequence });
  };
  return { ledger, proxy, post, expectEachOnce };
}

test.skipIf(!hasPostgres).each([
  ["before a COMMIT arrives", "COMMIT", false],
  ["after a COMMIT arrived", "COMMIT", true],
  ["before a COPY arrives", "COPY", false],
  ["when a transaction begins", "BEGIN", true],
])("a connection that goes silent %s: each event once", async (_, text, isForwarded) => {
  const { proxy, post, expectEachOnce } = await openLedger((port) => `127.0.0.1:${port}`);
  await post();
  proxy.silenceAt(text, isForwarded);
  await post();
  expect(proxy.hasFallenSilent).toBe(true);
  await post();
  await expectEachOnce();
});

test.skipIf(!hasPostgres)(
  "a server that is gone without a word: what is written and read goes on at the next address",
  async () => {
    const hosts = (port: number) => `127.0.0.1:${port},127.0.0.1:${server!.port}`;
    const { ledger, proxy, post, expectEachOnce } = await openLedger(hosts);
    await post();
    proxy.silence();
    const [positions] = await Promise.all([ledger.positions(), post()]);
    expect(positions).toHaveLength(1);
    await post();
    await expectEachOnce();
    await ledger.close();
  },
);

test.skipIf(!hasPostgres)("a server that is away for a while is waited for", async () => {
  const { ledger, proxy, post, expectEachOnce } = await openLedger((port) => `127.0.0.1:${port}`);
  await post();
  proxy.silence();
  setTimeout(() => proxy.listen(), 3 * answerMsMax);
  await Promise.all([ledger.positions(), post()]);
  await expectEachOnce();
});

test.skipIf(!hasPostgres)("a statement that takes its time is waited for", async () => {
  const connection = await PostgresConnection.open({ url: server!.url(), answerMsMax }, "reader");
  onTestFinished(() => connection.abandon());
  await connection.native(`SELECT pg_sleep(${(5 * answerMsMax) / 1000})::text`);
  expect(connection.isLost).toBe(false);
});

test.skipIf(!hasPostgres)(
  "so it is where the server has no connection left to ask over",
  async () => {
    const settings = ["max_connections=3", "superuser_reserved_connections=0", "max_wal_senders=0"];
    const full = await PostgresServer.start(settings);
    onTestFinished(() => full.stop());
    const open = () => PostgresConnection.open({ url: full.url(), answerMsMax }, "reader");
    const [connection, ...others] = [await open(), await open(), await open()];
    onTestFinished(() => {
      for (const each of [connection, ...others]) each.abandon();
    });
    await expect(open()).rejects.toThrow(/too many clients/);
    await connection.native(`SELECT pg_sleep(${(5 * answerMsMax) / 1000})::text`);
    expect(connection.isLost).toBe(false);
  },
);

test.skipIf(!hasPostgres)("nobody waits for the goodbye of a server that is gone", async () => {
  const proxy = await SilentProxy.open(server!.port);
  onTestFinished(() => proxy.close());
  const url = `postgres://gondola@127.0.0.1:${proxy.port}/postgres`;
  const connection = await PostgresConnection.open({ url, answerMsMax }, "reader");
  proxy.silence();
  await connection.close();
});
