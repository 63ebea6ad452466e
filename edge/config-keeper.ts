// Which configuration the edge works by: the file it was started with, or one that a signed command sent. A sent one is on
// trial first and is left by itself when it does not do well; a `--config` file that was edited since goes before all.

import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { RunningConfig } from "../contract/delivery.ts";
import { GatewayError } from "../contract/errors.ts";
import { type AppliedConfig, AppliedConfigFile, configDigestOf } from "./applied-config.ts";
import { type EdgeConfig, loadPlan, parseEdgeConfig, readText } from "./config.ts";
import { afterTrial, type ChosenConfig, chooseConfig, untoldOf } from "./config-choice.ts";
import { Turns } from "./turns.ts";

/** Settings that no command changes: they say whose the edge is, and how it is reached. */
const fixedSettings = ["storeId", "edgeId", "dataDir", "broker", "commandKeyFile"] as const;

/** Limits of the outbox that no command makes smaller: what they drop, no return brings back. */
const outboxLimits = [
  ...(["sizeBytesMax", "retentionMs", "retainedShareMax"] as const),
  ...(["queuedEventCountMax", "queuedSizeBytesMax"] as const),
];

/** What the command line says. */
export interface ConfigSource {
  /** The `--config` file. */
  readonly file: string;
  /** Instead of the file's. */
  readonly dataDir: string | undefined;
  /** What options change in any configuration. */
  readonly overridden: (config: EdgeConfig) => EdgeConfig;
  readonly nowMs: () => number;
}

/** Chooses a configuration at the start, and keeps what is sent while it runs. */
export class ConfigKeeper {
  readonly config: EdgeConfig;
  /** For the log, once there is one: what was found that is not as usual. */
  readonly remarks: readonly string[];
  readonly #source: ConfigSource;
  readonly #givenDigest: string;
  readonly #kept: AppliedConfigFile;
  #running: Omit<RunningConfig, "returned">;
  #applied: AppliedConfig | undefined;
  #isRestartDue = false;
  /** One change at a time. */
  readonly #turns = new Turns();

  private constructor(
    source: ConfigSource,
    givenDigest: string,
    kept: AppliedConfigFile,
    { config, remarks, applied, digest, origin }: ChosenConfig,
  ) {
    this.config = config;
    this.remarks = remarks;
    this.#source = source;
    this.#givenDigest = givenDigest;
    this.#kept = kept;
    this.#applied = applied;
    this.#running = { digest, origin };
  }

  /** Chooses. CONFIG_INVALID or CONFIG_UNREADABLE where not even the `--config` file will do. */
  static async open(source: ConfigSource): Promise<ConfigKeeper> {
    const { file, overridden, nowMs } = source;
    const text = await readText(file);
    const load = async (part: string, name: string) =>
      overridden(await parseEdgeConfig(part, name, dirname(file)));
    const loadFile = () => load(text, file);
    const digest = configDigestOf(text);
    const kept = new AppliedConfigFile(source.dataDir ?? (await loadFile()).dataDir);
    const chosen = await chooseConfig({
      ...{ digest, loadFile, kept, nowMs },
      loadSent: (sent) => load(sent.text, "the configuration sent"),
    });
    return new ConfigKeeper(source, digest, kept, chosen);
  }

  /** Which configuration runs, for who asks. */
  running(): RunningConfig {
    if (this.#applied?.returned === undefined) return this.#running;
    const { isTold: _, ...returned } = this.#applied.returned;
    return { ...this.#running, returned };
  }

  /** A return that nobody was told of yet. */
  untoldReturn(): RunningConfig["returned"] {
    return this.#applied?.returned?.isTold === false ? this.running().returned : undefined;
  }

  /** What must be up for what is on trial to be kept; undefined where nothing is. */
  devicesOnTrial(): readonly string[] | undefined {
    return this.#isOnTrial() ? this.#applied?.trial?.upDeviceIds : undefined;
  }

  /** Whether another configuration is to run, which begins with a start. */
  get isRestartDue(): boolean {
    return this.#isRestartDue;
  }

  /** Puts a sent configuration on trial. CONFIG_INVALID, CONFIG_UNREADABLE or CONFIG_REFUSED. */
  async put(text: string, upDeviceIds: readonly string[]): Promise<string> {
    const { file, overridden } = this.#source;
    const config = overridden(await parseEdgeConfig(text, "the configuration sent", dirname(file)));
    if (config.plan !== undefined) await loadPlan(config.plan);
    for (const key of fixedSettings) {
      if (isDeepStrictEqual(config[key], this.config[key])) continue;
      const message = `${key} is not as it runs: no command moves an edge or cuts it off`;
      throw new GatewayError("CONFIG_REFUSED", message);
    }
    for (const key of outboxLimits) {
      if (config.outbox[key] >= this.config.outbox[key]) continue;
      const message = `outbox.${key} is less than as it runs, ${this.config.outbox[key]}: events could be dropped for good; edit the --config file for that`;
      throw new GatewayError("CONFIG_REFUSED", message);
    }
    const digest = configDigestOf(text);
    if (digest === this.#running.digest) return `${digest} runs already`;
    if (configDigestOf(await readText(file)) !== this.#givenDigest) {
      const message = `${file} was edited and does not run yet: restart the edge with it first`;
      throw new GatewayError("CONFIG_REFUSED", message);
    }
    await this.#change((applied) => {
      // A trial before this one may have taken devices away that must come back.
      const mustBeUp = new Set([...(applied?.trial?.upDeviceIds ?? []), ...upDeviceIds]);
      const trial = { sent: { text, digest }, startCount: 0, upDeviceIds: [...mustBeUp] };
      const good = applied?.good === undefined ? {} : { good: applied.good };
      return { givenDigest: this.#givenDigest, ...good, trial, ...untoldOf(applied) };
    });
    this.#isRestartDue = true;
    return `${digest} is on trial for ${config.configTrialMs} ms, after a restart; see status`;
  }

  /** What is on trial did well and is kept. */
  async keep(): Promise<void> {
    await this.#change((applied) => {
      const sent = this.#isOnTrial() ? applied?.trial?.sent : undefined;
      if (sent === undefined) return applied;
      return { givenDigest: this.#givenDigest, good: sent, ...untoldOf(applied) };
    });
    if (this.#applied?.trial === undefined) this.#running = { ...this.#running, origin: "applied" };
  }

  /** What is on trial did not do well: what ran before it runs from the next start. */
  async giveUp(reason: string): Promise<void> {
    if (!this.#isOnTrial()) return;
    // Not kept, it is left all the same: a second start of a trial is not made.
    this.#isRestartDue = true;
    await this.#change((applied) =>
      applied !== undefined && this.#isOnTrial()
        ? afterTrial(applied, reason, this.#source.nowMs())
        : applied,
    );
  }

  /** Somebody was told of a return; another may have come since. */
  async told({ digest, atMs }: NonNullable<RunningConfig["returned"]>): Promise<void> {
    await this.#change((applied) => {
      const returned = applied?.returned;
      if (returned?.digest !== digest || returned.atMs !== atMs) return applied;
      return { ...applied!, returned: { ...returned, isTold: true } };
    });
  }

  /** Whether what runs is what is on trial: another one may have been sent since. */
  #isOnTrial(): boolean {
    const { origin, digest } = this.#running;
    return origin === "trial" && this.#applied?.trial?.sent.digest === digest;
  }

  async #change(
    change: (applied: AppliedConfig | undefined) => AppliedConfig | undefined,
  ): Promise<void> {
    await this.#turns.take(async () => {
      const next = change(this.#applied);
      if (next === undefined || next === this.#applied) return;
      await this.#kept.write(next);
      this.#applied = next;
    });
  }
}
