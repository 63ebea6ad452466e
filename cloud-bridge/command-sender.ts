// Publishes one command and waits for the edge's reply, as a client of any broker of MQTT 3.1.1.

import { connectAsync, type MqttClient } from "mqtt";
import { type Reply, replySchema } from "../contract/delivery.ts";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import { parsePayload } from "../contract/payload.ts";
import { readForward } from "../contract/read-forward.ts";
import type { SignedCommand } from "../contract/signed-command.ts";
import { topics } from "../contract/topics.ts";
import type { Clock } from "./clock.ts";

/** Where the broker is, and what is shown there. */
export interface CommandBroker {
  readonly url: string;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** Sends a command and gives the reply; COMMAND_UNANSWERED when none comes within `waitMs`. */
export async function sendCommand(
  signed: SignedCommand,
  broker: CommandBroker,
  waitMs: number,
  clock: Clock,
): Promise<Reply> {
  const client = await open(broker, waitMs);
  try {
    return await exchange(client, signed, waitMs, clock);
  } finally {
    client.end(true);
  }
}

async function open(broker: CommandBroker, waitMs: number): Promise<MqttClient> {
  const { url, ...shown } = broker;
  const given = Object.entries(shown).filter(([, value]) => value !== undefined);
  try {
    return await connectAsync(
      url,
      {
        ...Object.fromEntries(given),
        ...{ protocolVersion: 4, clean: true, reconnectPeriod: 0, connectTimeout: waitMs },
      },
      false,
    );
  } catch (error) {
    throw unanswered(`${url}: ${errorMessageOf(error)}`, error);
  }
}

async function exchange(
  client: MqttClient,
  signed: SignedCommand,
  waitMs: number,
  clock: Clock,
): Promise<Reply> {
  const { storeId, edgeId } = signed;
  let cancel: (() => void) | undefined;
  const replied = new Promise<Reply>((resolve, reject) => {
    cancel = clock.timer(waitMs, () =>
      reject(unanswered(`${storeId}/${edgeId} did not reply within ${waitMs} ms`)),
    );
    client.on("message", (_topic, payload) => {
      const reply = readForward(replySchema, parsePayload(payload)).data;
      if (reply?.id === signed.command.id) resolve(reply);
    });
    client.on("error", (error) => reject(unanswered(error.message, error)));
    client.on("close", () => reject(unanswered("the broker closed the connection")));
  });
  const sent = async () => {
    await client.subscribeAsync(topics.reply(storeId, edgeId), { qos: 0 });
    const text = JSON.stringify(signed);
    await client.publishAsync(topics.command(storeId, edgeId), text, { qos: 1 });
  };
  const failed = sent().then(
    () => replied,
    (error) => Promise.reject(unanswered(errorMessageOf(error), error)),
  );
  return await Promise.race([failed, replied]).finally(() => cancel?.());
}

function unanswered(message: string, cause?: unknown): GatewayError {
  return new GatewayError("COMMAND_UNANSWERED", message, { cause, retryable: true });
}
