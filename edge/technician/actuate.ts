// `gondola-edge actuate`: a technician sees whether the lamp lights. Opens the device itself, so the daemon
// has to be stopped; at the end the output is at rest, as after every stop.

import { once } from "node:events";
import { z } from "zod";
import { type OutputCommand, outputCommandSchema } from "../../contract/actuation.ts";
import { GatewayError } from "../../contract/errors.ts";
import { type Clock, sleep } from "../../drivers/clock.ts";
import { actionLengthMs } from "../../drivers/gpio-output/schedule.ts";
import type { EdgeConfig } from "../config.ts";
import { prepareDevice, Supervisor, type SupervisorLog } from "../supervisor.ts";

/** What is switched, and with what. */
export interface ActuateRequest {
  readonly deviceId: string;
  readonly command: OutputCommand;
  readonly clock: Clock;
  readonly log: SupervisorLog;
  /** Says what happens, a line at a time. */
  readonly print: (text: string) => void;
  /** Ends an action that does not end by itself. */
  readonly signal: AbortSignal;
}

/** The command in a technician's words: an action's name, or all of it as JSON. CONFIG_INVALID. */
export function commandOf(output: string, action: string): OutputCommand {
  const given: unknown = action.startsWith("{") ? parseJson(action) : { type: action };
  const parsed = outputCommandSchema.safeParse({ output, action: given });
  if (parsed.success) return parsed.data;
  throw new GatewayError("CONFIG_INVALID", `action "${action}":\n${z.prettifyError(parsed.error)}`);
}

/** Switches an output and waits for the action's end. Errors as the device's, or DRIVER_COMMAND_REFUSED. */
export async function actuateOnce(config: EdgeConfig, request: ActuateRequest): Promise<void> {
  const { deviceId, command, clock, log, print, signal } = request;
  const device = config.devices.find(({ id }) => id === deviceId);
  if (device === undefined) {
    const ids = config.devices.map(({ id }) => id).join(", ");
    throw new GatewayError("CONFIG_INVALID", `no device is called ${deviceId}; there are: ${ids}`);
  }
  const ready = new AbortController();
  const supervisor = new Supervisor({
    devices: [await prepareDevice(device)],
    clock,
    random: Math.random,
    // Online, or the reason why not: a technician tries again by hand.
    onReading: (reading) => {
      if (reading.kind === "device") ready.abort(reading);
    },
    count: () => undefined,
    log,
  });
  supervisor.start();
  try {
    await once(AbortSignal.any([ready.signal, signal]), "abort");
    const { state, reason } = supervisor.health()[0]!;
    if (state === "offline") {
      throw new GatewayError("DRIVER_PORT_FAILED", `${deviceId} is not there: ${reason}`);
    }
    await supervisor.actuate(deviceId, command);
    const lengthMs = actionLengthMs(command.action);
    const isEndless = lengthMs === Number.POSITIVE_INFINITY;
    print(`${command.output}: ${command.action.type}${isEndless ? "; Ctrl-C ends it" : ""}`);
    if (!isEndless) await sleep(clock, lengthMs, signal);
    else if (!signal.aborted) await once(signal, "abort");
  } finally {
    await supervisor.stop();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
