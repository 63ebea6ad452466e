// Each statement of a group that writes fails once: a conflict, a deadlock, or the server ends the connection there. A
// trigger does it on the real server; its counter is a sequence, which no rollback takes back.

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PostgresLedger } from "../../../cloud-bridge/ledger/postgres-ledger.ts";
import { hasPostgres, PostgresServer } from "../../support/postgres-server.ts";
import { coffee, FakeEdge, moved, noticed, place, startAtMs } from "./fake-edge.ts";

const arm = (action: string) => `
  CREATE SEQUENCE turn;
  CREATE TABLE fault_at (turn bigint);
  INSERT INTO fault_at VALUES (0);
  CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN IF nextval('turn') = (SELECT turn FROM fault_at) THEN ${action}; END IF; RETURN NULL; END $$;
  DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'fault_at' LOOP
      EXECUTE format('CREATE TRIGGER fault AFTER INSERT OR UPDATE OR DELETE ON %I
                      FOR EACH STATEMENT EXECUTE FUNCTION fault()', name);
    END LOOP;
  END $$;`;
const raise = (code: string) => `RAISE EXCEPTION 'injected' USING ERRCODE = '${code}'`;

let server: PostgresServer | undefined;
beforeAll(async () => {
  if (hasPostgres) server = await PostgresServer.start();
});
afterAll(() => server?.stop());

test.skipIf(!hasPostgres).each([
  ["a conflict (40001)", raise("40001"), "ledger_retried"],
  ["a deadlock (40P01)", raise("40P01"), "ledger_retried"],
  ["a lock that is not to be had (55P03)", raise("55P03"), "ledger_retried"],
  ["a lost connection", "PERFORM pg_terminate_backend(pg_backend_pid())", "ledger_reconnected"],
])(
  "%s at each statement of a group that writes: each event once",
  async (_, action, counter) => {
    const name = `l${randomUUID().replaceAll("-", "")}`;
    await server!.query(`CREATE DATABASE ${name}`);
    const counts = new Map<string, number>();
    const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
    const ledger = await PostgresLedger.open({ url: server!.url(name), nowMs: 1, count });
    await server!.query(arm(action), name);
    const edges = ["edge-1", "edge-2"].map(
      (edgeId, index) => new FakeEdge(`0a0a0a0a-000${index}`, edgeId),
    );
    let faultCount = 0;
    for (let isHit = true; isHit; ) {
      faultCount += 1;
      await server!.query(`SELECT setval('turn', 1, false)`, name);
      await server!.query(`UPDATE fault_at SET turn = ${faultCount}`, name);
      const before = counts.get(counter) ?? 0;
      const group = edges.map((edge) => {
        const first = edge.lastSequence + 1;
        edge.append(
          moved("receiving", coffee, { to: place("s0042/floor/a") }),
          noticed("outbox_started", { detail: { reason: "new" } }),
        );
        return edge.batch(first);
      });
      const answers = await ledger.post(group, startAtMs + 60_000);
      expect(answers.map(({ answer }) => answer.throughSequence)).toEqual(
        edges.map((edge) => edge.lastSequence),
      );
      isHit = (counts.get(counter) ?? 0) > before;
    }
    // Positions, events, entries, chain heads, balances at the least.
    expect(faultCount).toBeGreaterThan(5);
    expect([...counts.keys()]).toEqual([counter]);
    const report = await ledger.verify();
    expect(report).toMatchObject({ problems: [], eventCount: faultCount * 4 });
    await ledger.close();
  },
  60_000,
);
