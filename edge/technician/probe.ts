// `gondola-edge probe`: which device hangs at a port. Every kind that can identify itself is tried with its own driver
// as its line is usually set, then as it is set now and then; the drivers set nothing, as they are given no options.

import { errorCodeOf, errorMessageOf, GatewayError } from "../../contract/errors.ts";
import type { Clock } from "../../drivers/clock.ts";
import type { LineSettings } from "../../drivers/device-module.ts";
import { deviceKinds, findDevice } from "../../drivers/registry.ts";
import { openPort, type PortConfig, portConfigSchema } from "../../drivers/transport/port.ts";

/** A kind that does not answer in this time is not there. */
const attemptTimeoutMs = 10_000;
/** A serial line without a byte for so long (two questions, and what a scale prints each second) has no such device. */
const silentTimeoutMs = 1_100;
/** What identifies itself does so at once: how long a question waits while many kinds are tried. */
const answerTimeoutMs = 400;

/** How one attempt went. */
export interface Attempt extends LineSettings {
  readonly kind: string;
  /** What the device said it is. */
  readonly description?: string;
  /** Why it is not of this kind. */
  readonly code?: string;
  readonly reason?: string;
}

/** What is probed. */
export interface ProbeRequest {
  /** `/dev/...` or `host:port`. */
  readonly port: string;
  /** Only this kind. */
  readonly kind?: string | undefined;
  /** Instead of each kind's usual speed. */
  readonly baudRate?: number | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onAttempt: (attempt: Attempt) => void;
}

/** Tries until one kind answers; gives that attempt. DRIVER_PORT_MISSING and the like end it at once. */
export async function probePort(request: ProbeRequest): Promise<Attempt | undefined> {
  const kinds = request.kind === undefined ? await askableKinds(request.port) : [request.kind];
  const usual = kinds.map((kind) => ({ kind, settings: {} }));
  for (const { kind, settings } of [...usual, ...(await otherSettingsOf(kinds, request))]) {
    if (request.signal.aborted) return undefined;
    const attempt = await tryKind(kind, settings, request);
    request.onAttempt(attempt);
    if (attempt.description !== undefined) return attempt;
  }
  return undefined;
}

async function otherSettingsOf(kinds: readonly string[], { port, baudRate }: ProbeRequest) {
  if (!port.startsWith("/")) return [];
  const lists = kinds.map(async (kind) =>
    (await findDevice(kind)).otherSettings
      .filter((settings) => baudRate === undefined || settings.baudRate === undefined)
      .map((settings) => ({ kind, settings })),
  );
  return (await Promise.all(lists)).flat();
}

// On a network those that greet first are first: a question in another dialect would be an insult to them.
async function askableKinds(port: string): Promise<string[]> {
  const modules = await Promise.all(
    deviceKinds.map(async (kind) => ({ kind, ...(await findDevice(kind)) })),
  );
  const askable = modules.filter(({ isTakenOnTrust }) => !isTakenOnTrust);
  const onNetwork = askable.filter(({ isOnNetwork }) => isOnNetwork);
  const others = askable.filter(({ isOnNetwork }) => !isOnNetwork);
  return (port.startsWith("/") ? others : [...onNetwork, ...others]).map(({ kind }) => kind);
}

/** The port as a configuration has it; CONFIG_INVALID for text that is neither a path nor `host:port`. */
export function portOf(text: string, settings: LineSettings = {}): PortConfig {
  const tcp = /^([^/]+):(\d{1,5})$/.exec(text);
  const path = { path: text, ...settings };
  const port = tcp === null ? path : { host: tcp[1], port: Number(tcp[2]) };
  const parsed = portConfigSchema.safeParse(port);
  if (parsed.success) return parsed.data;
  const message = `"${text}" is no port: /dev/serial/by-id/... or host:port`;
  throw new GatewayError("CONFIG_INVALID", message);
}

async function tryKind(
  kind: string,
  settings: LineSettings,
  request: ProbeRequest,
): Promise<Attempt> {
  const module = await findDevice(kind);
  const baudRate = request.baudRate ?? settings.baudRate ?? module.baudRateDefault;
  const port = portOf(request.port, { ...settings, baudRate });
  const line = "path" in port ? { ...settings, baudRate } : {};
  const hurried = { answerTimeoutMs };
  const options = module.optionsSchema.safeParse(hurried).success ? hurried : {};
  // Not being able to open it is the same for every kind.
  const transport = await openPort(port, module.baudRateDefault);
  const found = new AbortController();
  const late = request.clock.timer(attemptTimeoutMs, () => found.abort());
  let heardBytes = !("path" in port) || request.kind !== undefined;
  const silent = request.clock.timer(silentTimeoutMs, () => heardBytes || found.abort());
  const chunks = noted(transport.chunks, () => {
    heardBytes = true;
  });
  let description: string | undefined;
  try {
    await module.createDriver(options).run({
      deviceId: "probe",
      transport: { ...transport, chunks },
      clock: request.clock,
      onReading: () => undefined,
      onIdentified: (text) => {
        description = text;
        found.abort();
      },
      count: () => undefined,
      signal: AbortSignal.any([request.signal, found.signal]),
    });
    if (description !== undefined) return { kind, ...line, description };
    return {
      kind,
      ...line,
      code: "DRIVER_SILENT",
      reason: heardBytes ? "no answer in time" : "no byte came",
    };
  } catch (error) {
    const code = errorCodeOf(error) ?? "unexpected";
    return { kind, ...line, code, reason: errorMessageOf(error) };
  } finally {
    late();
    silent();
    await transport.close();
  }
}

async function* noted(chunks: AsyncIterable<Uint8Array>, onChunk: () => void) {
  for await (const chunk of chunks) {
    onChunk();
    yield chunk;
  }
}

/** Lines for the `devices` of a configuration. */
export function configLines(port: string, { kind, baudRate, dataBits, parity }: Attempt): string {
  const bits = dataBits === undefined ? "" : `, dataBits: ${dataBits}`;
  const check = parity === undefined ? "" : `, parity: ${parity}`;
  const where =
    baudRate === undefined
      ? `host: ${port.replace(/:\d+$/, "")}, port: ${port.replace(/^.*:/, "")}`
      : `path: ${port}, baudRate: ${baudRate}${bits}${check}`;
  return `devices:\n  - { id: ${kind}-1, kind: ${kind}, port: { ${where} } }\n`;
}
