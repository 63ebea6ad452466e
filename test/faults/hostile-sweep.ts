// Plays the attacks on a real bridge one after the other, while an edge goes about its business, and tells what they did
// to it: to its acknowledgements, to the bridge's memory, and to the ledger.

import { setTimeout as delay } from "node:timers/promises";
import { topics } from "../../contract/topics.ts";
import { TestClient } from "../cloud-bridge/mqtt-client.ts";
import { attacks } from "./hostile-attacks.ts";
import { good, HostileBridge, hostile } from "./hostile-bridge.ts";
import { SteadyEdge, type Waits } from "./steady-edge.ts";

/** What the process may hold at its most. */
export const rssMiBMax = 256;

export interface SweepOptions {
  readonly packetCount: number;
  /** Of an attack that goes on, and of the quiet time before the first. */
  readonly lastsMs: number;
  readonly seed: number;
  /** Part of the names of those that are played; all without. */
  readonly only?: string;
}

/** One attack, or the quiet before it. */
export interface AttackReport {
  readonly attack: string;
  readonly tookMs: number;
  readonly waits: Waits;
  readonly rssMiB: number;
  readonly rssMiBMost: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** All of it; `problems` is empty where the bridge stood. */
export interface SweepReport {
  readonly problems: readonly string[];
  readonly eventCount: number;
  readonly rssMiBMost: number;
  readonly verdict: string;
}

/** Plays them. */
export async function playAttacks(
  options: SweepOptions,
  tell: (report: AttackReport) => void,
): Promise<SweepReport> {
  const bridge = await HostileBridge.open();
  const problems: string[] = [];
  try {
    const witness = await openWitness(bridge);
    const edge = await SteadyEdge.open(bridge);
    const played: typeof attacks = { quiet: () => quiet(options.lastsMs), ...attacks };
    for (const [attack, play] of Object.entries(played)) {
      if (attack !== "quiet" && !attack.includes(options.only ?? "")) continue;
      edge.takeWaits();
      const startedMs = performance.now();
      const outcome = await play({ bridge, ...options });
      const tookMs = Math.round(performance.now() - startedMs);
      problems.push(...outcome.problems.map((problem) => `${attack}: ${problem}`));
      if (!bridge.isAlive) {
        problems.push(`${attack}: the bridge has ended: ${bridge.errorLines.join("\n")}`);
        break;
      }
      const { nowMiB, mostMiB } = await bridge.memoryMiB();
      const memory = { rssMiB: nowMiB, rssMiBMost: mostMiB };
      tell({ attack, tookMs, waits: edge.takeWaits(), ...memory, counts: outcome.counts });
    }
    await edge.stop();
    problems.push(...edge.problems);
    if (!bridge.isAlive) return { problems, eventCount: 0, rssMiBMost: 0, verdict: "" };
    problems.push(...(await aftermath(bridge, edge, witness)));
    const verify = await bridge.verify();
    if (verify.code !== 0) problems.push(`verify: ${verify.text}`);
    const { mostMiB } = await bridge.memoryMiB();
    if (mostMiB >= rssMiBMax) problems.push(`${mostMiB} MiB resident`);
    return { problems, eventCount: edge.eventCount, rssMiBMost: mostMiB, verdict: verify.text };
  } finally {
    await bridge.close();
  }
}

async function quiet(lastsMs: number) {
  await delay(lastsMs);
  return { problems: [], counts: {} };
}

/** Somebody who may hear all that is said in the good store. */
async function openWitness(bridge: HostileBridge): Promise<TestClient> {
  const { ca, certificate: cert, key } = bridge.papers.witness;
  const options = { protocol: "mqtts", clientId: "witness", ca, cert, key } as const;
  const witness = await TestClient.open(bridge.port, options);
  const { storeId, edgeId } = good;
  const said = ["status", "health", "command", "reply", "plan"] as const;
  await witness.subscribe(
    topics.events(storeId, edgeId),
    ...said.map((channel) => `gondola/1/${storeId}/+/${channel}`),
  );
  return witness;
}

/** What was said and posted in the good store beside what its own edge said; who is still connected. */
async function aftermath(
  bridge: HostileBridge,
  edge: SteadyEdge,
  witness: TestClient,
): Promise<string[]> {
  const problems: string[] = [];
  const events = topics.events(good.storeId, good.edgeId);
  const heard = witness.received.filter(({ topic }) => topic === events).length;
  if (heard !== edge.batchCount) problems.push(`${edge.batchCount} batches, ${heard} heard`);
  for (const { topic, payload } of witness.received) {
    if (topic !== events) problems.push(`heard on ${topic}: ${payload.subarray(0, 100)}`);
  }
  await witness.close();
  const sequences = await bridge.sequences(good.storeId, edge.outboxId);
  const isInOrder = sequences.every((sequence, at) => sequence === at + 1);
  if (!isInOrder || sequences.length !== edge.eventCount) {
    problems.push(`${edge.eventCount} events sent, ${sequences.length} in the ledger`);
  }
  const strangers = await bridge.sequences(hostile.storeId, "");
  if (strangers.length > 0) problems.push(`${strangers.length} entries in the hostile store`);
  // The bridge itself is one; whoever else is left was forgotten.
  let left = await bridge.metric("broker_connections");
  for (let turn = 0; turn < 50 && left > 1; turn += 1) {
    await delay(100);
    left = await bridge.metric("broker_connections");
  }
  if (left !== 1) problems.push(`${left} clients are still connected`);
  problems.push(...bridge.errorLines.map((line) => `an error was logged: ${line}`));
  return problems;
}
