// Composition root of the edge daemon: read it top to bottom to see the whole of it. Start order:
// outbox, sensing, link, devices, READY. Stop order is the reverse. Clock and chance enter here.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { EdgeStatus } from "../contract/delivery.ts";
import { systemClock as clock } from "../drivers/clock.ts";
import { Outbox } from "./buffer/outbox.ts";
import { keepRenewed } from "./certificate-renewal.ts";
import { EdgeClock } from "./clock.ts";
import { CommandGate } from "./command-gate.ts";
import type { EdgeConfig } from "./config.ts";
import type { ConfigKeeper } from "./config-keeper.ts";
import { followConfig } from "./config-trial.ts";
import { Gateway } from "./gateway.ts";
import { Counters, HealthReporter } from "./health.ts";
import { EdgeLink } from "./link.ts";
import { brokerAddressOf } from "./link-certificates.ts";
import type { Logger } from "./log.ts";
import { PlanStore } from "./plan-store.ts";
import { buildPipeline } from "./sense/build-machines.ts";
import { prepareDevice } from "./supervisor.ts";
import type { SystemdNotify } from "./systemd-notify.ts";
import { softwareVersion } from "./version.ts";

/** No true clock shows less than this: the software was not written before. */
const notBeforeAtMs = Date.UTC(2026, 0, 1);
/** How long the goodbye to the broker may take. */
const goodbyeMsMax = 2_000;

/** What the command line hands to the daemon. */
export interface EdgeRun {
  readonly configs: ConfigKeeper;
  readonly log: Logger;
  /** Aborts to stop. */
  readonly signal: AbortSignal;
  readonly notify: SystemdNotify;
}

/** Runs the daemon until `signal` aborts or another configuration is to run; rejects when the buffer's disk failed. */
export async function runEdge(run: EdgeRun): Promise<"stopped" | "restart due"> {
  const { configs, log, notify } = run;
  const { config } = configs;
  const { count, snapshot } = new Counters();
  const failure = new AbortController();
  const onFailure = (error: unknown) => failure.abort(error);
  const bootId = await readBootId();
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });

  // The outbox may commit before there is anybody to tell: it notices what is lost of the run before.
  let running: Gateway | undefined;
  const onCommit = () => running?.uplink.wake();
  const { outbox, edgeClock } = await openOutbox(run, bootId, onCommit, onFailure);
  const onProblem = (message: string) => log.warn({ message }, "plan not used");
  const plans = await PlanStore.open(config.dataDir, config.plan, onProblem);
  const pipeline = buildPipeline(config, outbox.lastAliveAtMs, count);
  if (plans.plan !== undefined) pipeline.setPlan(plans.plan);
  pipeline.restore(outbox.storedState(), clock.nowMs());

  const parts = { config, outbox, pipeline, edgeClock, clock, onFailure, count, log };
  const chance = { random: Math.random, randomId: randomUUID };
  const devices = await Promise.all(config.devices.map(prepareDevice));
  const send = (topic: string, payload: Uint8Array) => link.send(topic, payload);
  const commands = {
    commandGate: new CommandGate(config, clock),
    health: () => health.report(),
    applyConfig: (text: string, upDeviceIds: readonly string[]) => configs.put(text, upDeviceIds),
    renewCertificate: (certificate: string) => keepRenewed(brokerAddressOf(config), certificate),
  };
  const restart = new AbortController();
  const restartIfDue = () => configs.isRestartDue && restart.abort();
  const onUnanswered = () => link.renew();
  const gateway = new Gateway({ ...parts, ...chance, ...commands, devices, send, onUnanswered });
  running = gateway;
  const link = createLink({ run, bootId, outbox, plans, gateway, count, restartIfDue });
  const runningConfig = () => configs.running();
  const health = new HealthReporter({
    ...{ ...parts, bootId, gateway, link, snapshot, runningConfig },
    planVersion: () => plans.plan?.version,
  });

  const linkEnd = new AbortController();
  const linkDone = link.run(linkEnd.signal);
  gateway.start();
  health.start();
  notify.ready(`${devices.length} devices`);
  log.info(
    { ...outbox.position(), deviceCount: devices.length, config: configs.running() },
    "edge ready",
  );

  const stop = AbortSignal.any([run.signal, failure.signal, restart.signal]);
  const trial = { ...parts, configs, gateway, isLinkUp: () => link.state() === "online" };
  void followConfig({ ...trial, signal: stop }).then(restartIfDue);
  // Fed only while the event loop turns and the buffer's disk answers.
  const isHealthy = () => outbox.stats().then(Boolean, () => false);
  const watchdog = notify.runWatchdog(isHealthy, clock, stop);
  if (!stop.aborted) await once(stop, "abort");

  await watchdog;
  notify.stopping();
  health.stop();
  await gateway.stop();
  linkEnd.abort();
  await Promise.race([linkDone, new Promise((resolve) => setTimeout(resolve, goodbyeMsMax))]);
  if (failure.signal.aborted) throw failure.signal.reason;
  await outbox.close();
  const end = restart.signal.aborted ? "restart due" : "stopped";
  log.info({ end }, "edge stopped");
  return end;
}

async function openOutbox(
  { configs: { config }, log }: EdgeRun,
  bootId: string,
  onCommit: () => void,
  onFailure: (error: unknown) => void,
) {
  // The outbox knows the last wall time, and its own first event needs a stamp before that is known.
  let edgeClock = openClock(config, bootId, notBeforeAtMs);
  const outbox = await Outbox.open({
    file: join(config.dataDir, "outbox.db"),
    edgeId: config.edgeId,
    settings: config.outbox,
    clock,
    randomId: randomUUID,
    stamp: () => edgeClock.reading(),
    onCommit: (committed) => {
      log.debug(committed, "committed");
      onCommit();
    },
    onFailure,
  });
  const notBefore = Math.max(notBeforeAtMs, outbox.lastKnownWallMs);
  edgeClock = openClock(config, bootId, notBefore, outbox.storedState());
  if (outbox.started) log.warn({ ...outbox.started, ...outbox.position() }, "outbox started");
  if (outbox.setBack) log.error({ ...outbox.setBack, ...outbox.position() }, "outbox set back");
  return { outbox, edgeClock };
}

function openClock(
  config: EdgeConfig,
  bootId: string,
  notBefore: number,
  stored: ReadonlyMap<string, string> = new Map(),
): EdgeClock {
  return new EdgeClock({
    stored,
    bootId,
    edgeId: config.edgeId,
    notBeforeAtMs: notBefore,
    wallMs: clock.nowMs(),
    monotonicMs: clock.monotonicMs(),
  });
}

async function readBootId(): Promise<string> {
  try {
    return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  } catch {
    // Without /proc every start counts as a boot: more is said than needed, nothing wrong.
    return randomUUID();
  }
}

interface LinkParts {
  readonly run: EdgeRun;
  readonly bootId: string;
  readonly outbox: Outbox;
  readonly plans: PlanStore;
  readonly gateway: Gateway;
  readonly count: (name: string, by?: number) => void;
  readonly restartIfDue: () => void;
}

function createLink(parts: LinkParts): EdgeLink {
  const { run, bootId, outbox, plans, gateway, count, restartIfDue } = parts;
  const { log } = run;
  const { config } = run.configs;
  const { storeId, edgeId } = config;
  const sinceAtMs = clock.nowMs();
  const status = (state: EdgeStatus["state"], reason: EdgeStatus["reason"]) => {
    const { outboxId } = outbox.position();
    const version = softwareVersion();
    return {
      storeId,
      edgeId,
      state,
      reason,
      bootId,
      outboxId,
      softwareVersion: version,
      sinceAtMs,
    };
  };
  const takePlan = async (payload: Uint8Array) => {
    const plan = await plans.take(payload, storeId).catch(String);
    if (typeof plan === "string") log.debug({ reason: plan }, "plan not taken");
    else gateway.setPlan(plan);
  };
  const link: EdgeLink = new EdgeLink({
    broker: brokerAddressOf(config),
    storeId,
    edgeId,
    settings: config.link,
    clock,
    random: Math.random,
    status,
    onOnline: () => {
      log.info({}, "link online");
      gateway.uplink.connected();
    },
    onOffline: () => {
      log.warn({}, "link offline");
      gateway.uplink.disconnected();
    },
    onMessage: {
      ack: (payload) => gateway.uplink.receive(payload),
      command: (payload) => {
        void gateway.command(payload).then((reply) => {
          if (reply !== undefined) link.publishReply(reply);
          restartIfDue();
        });
      },
      plan: (payload) => void takePlan(payload),
      sold: (payload) => gateway.takeSold(payload),
    },
    onProblem: (message) => log.warn({ message }, "link problem"),
    count,
  });
  return link;
}
