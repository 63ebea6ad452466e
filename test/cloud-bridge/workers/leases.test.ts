// Leases on a real server, whose machine is gone without a word: nobody closes the session, and nobody answers.

import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../cloud-bridge/clock.ts";
import { createLog } from "../../../cloud-bridge/log.ts";
import { leaseCount } from "../../../cloud-bridge/workers/lease-plan.ts";
import { LeaseSession } from "../../../cloud-bridge/workers/lease-session.ts";
import { Leases } from "../../../cloud-bridge/workers/leases.ts";
import { hasPostgres, PostgresServer } from "../../support/postgres-server.ts";
import { SilentProxy } from "../../support/silent-proxy.ts";

const leaseMs = 1_000;

let server: PostgresServer | undefined;
beforeAll(async () => {
  if (hasPostgres) server = await PostgresServer.start();
});
afterAll(() => server?.stop());

test.skipIf(!hasPostgres)(
  "a session that goes silent while it is opened is given up, and another one opened",
  async () => {
    const proxy = await SilentProxy.open(server!.port);
    const url = `postgres://gondola@127.0.0.1:${proxy.port}/postgres`;
    const counts = new Map<string, number>();
    const leases = new Leases({
      ...{ clock: systemClock, random: () => 0, log: createLog("silent"), leaseMs },
      lookIntervalMs: 100,
      openSession: () => LeaseSession.open({ url, answerMsMax: 600 }, leaseMs, () => undefined),
      count: (name) => counts.set(name, (counts.get(name) ?? 0) + 1),
      onTaken: () => undefined,
      onLost: async () => undefined,
      onMembers: () => undefined,
    });
    proxy.silenceAt("LISTEN", false);
    const stop = new AbortController();
    const ended = leases.run(stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await ended;
      await proxy.close();
    });
    await expect.poll(() => counts.get("leases_session_lost")).toBe(1);
    await expect.poll(() => leases.held.size).toBe(leaseCount);
  },
);
