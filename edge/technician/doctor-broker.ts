// The way to the ledger, and what the daemon says of itself over it: the broker answers, its certificate is
// good for a while, the edge is online, and when each device spoke last.

import { isIP } from "node:net";
import { connect as connectTls } from "node:tls";
import { connectAsync, type MqttClient } from "mqtt";
import { edgeStatusSchema, type Health, healthSchema } from "../../contract/delivery.ts";
import { errorMessageOf } from "../../contract/errors.ts";
import { topics } from "../../contract/topics.ts";
import type { EdgeConfig } from "../config.ts";
import {
  brokerAddressOf,
  type Certificates,
  endingOf,
  readCertificates,
} from "../link-certificates.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

const connectTimeoutMs = 5_000;
/** A certificate that ends sooner is told. */
const certificateDaysMin = 30;
const dayMs = 86_400_000;
/** A retained status is there at once or not at all. */
const statusTimeoutMs = 2_000;
/** A report that is due may be so late. */
const healthLateMs = 2_000;

/** All of it; `onProgress` is told what is waited for. */
export async function checkBroker(
  config: EdgeConfig,
  nowMs: () => number,
  onProgress: (text: string) => void,
): Promise<Finding[]> {
  const { url } = config.broker;
  const shown = new URL(url).host;
  let certificates: Certificates;
  try {
    certificates = await readCertificates(brokerAddressOf(config));
  } catch (error) {
    return [fail("TLS", errorMessageOf(error), "have it issued anew: gondola-bridge enroll")];
  }
  const certificate = url.startsWith("mqtts:")
    ? [await checkCertificate(url, certificates, nowMs())]
    : [];
  const ending = endingOf(certificates, nowMs());
  if (ending !== undefined) certificate.push(warn("TLS", ending, "before it ends"));
  let client: MqttClient;
  try {
    // Beside the daemon, whose id it must not take.
    const clientId = `${config.storeId}:${config.edgeId}:doctor-${process.pid}`;
    const options = { connectTimeout: connectTimeoutMs, reconnectPeriod: 0, clean: true };
    const user =
      certificates.password === undefined ? {} : { username: `${config.storeId}:${config.edgeId}` };
    client = await connectAsync(url, { ...options, ...certificates, ...user, clientId }, false);
  } catch (error) {
    const remedy = "check broker.url, the network and its firewall; events wait on disk meanwhile";
    return [...certificate, fail("broker", `${shown}: ${errorMessageOf(error)}`, remedy)];
  }
  try {
    const reached = ok("broker", `${shown} takes connections`);
    return [...certificate, reached, ...(await checkDaemon(client, config, nowMs, onProgress))];
  } finally {
    await client.endAsync(true);
  }
}

async function checkCertificate(
  url: string,
  certificates: Certificates,
  nowMs: number,
): Promise<Finding> {
  const check = "TLS";
  const { hostname, port } = new URL(url);
  // A server name is a name: an address is none (RFC 6066, 3).
  const server = isIP(hostname) === 0 ? { servername: hostname } : {};
  const options = { host: hostname, port: Number(port || 8883), ...server, ...certificates };
  const result = await new Promise<Date | Error>((resolve) => {
    const socket = connectTls(options, () => {
      resolve(new Date(socket.getPeerCertificate().valid_to));
      socket.end();
    });
    socket.setTimeout(connectTimeoutMs, () => socket.destroy(new Error("no answer")));
    socket.on("error", resolve);
  });
  if (result instanceof Error) {
    const remedy = "a certificate of an authority this machine knows, for this very name";
    return fail(check, `${hostname}: ${result.message}`, remedy);
  }
  const days = Math.floor((result.getTime() - nowMs) / dayMs);
  const text = `the certificate of ${hostname} is good for ${days} days`;
  return days < certificateDaysMin ? warn(check, text, "have it renewed") : ok(check, text);
}

async function checkDaemon(
  client: MqttClient,
  config: EdgeConfig,
  nowMs: () => number,
  onProgress: (text: string) => void,
): Promise<Finding[]> {
  const { storeId, edgeId, healthIntervalMs } = config;
  const next = messages(client);
  await client.subscribeAsync([topics.status(storeId, edgeId), topics.health(storeId, edgeId)]);
  const status = edgeStatusSchema.safeParse(
    await next(topics.status(storeId, edgeId), statusTimeoutMs),
  );
  const remedy = "systemctl status gondola-edge";
  if (!status.success) return [warn("daemon", "it has never been at this broker", remedy)];
  const since = new Date(status.data.sinceAtMs).toISOString();
  if (status.data.state !== "online") {
    return [fail("daemon", `${status.data.state} (${status.data.reason}) since ${since}`, remedy)];
  }
  onProgress(
    `waiting up to ${Math.ceil(healthIntervalMs / 1000)} s for the daemon's health report ...`,
  );
  const waitMs = healthIntervalMs + healthLateMs;
  const health = healthSchema.safeParse(await next(topics.health(storeId, edgeId), waitMs));
  const online = ok("daemon", `online since ${since}`);
  if (!health.success) return [online, fail("daemon", "no health report came", remedy)];
  return [online, ...health.data.devices.map((device) => deviceFinding(device, nowMs()))];
}

function deviceFinding(device: Health["devices"][number], nowMs: number): Finding {
  const { deviceId, kind, state, reason, lastReadingAtMs } = device;
  const check = `device ${deviceId}`;
  const last =
    lastReadingAtMs === undefined
      ? "no reading yet"
      : `last reading ${Math.round((nowMs - lastReadingAtMs) / 1000)} s ago`;
  const text = `${kind}, ${state}${reason === undefined ? "" : ` (${reason})`}, ${last}`;
  if (state === "online") return ok(check, text);
  const remedy = "see its port below, and the README of its driver";
  return state === "degraded" ? warn(check, text, remedy) : fail(check, text, remedy);
}

/** Messages as JSON; undefined where none came in time, or one that is no JSON. */
function messages(client: MqttClient) {
  const last = new Map<string, unknown>();
  const waiting = new Map<string, (value: unknown) => void>();
  client.on("message", (topic, payload) => {
    const value = jsonOf(payload.toString());
    last.set(topic, value);
    waiting.get(topic)?.(value);
  });
  return (topic: string, timeoutMs: number): Promise<unknown> => {
    if (last.has(topic)) return Promise.resolve(last.get(topic));
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), timeoutMs);
      waiting.set(topic, (value) => {
        clearTimeout(timer);
        resolve(value);
      });
    });
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
