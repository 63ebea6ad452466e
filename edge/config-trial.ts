// A configuration on trial: kept once the edge did well with it for the whole time, unbroken; left when the time is over and
// it does not do well. So a trial ends within twice its time, and an outage at its beginning does not decide it.

import { errorMessageOf } from "../contract/errors.ts";
import { type Clock, sleep } from "../drivers/clock.ts";
import type { ConfigKeeper } from "./config-keeper.ts";
import type { Gateway } from "./gateway.ts";
import type { SupervisorLog } from "./supervisor.ts";

const lookIntervalMs = 250;
/** A full disk takes no notice. */
const tellIntervalMs = 60_000;

/** What a trial looks at, and whom it tells. */
export interface ConfigTrialParts {
  readonly configs: ConfigKeeper;
  readonly gateway: Gateway;
  readonly isLinkUp: () => boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly count: (name: string) => void;
  readonly log: SupervisorLog;
}

/**
 * Tells of a return, and sees a trial through, where there is one. Resolves when it is kept, left or ended by `signal`;
 * never rejects.
 */
export async function followConfig(parts: ConfigTrialParts): Promise<void> {
  const told = tellOfReturn(parts);
  await runTrial(parts);
  // What nobody was told of is told after the restart.
  if (!parts.configs.isRestartDue) await told;
}

async function runTrial(parts: ConfigTrialParts): Promise<void> {
  const { configs, clock, signal, log } = parts;
  const { configTrialMs } = configs.config;
  const startedAtMs = clock.monotonicMs();
  let wellSinceMs: number | undefined;
  while (!signal.aborted && configs.devicesOnTrial() !== undefined) {
    const problem = problemOf(parts);
    const nowMs = clock.monotonicMs();
    wellSinceMs = problem === undefined ? (wellSinceMs ?? nowMs) : undefined;
    const facts = { ...configs.running(), configTrialMs };
    try {
      if (problem !== undefined && nowMs - startedAtMs >= configTrialMs) {
        log.error({ ...facts, code: "CONFIG_RETURNED", reason: problem }, "config_trial_failed");
        return await configs.giveUp(problem);
      }
      if (wellSinceMs !== undefined && nowMs - wellSinceMs >= configTrialMs) {
        await configs.keep();
        parts.count("configs_kept");
        return log.info(configs.running(), "config_kept");
      }
    } catch (error) {
      // The disk: left is left, and what is to be kept is tried again after as long.
      wellSinceMs = undefined;
      log.error({ message: errorMessageOf(error) }, "config_trial_not_written");
      if (configs.isRestartDue) return;
    }
    await sleep(clock, lookIntervalMs, signal);
  }
}

/** Once the notice is on the disk it is not raised again: told twice is better than never. */
async function tellOfReturn(parts: ConfigTrialParts): Promise<void> {
  const { configs, gateway, clock, signal, count, log } = parts;
  const returned = configs.untoldReturn();
  if (returned === undefined) return;
  count("configs_returned");
  const { digest, reason } = returned;
  const text = "a configuration that was sent did not do well; the one before it runs again";
  const detail = { digest, reason, runningDigest: configs.running().digest };
  let isStored = false;
  for (; !signal.aborted; await sleep(clock, tellIntervalMs, signal)) {
    isStored ||= await gateway.alarm("config_returned", text, detail);
    if (!isStored) continue;
    try {
      return await configs.told(returned);
    } catch (error) {
      log.error({ message: errorMessageOf(error) }, "config_trial_not_written");
    }
  }
}

/** Why the edge does not do well. Devices that were down before, or are new, are not asked for. */
function problemOf({ configs, gateway, isLinkUp }: ConfigTrialParts): string | undefined {
  if (!isLinkUp()) return "the link to the broker is down";
  const mustBeUp = configs.devicesOnTrial() ?? [];
  const away = gateway.supervisor
    .health()
    .find(({ deviceId, state }) => state === "offline" && mustBeUp.includes(deviceId));
  if (away === undefined) return undefined;
  return `device ${away.deviceId} was up before and is not: ${away.reason ?? "no reason"}`;
}
