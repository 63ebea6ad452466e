// `gondola-edge probe`: which device hangs at a port. Every kind that can identify itself is tried with its
// own driver at its usual speed; the drivers ask and set nothing, as they are given no options.

import { errorCodeOf, errorMessageOf, GatewayError } from "../../contract/errors.ts";
import type { Clock } from "../../drivers/clock.ts";
import { deviceKinds, findDevice } from "../../drivers/registry.ts";
import { openPort, type PortConfig, portConfigSchema } from "../../drivers/transport/port.ts";

/** A kind that does not answer in this time is not there. */
const attemptTimeoutMs = 10_000;

/** How one attempt went. */
export interface Attempt {
  readonly kind: string;
  /** Absent on TCP. */
  readonly baudRate?: number;
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
  for (const kind of kinds) {
    if (request.signal.aborted) return undefined;
    const attempt = await tryKind(kind, request);
    request.onAttempt(attempt);
    if (attempt.description !== undefined) return attempt;
  }
  return undefined;
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
export function portOf(text: string, baudRate: number | undefined): PortConfig {
  const tcp = /^([^/]+):(\d{1,5})$/.exec(text);
  const path = { path: text, ...(baudRate === undefined ? {} : { baudRate }) };
  const port = tcp === null ? path : { host: tcp[1], port: Number(tcp[2]) };
  const parsed = portConfigSchema.safeParse(port);
  if (parsed.success) return parsed.data;
  const message = `"${text}" is no port: /dev/serial/by-id/... or host:port`;
  throw new GatewayError("CONFIG_INVALID", message);
}

async function tryKind(kind: string, request: ProbeRequest): Promise<Attempt> {
  const module = await findDevice(kind);
  const port = portOf(request.port, request.baudRate);
  const speed = "path" in port ? { baudRate: port.baudRate ?? module.baudRateDefault } : {};
  // Not being able to open it is the same for every kind.
  const transport = await openPort(port, module.baudRateDefault);
  const found = new AbortController();
  const late = request.clock.timer(attemptTimeoutMs, () => found.abort());
  let description: string | undefined;
  try {
    await module.createDriver({}).run({
      deviceId: "probe",
      transport,
      clock: request.clock,
      onReading: () => undefined,
      onIdentified: (text) => {
        description = text;
        found.abort();
      },
      count: () => undefined,
      signal: AbortSignal.any([request.signal, found.signal]),
    });
    if (description !== undefined) return { kind, ...speed, description };
    return { kind, ...speed, code: "DRIVER_SILENT", reason: "no answer in time" };
  } catch (error) {
    const code = errorCodeOf(error) ?? "unexpected";
    return { kind, ...speed, code, reason: errorMessageOf(error) };
  } finally {
    late();
    await transport.close();
  }
}

/** Lines for the `devices` of a configuration. */
export function configLines(port: string, { kind, baudRate }: Attempt): string {
  const where =
    baudRate === undefined
      ? `host: ${port.replace(/:\d+$/, "")}, port: ${port.replace(/^.*:/, "")}`
      : `path: ${port}, baudRate: ${baudRate}`;
  return `devices:\n  - { id: ${kind}-1, kind: ${kind}, port: { ${where} } }\n`;
}
