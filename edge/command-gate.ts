// Which commands this edge carries out. With a command key those that change something must be signed for this edge, in
// time and only once; without a key the unsigned is taken, as the broker lets it come, all but what needs a key.

import type { KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Command } from "../contract/delivery.ts";
import { enrolmentSchema } from "../contract/enrolment.ts";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import {
  changingCommands,
  commandKeyIdOf,
  commandKeyOf,
  commandLifetimeMsMax,
  commandMessageSchema,
  isSignedBy,
  keyedCommands,
  type SignedCommand,
} from "../contract/signed-command.ts";
import type { Clock } from "../drivers/clock.ts";
import { CommandCounters } from "./command-counters.ts";
import type { EdgeConfig } from "./config.ts";
import { Turns } from "./turns.ts";

/** A command to carry out, or why it is not; `id` is what a reply names. */
export interface Admission {
  readonly command: Command;
  readonly refusal?: GatewayError;
}

type GateConfig = Pick<EdgeConfig, "storeId" | "edgeId" | "dataDir" | "broker" | "commandKeyFile">;

/** The gate in front of the commands. */
export class CommandGate {
  readonly #config: GateConfig;
  readonly #clock: Clock;
  readonly #counters: CommandCounters;
  /** One at a time: a counter is compared and kept before the next is looked at. */
  readonly #turns = new Turns();

  constructor(config: GateConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
    this.#counters = new CommandCounters(config.dataDir);
  }

  /** Looks at a message; undefined for one that is no command. Never rejects. */
  async admit(message: unknown): Promise<Admission | undefined> {
    const parsed = commandMessageSchema.safeParse(message);
    if (!parsed.success) return undefined;
    const isSigned = "signature" in parsed.data;
    const command = "signature" in parsed.data ? parsed.data.command : parsed.data;
    const signed = isSigned ? (message as SignedCommand) : undefined;
    try {
      await this.#turns.take(() => this.#check(command, signed));
      return { command };
    } catch (error) {
      const refusal =
        error instanceof GatewayError
          ? error
          : new GatewayError("COMMAND_KEY_MISSING", errorMessageOf(error), { cause: error });
      return { command, refusal };
    }
  }

  async #check(command: Command, signed: SignedCommand | undefined): Promise<void> {
    if (signed === undefined && !changingCommands.has(command.command)) return;
    const key = await readCommandKey(this.#config);
    if (signed === undefined) {
      if (key === undefined && !keyedCommands.has(command.command)) return;
      if (key === undefined) {
        const message = `${command.command} is taken signed alone, and this edge has no command key`;
        throw new GatewayError("COMMAND_KEY_MISSING", message);
      }
      const message = `${command.command} must be signed (gondola-bridge command)`;
      throw new GatewayError("COMMAND_UNSIGNED", message);
    }
    if (key === undefined) {
      throw new GatewayError("COMMAND_KEY_MISSING", "this edge has no command key to check with");
    }
    const keyId = commandKeyIdOf(key);
    const refusal = refusalOf(signed, {
      ...this.#config,
      key,
      nowMs: this.#clock.nowMs(),
      lastCounter: await this.#counters.last(keyId),
    });
    if (refusal !== undefined) throw refusal;
    await this.#counters.keep(keyId, signed.counter);
  }
}

/** Why a signed command is not for this edge to carry out now. */
export function refusalOf(
  signed: SignedCommand,
  edge: {
    readonly storeId: string;
    readonly edgeId: string;
    readonly key: KeyObject;
    readonly nowMs: number;
    readonly lastCounter: number;
  },
): GatewayError | undefined {
  const { storeId, edgeId, counter, expiresAtMs } = signed;
  if (storeId !== edge.storeId || edgeId !== edge.edgeId) {
    return new GatewayError("COMMAND_FOREIGN", `signed for ${storeId}/${edgeId}`);
  }
  if (!isSignedBy(signed, edge.key)) {
    return new GatewayError("COMMAND_SIGNATURE_WRONG", "not signed with this edge's command key");
  }
  const leftMs = expiresAtMs - edge.nowMs;
  if (leftMs <= 0 || leftMs > commandLifetimeMsMax) {
    const now = new Date(edge.nowMs).toISOString();
    const until = new Date(expiresAtMs).toISOString();
    const message = `good until ${until}, and here it is ${now} (at most ${commandLifetimeMsMax} ms ahead)`;
    return new GatewayError("COMMAND_EXPIRED", message);
  }
  if (counter <= edge.lastCounter) {
    const message = `counter ${counter}, and ${edge.lastCounter} was taken already`;
    return new GatewayError("COMMAND_REPEATED", message);
  }
  return undefined;
}

/**
 * The command key, read anew each time so that a changed one needs no restart: the configured file, else the enrolment's;
 * undefined where there is none. COMMAND_KEY_MISSING where one is configured and cannot be used.
 */
export async function readCommandKey(
  config: Pick<EdgeConfig, "broker" | "commandKeyFile">,
): Promise<KeyObject | undefined> {
  const { commandKeyFile, broker } = config;
  const file = commandKeyFile ?? broker.enrolmentFile;
  if (file === undefined) return undefined;
  try {
    const text = await readFile(file, "utf8");
    if (commandKeyFile !== undefined) return commandKeyOf(text);
    const { commandKey } = enrolmentSchema.parse(JSON.parse(text));
    return commandKey === undefined ? undefined : commandKeyOf(commandKey);
  } catch (error) {
    const message = `${file}: ${errorMessageOf(error)}`;
    throw new GatewayError("COMMAND_KEY_MISSING", message, { cause: error });
  }
}
