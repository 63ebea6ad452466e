// At a start: which configuration is it? One that was sent and has not been started yet, else the last one that did well,
// else the `--config` file. No damage in the data folder keeps an edge from starting with what was there before.

import type { RunningConfig } from "../contract/delivery.ts";
import { errorMessageOf } from "../contract/errors.ts";
import type { AppliedConfig, AppliedConfigFile, SentConfig } from "./applied-config.ts";
import type { EdgeConfig } from "./config.ts";

const reasonLengthMax = 500;

/** What there is to choose from. */
export interface ConfigChoices {
  /** Of the `--config` file. */
  readonly digest: string;
  readonly loadFile: () => Promise<EdgeConfig>;
  readonly loadSent: (sent: SentConfig) => Promise<EdgeConfig>;
  readonly kept: AppliedConfigFile;
  readonly nowMs: () => number;
}

/** What was chosen, and what is kept from now on. */
export interface ChosenConfig extends Omit<RunningConfig, "returned"> {
  readonly config: EdgeConfig;
  readonly applied: AppliedConfig | undefined;
  /** For the log: what was found that is not as usual. */
  readonly remarks: readonly string[];
}

/** Chooses, and counts the start of one on trial before it is made. */
export async function chooseConfig(choices: ConfigChoices): Promise<ChosenConfig> {
  const { kept, digest } = choices;
  const remarks: string[] = [];
  const remark = (text: string) => (error: unknown) => {
    remarks.push(`${kept.path} ${text}: ${errorMessageOf(error)}`);
    return undefined;
  };
  const keep = async (next: AppliedConfig) => {
    await kept.write(next).catch(remark("is not written"));
    return next;
  };
  let applied = await kept.read().catch(remark("is not used"));
  if (applied !== undefined && applied.givenDigest !== digest) {
    const config = await choices.loadFile();
    remarks.push("the --config file was edited: it is used, and the configuration sent is dropped");
    const untold = untoldOf(applied);
    if (untold.returned !== undefined) applied = await keep({ givenDigest: digest, ...untold });
    else {
      await kept.remove().catch(remark("is still there"));
      applied = undefined;
    }
    return { config, digest, origin: "file", applied, remarks };
  }
  if (applied?.trial !== undefined) {
    const chosen = await startTrial(applied, applied.trial, choices);
    if (typeof chosen !== "string") return { ...chosen, remarks };
    applied = await keep(afterTrial(applied, chosen, choices.nowMs()));
  }
  if (applied?.good !== undefined) {
    const { good } = applied;
    try {
      const config = await choices.loadSent(good);
      const { returned, ...rest } = applied;
      const isBack = returned?.isTold && returned.digest === good.digest;
      if (isBack) applied = await keep(rest);
      return { config, digest: good.digest, origin: "applied", applied, remarks };
    } catch (error) {
      // A file that is away, or older software for a day: it stays, and the next start tries it again.
      remark("has one that did well and cannot be used now; the --config file runs")(error);
      const { returned } = applied;
      const isSaid = returned?.isTold === false || returned?.digest === good.digest;
      const said = returnedOf(good, errorMessageOf(error), choices.nowMs());
      if (!isSaid) applied = await keep({ ...applied, returned: said });
    }
  }
  return { config: await choices.loadFile(), digest, origin: "file", applied, remarks };
}

/** What is kept once a trial failed: what ran before it, and why. */
export function afterTrial(applied: AppliedConfig, reason: string, atMs: number): AppliedConfig {
  const { trial, ...rest } = applied;
  return trial === undefined
    ? applied
    : { ...rest, returned: returnedOf(trial.sent, reason, atMs) };
}

/** A return that nobody was told of goes along, whatever else changes. */
export function untoldOf(applied: AppliedConfig | undefined): Pick<AppliedConfig, "returned"> {
  return applied?.returned?.isTold === false ? { returned: applied.returned } : {};
}

/** The configuration on trial, or why it is left. */
async function startTrial(
  applied: AppliedConfig,
  trial: NonNullable<AppliedConfig["trial"]>,
  { loadSent, kept }: ConfigChoices,
): Promise<Omit<ChosenConfig, "remarks"> | string> {
  if (trial.startCount > 0) {
    return "the edge ended (crash, kill, power cut or stop) before the time of its trial was over";
  }
  try {
    const config = await loadSent(trial.sent);
    const counted = { ...applied, trial: { ...trial, startCount: 1 } };
    await kept.write(counted);
    return { config, digest: trial.sent.digest, origin: "trial", applied: counted };
  } catch (error) {
    return errorMessageOf(error);
  }
}

function returnedOf({ digest }: SentConfig, reason: string, atMs: number) {
  return { digest, reason: reason.slice(0, reasonLengthMax), atMs, isTold: false };
}
