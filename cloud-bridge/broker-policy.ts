// Who may say what on the embedded broker. Pure: each question is answered by undefined (yes) or by
// the reason for a no.

import { timingSafeEqual } from "node:crypto";
import type { ErrorCode } from "../contract/errors.ts";
import { parseTopic, type Topic } from "../contract/topics.ts";
import {
  clientIdOf,
  type Identity,
  identityUri,
  isIdOfEdge,
  mayPublish,
  mayRead,
} from "./broker-identity.ts";
import type { EmbeddedBrokerSettings } from "./config.ts";
import { isFeed } from "./ledger/facts.ts";

/** How the bridge itself comes in: random for each start, known to nobody else. */
export interface BridgeLogin {
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
}

/** Why not: a code, a text, and what a CONNECT is answered (MQTT 3.1.1, table 3.1). */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly returnCode: number;
}

const returnCodes = { identifierRejected: 2, unavailable: 3, badCredentials: 4, notAuthorized: 5 };
const clientIdLengthMax = 128;
const filterLengthMax = 256;

/** What a client publishes; everything else on a contract topic comes from the bridge alone. */
const clientChannels: readonly Topic["channel"][] = [
  "events",
  "status",
  "health",
  "command",
  "reply",
];

/** The parts of a PUBLISH or a last will that count here. */
export interface Publication {
  readonly topic: string;
  readonly payload: { readonly length: number };
}

/** Why a client's publication, live or as last will, is refused. The bridge itself is not asked. */
export function publishRefusal(
  publication: Publication,
  limits: Pick<EmbeddedBrokerSettings, "smallPayloadSizeBytesMax">,
): Refusal | undefined {
  const topic = parseTopic(publication.topic);
  const shown = publication.topic.slice(0, 100);
  if (topic === undefined) return refuse("TOPIC_FOREIGN", `${shown} is no topic of the contract`);
  if (!clientChannels.includes(topic.channel)) {
    return refuse("TOPIC_FOREIGN", `${shown} is published by the bridge alone`);
  }
  if ("edgeId" in topic && isFeed(topic.edgeId)) {
    return refuse("TOPIC_FOREIGN", `${shown} is of a source over HTTP, which is no edge`);
  }
  const sizeBytesMax = limits.smallPayloadSizeBytesMax;
  if (topic.channel === "events" || publication.payload.length <= sizeBytesMax) return undefined;
  return refuse(
    "BROKER_LIMIT",
    `${publication.payload.length} bytes on ${shown}, at most ${sizeBytesMax}`,
  );
}

/** Why a subscription is refused. */
export function subscribeRefusal(filter: string): Refusal | undefined {
  // MQTT 3.1.1 has no shared subscriptions, and where a broker has them they reorder an edge's batches.
  if (filter.startsWith("$"))
    return refuse("TOPIC_FOREIGN", `${filter.slice(0, 40)} is not served`);
  if (filter.length <= filterLengthMax) return undefined;
  return refuse(
    "BROKER_LIMIT",
    `a filter of ${filter.length} characters, at most ${filterLengthMax}`,
  );
}

/** The parts of a CONNECT that count here. */
export interface Connect {
  readonly clientId: string;
  readonly clean?: boolean | undefined;
  readonly username?: string | undefined;
  readonly password?: Uint8Array | string | undefined;
  readonly will?: Publication | undefined;
}

/** Whether a CONNECT carries the bridge's own login. */
export function isBridgeLogin(connect: Connect, login: BridgeLogin): boolean {
  if (connect.clientId !== login.clientId || connect.username !== login.username) return false;
  const given = Buffer.from(connect.password ?? "");
  const wanted = Buffer.from(login.password);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** Why a CONNECT that is not the bridge's is refused. */
export function connectRefusal(
  connect: Connect,
  login: BridgeLogin,
  limits: Pick<EmbeddedBrokerSettings, "smallPayloadSizeBytesMax">,
): Refusal | undefined {
  const { clientId, clean, will } = connect;
  // [MQTT-3.1.3-8]: without an id there is no session to come back to.
  if (clientId === "" && clean !== true) {
    return refuse("BROKER_LIMIT", "an empty client id needs clean=true", "identifierRejected");
  }
  if (clientId.length > clientIdLengthMax) {
    return refuse(
      "BROKER_LIMIT",
      `a client id is at most ${clientIdLengthMax} characters`,
      "identifierRejected",
    );
  }
  if (clientId === login.clientId) {
    return refuse("BROKER_LIMIT", "this client id is the bridge's own", "badCredentials");
  }
  return will === undefined ? undefined : publishRefusal(will, limits);
}

/** Why a client whose certificate says who it is may not connect so; its last will is asked for too. */
export function identityRefusal(
  identity: Identity | undefined,
  { clientId, clean, will }: Connect,
): Refusal | undefined {
  if (identity === undefined) {
    return refuse("CERTIFICATE_FOREIGN", "the certificate names no edge and no consumer");
  }
  const wanted = clientIdOf(identity);
  // Whoever looks after an edge comes beside it, under a longer id.
  const isOwn = clientId === wanted || clientId.startsWith(`${wanted}:`);
  // Whoever came under an edge's id would cut it off.
  if (wanted === undefined ? isIdOfEdge(clientId) : !isOwn) {
    const message = `${identityUri(identity)} under the client id ${clientId.slice(0, 100)}`;
    return refuse("CERTIFICATE_FOREIGN", message, "identifierRejected");
  }
  // All together there are not many, and under longer ids one edge could take them all.
  if (wanted !== undefined && clientId !== wanted && clean !== true) {
    return limitRefusal(`a session that is kept (clean=false) of ${wanted} is under that id alone`);
  }
  return will && foreignPublication(identity, will.topic);
}

/** Why a publication is not that client's to make. */
export function foreignPublication(identity: Identity, topic: string): Refusal | undefined {
  if (mayPublish(identity, topic)) return undefined;
  return refuse("TOPIC_FOREIGN", `${topic.slice(0, 100)} from ${identityUri(identity)}`);
}

/** Why a filter is not for that client to read. */
export function foreignFilter(identity: Identity, filter: string): Refusal | undefined {
  if (mayRead(identity, filter)) return undefined;
  return refuse("TOPIC_FOREIGN", `${filter.slice(0, 100)} by ${identityUri(identity)}`);
}

/** Why a password lets nobody in. */
export function passwordRefusal(kind: "wrong" | "busy" | "waiting", name: string): Refusal {
  const shown = name.slice(0, 100);
  if (kind === "busy") return limitRefusal("too many passwords are being checked");
  return kind === "waiting"
    ? refuse("PASSWORD_WRONG", `too many wrong passwords; now as ${shown}`, "badCredentials")
    : refuse("PASSWORD_WRONG", `wrong password, or nobody is called ${shown}`, "badCredentials");
}

/** A limit of the broker that a CONNECT ran into: the client may try again later. */
export function limitRefusal(message: string): Refusal {
  return refuse("BROKER_LIMIT", message, "unavailable");
}

function refuse(
  code: ErrorCode,
  message: string,
  reason: keyof typeof returnCodes = "notAuthorized",
): Refusal {
  return { code, message, returnCode: returnCodes[reason] };
}
