// What devices publish at an MQTT 3.1.1 broker, as one stream: each message between a record separator and a
// line feed, so that a cut one cannot run into the next. It only listens: a request is answered with 501.

import { connect, type MqttClient } from "mqtt";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";
import { cannotBeAsked, encodeAnswer, readRequest } from "./exchange.ts";
import { Inbox } from "./inbox.ts";
import { connectError } from "./network-error.ts";
import { type MqttSettings, readSecrets } from "./network-settings.ts";
import { lostError } from "./serial-error.ts";
import type { Transport } from "./transport.ts";

/** CONNACK and SUBACK come within this time. */
const answerTimeoutMs = 10_000;
/** A broker that vanished without a word is noticed after one and a half of these. */
const keepaliveSeconds = 30;
/** What of a longer message is passed on: more than any decoder takes, so that it is told as too long. */
export const messageSizeBytesMax = 512 * 1024;
const recordSeparator = Uint8Array.of(0x1e);
const lineFeed = Uint8Array.of(0x0a);
/** Return codes of CONNACK (MQTT 3.1.1, 3.2.2.3): bad user name or password, not authorised. */
const deniedCodes = [4, 5];

/** Subscribes: DRIVER_PORT_MISSING without a broker, _DENIED for a refused password or topic, _FAILED otherwise. */
export async function openMqtt(settings: MqttSettings): Promise<Transport> {
  const { url, topic, user, clientId } = settings;
  const { password, ca } = await readSecrets(settings);
  const client = connect(url, {
    protocolVersion: 4,
    // With a name of its own the broker keeps for us what comes while we are away.
    ...(clientId === undefined ? { clean: true } : { clean: false, clientId }),
    keepalive: keepaliveSeconds,
    connectTimeout: answerTimeoutMs,
    reconnectPeriod: 0,
    resubscribe: false,
    ...(user === undefined ? {} : { username: user, password: password ?? "" }),
    ...(ca === undefined ? {} : { ca }),
  });
  const where = `${url} ${topic}`;
  const lost = (cause: unknown) => lostError(where, cause);
  const inbox = new Inbox(flow(client, (payload) => inbox.push(payload)));
  client.on("close", () => inbox.fail(lost("the broker closed the connection")));
  await subscribed(client, settings);
  client.on("error", (error) => inbox.fail(lost(error)));
  return {
    chunks: inbox,
    write: async (bytes) => {
      if (inbox.isClosed) throw lost("closed");
      const request = readRequest(bytes);
      if (request === undefined) {
        throw new GatewayError("DRIVER_PORT_FAILED", `${where}: not a request`);
      }
      inbox.push(encodeAnswer({ answerTo: request.path, statusCode: cannotBeAsked }));
    },
    close: async () => {
      inbox.end();
      await client.endAsync(true);
    },
  };
}

// Messages wait in the socket while the inbox is full: mqtt.js reads on when `handleMessage` calls back.
function flow(client: MqttClient, push: (bytes: Uint8Array) => void) {
  let isPaused = false;
  let readOn: (() => void) | undefined;
  client.handleMessage = ({ payload, retain }, done) => {
    // What was retained was said before we came: it is no news.
    if (!retain) {
      const bytes = Buffer.from(payload).subarray(0, messageSizeBytesMax);
      push(Buffer.concat([recordSeparator, bytes, lineFeed]));
    }
    if (isPaused) readOn = done;
    else done();
  };
  return {
    pause: () => {
      isPaused = true;
    },
    resume: () => {
      isPaused = false;
      const waiting = readOn;
      readOn = undefined;
      waiting?.();
    },
  };
}

async function subscribed(client: MqttClient, { url, topic }: MqttSettings): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      client.once("connect", () => resolve());
      client.once("error", (error) => reject(connackError(url, error)));
      client.once("close", () => reject(connectError(url, new Error("the connection was closed"))));
    });
    await client.subscribeAsync(topic, { qos: 1 }).catch((cause: unknown) => {
      const message = `${url} does not let us read ${topic} (${errorMessageOf(cause)}): give the user that right`;
      throw new GatewayError("DRIVER_PORT_DENIED", message, { cause, retryable: true });
    });
  } catch (error) {
    client.on("error", () => undefined);
    client.end(true);
    throw error;
  }
}

function connackError(url: string, cause: Error): GatewayError {
  const { code } = cause as { code?: unknown };
  if (typeof code !== "number") return connectError(url, cause);
  const isDenied = deniedCodes.includes(code);
  const remedy = isDenied ? ": check user and passwordFile" : "";
  const message = `${url} refuses us (${errorMessageOf(cause)})${remedy}`;
  const errorCode = isDenied ? "DRIVER_PORT_DENIED" : "DRIVER_PORT_FAILED";
  return new GatewayError(errorCode, message, { cause, retryable: true });
}
