// What only a server can do to a ledger: two that write at once, a server or a process that dies while
// batches are posted, and several that start together.

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PostgresLedger } from "../../../cloud-bridge/ledger/postgres-ledger.ts";
import { hasPostgres, PostgresServer } from "../../support/postgres-server.ts";
import { balancesOf } from "./edge-fixture.ts";
import { coffee, FakeEdge, moved, place, startAtMs } from "./fake-edge.ts";

const receive = () => moved("receiving", coffee, { to: place("s0042/floor/a") });

let server: PostgresServer | undefined;

beforeAll(async () => {
  // Nothing careless: what was committed must outlive a SIGKILL of the server.
  if (hasPostgres) server = await PostgresServer.start([]);
});
afterAll(() => server?.stop());

async function newDatabase(): Promise<string> {
  const name = `l${randomUUID().replaceAll("-", "")}`;
  await server!.query(`CREATE DATABASE ${name}`);
  return server!.url(name);
}

test.skipIf(!hasPostgres)("several that start at once create the tables once", async () => {
  const url = await newDatabase();
  const opened = await Promise.all([1, 2, 3].map((nowMs) => PostgresLedger.open({ url, nowMs })));
  expect(new Set(opened.map(({ epoch }) => epoch)).size).toBe(1);
  for (const ledger of opened) await ledger.close();
});

test.skipIf(!hasPostgres)("a newer version of the tables is not touched", async () => {
  const url = await newDatabase();
  await (await PostgresLedger.open({ url, nowMs: 1 })).close();
  await server!.query("UPDATE ledger_version SET version = 99", url.split("/").at(-1));
  await expect(PostgresLedger.open({ url, nowMs: 1 })).rejects.toThrow(/version 99/);
});

test.skipIf(!hasPostgres)(
  "two that post the same batches of the same edges at once: each event once, in order",
  async () => {
    const url = await newDatabase();
    const ledgers = await Promise.all([1, 2].map(() => PostgresLedger.open({ url, nowMs: 1 })));
    const edges = ["edge-1", "edge-2"].map((edgeId, index) =>
      new FakeEdge(`0a0a0a0a-000${index}`, edgeId).append(...Array.from({ length: 40 }, receive)),
    );
    const postAll = async (ledger: PostgresLedger) => {
      for (let first = 1; first <= 40; first += 4) {
        const group = edges.map((edge) => edge.batch(first, first + 3));
        const answers = await ledger.post(group, startAtMs);
        for (const { answer } of answers) {
          expect(answer.code).toBeUndefined();
          expect(answer.throughSequence).toBeGreaterThanOrEqual(first + 3);
        }
      }
    };
    await Promise.all(ledgers.map(postAll));
    const [ledger] = ledgers;
    expect(await balancesOf(ledger!, coffee)).toMatchObject({ "floor/a sellable": 80 });
    expect(await ledger!.verify()).toMatchObject({ problems: [], entryCount: 80, eventCount: 80 });
    for (const each of ledgers) await each.close();
  },
);

test.skipIf(!hasPostgres)(
  "sessions that the server ended between two transactions are opened anew",
  async () => {
    const url = await newDatabase();
    const ledger = await PostgresLedger.open({ url, nowMs: 1 });
    const other = await PostgresLedger.open({ url, nowMs: 1 });
    const edge = new FakeEdge().append(receive(), receive());
    await ledger.post([edge.batch(1, 1)], startAtMs);
    await server!.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'gondola%'",
    );
    await other.post([edge.batch(2)], startAtMs);
    expect((await ledger.positions())[0]?.throughSequence).toBe(2);
    expect((await other.verify()).problems).toEqual([]);
    await Promise.all([ledger.close(), other.close()]);
  },
);

test.skipIf(!hasPostgres)(
  "the server is killed while batches are posted: nothing lost, nothing twice",
  async () => {
    const url = await newDatabase();
    const options = { url, nowMs: 1, retryDelayMs: 50, attemptCountMax: 400 };
    const ledger = await PostgresLedger.open(options);
    const eventCount = 300;
    const edge = new FakeEdge().append(...Array.from({ length: eventCount }, receive));
    let isPosting = true;
    let killCount = 0;
    const killing = (async () => {
      while (isPosting && killCount < 4) {
        await sleep(120 + killCount * 37);
        await server!.kill("SIGKILL");
        await server!.run();
        killCount += 1;
      }
    })();
    let entryCount = 0;
    let acknowledged = 0;
    for (let sequence = 1; sequence <= eventCount || killCount < 2; sequence += 1) {
      if (sequence > edge.lastSequence) edge.append(receive());
      const [committed] = await ledger.post([edge.batch(sequence, sequence)], startAtMs);
      expect(committed!.answer.throughSequence).toBe(sequence);
      entryCount += committed!.entries.length;
      acknowledged = sequence;
    }
    isPosting = false;
    await killing;
    expect(killCount).toBeGreaterThanOrEqual(2);
    // A COMMIT without an answer is asked for, so even what is to be published is told once.
    expect(entryCount).toBe(acknowledged);
    const report = await ledger.verify();
    expect(report).toMatchObject({ problems: [], eventCount: acknowledged });
    await ledger.close();
  },
  60_000,
);
