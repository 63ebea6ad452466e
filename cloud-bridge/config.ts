// The bridge's configuration: one YAML file, one schema with ranges and defaults. Unknown keys are
// refused, and a message names the path, the range and the file.

import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { batchSizeBytesMax } from "../contract/delivery.ts";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import { type GivenPlan, givenPlanSchema } from "../contract/plan.ts";
import { locationSchema } from "../contract/units.ts";
import { edgeForgottenMs } from "./ledger/alerts.ts";
import { sourceIdSchema } from "./ledger/facts.ts";
import { defaultShipmentLimits } from "./ledger/receiving/sql-shipment-watch.ts";
import { gradeValuesSchema } from "./ledger/returns/return-case.ts";
import { logLevels } from "./log.ts";

/** A group of settings that refuses unknown keys by name. */
function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `unknown key ${issue.keys?.join(", ")} (known are ${known})`
        : `must be a group of the keys ${known}`,
  });
}

/** A whole number within bounds; the message names both. */
function whole(min: number, max: number) {
  const error = `must be ${min}..${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** Whether only this machine reaches what listens there. */
function isLoopback(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(host);
}

const text = z.string({ error: "must be a text" }).min(1, { error: "must not be empty" });
const shipmentAgeMs = whole(3_600_000, 315_360_000_000);
const listen = (port: number) => ({
  /** Loopback unless said otherwise: neither broker nor HTTP asks who is there. */
  host: text.default("127.0.0.1"),
  port: whole(1, 65_535).default(port),
});

const tlsSchema = section({
  /** Certificate of the broker, with those between it and its authority, and its key (PEM). */
  certFile: text,
  keyFile: text,
  /** Authorities whose clients are let in; a client's certificate says who it is (`gondola-bridge enroll`). */
  clientCaFile: text,
  /** Certificates that are not valid any more (a CRL, PEM). */
  revokedFile: text.optional(),
  /** How often the files are looked at: a change is taken, and all clients come anew. */
  lookIntervalMs: whole(100, 3_600_000).default(10_000),
});
/** Certificates of the embedded broker. */
export type BrokerTlsSettings = z.infer<typeof tlsSchema>;

const embeddedSchema = section({
  ...listen(1883),
  /** With it clients come by TLS with a certificate of their own; without, nobody is asked who they are. */
  tls: tlsSchema.optional(),
  /** Instead: clients come with user and password; hashes in a file, as `gondola-bridge password` writes it. */
  passwordsFile: text.optional(),
  /** Connections at once. */
  connectionCountMax: whole(1, 20_000).default(1000),
  /** Connections at once from one address (IPv6: one /64), as of a store behind its router; this machine's own
      127.0.0.1 and ::1 are not counted. More where the lines of many stores come together before the broker. */
  addressConnectionCountMax: whole(1, 20_000).default(100),
  /** New connections a second from one such address, twice as many at once; one more is closed before its handshake and
      comes again later, as edges do. A handshake costs some 2 ms of a core. */
  addressConnectionsPerSecondMax: whole(1, 20_000).default(50),
  /** Largest MQTT packet of a client: a batch that forgot to compress still gets its answer. */
  packetSizeBytesMax: whole(batchSizeBytesMax + 1024, 16 * 1024 * 1024).default(512 * 1024),
  /** Largest payload on any topic but `events`. */
  smallPayloadSizeBytesMax: whole(1024, 1024 * 1024).default(64 * 1024),
  /** Messages a second of one client, twice as many at once; more wait, and the client with them. */
  messagesPerSecondMax: whole(1, 100_000).default(200),
  /** Subscriptions, pings and the like a second of one client (each 64 bytes of it count), twice as many at once;
      who sends more is cut off. */
  controlsPerSecondMax: whole(10, 100_000).default(500),
  /** Levels of a topic or filter; the contract needs 7. */
  topicLevelCountMax: whole(7, 32).default(8),
  /** Filters that one client subscribes to. */
  subscriptionCountMax: whole(1, 10_000).default(100),
  /** Topics on which clients keep a retained message (the `status` of an edge). */
  retainedCountMax: whole(1, 1_000_000).default(50_000),
  /** Clients with a kept session (clean=false), and what is kept for each while it is away. */
  sessionCountMax: whole(0, 10_000).default(200),
  sessionQueueCountMax: whole(1, 1_000_000).default(10_000),
  /** Time from the TCP connection to CONNECT; with TLS to the end of its handshake, and again to CONNECT. */
  connectTimeoutMs: whole(500, 60_000).default(5000),
  /** How long a client that reads nothing may hold up deliveries. */
  drainTimeoutMs: whole(1000, 60_000).default(12_000),
  /** Packets that a client may send before its CONNECT is accepted. */
  earlyPacketCountMax: whole(1, 1000).default(42),
  /** Deliveries that run at the same time. */
  deliveryCountMax: whole(1, 10_000).default(100),
});
/** Settings of the embedded broker. */
export type EmbeddedBrokerSettings = z.infer<typeof embeddedSchema>;

const brokerSchema = section({
  embedded: embeddedSchema.optional(),
  url: z
    .string({ error: "must be mqtt://host:port or mqtts://host:port" })
    .regex(/^mqtts?:\/\/[^\s@/]+$/, "must be mqtt://host:port or mqtts://host:port")
    .optional(),
  /** For an external broker: the session's name, one for each bridge. */
  clientId: text.max(64).default("gondola-bridge"),
  username: text.optional(),
  /** A file that holds the password, so that no password stands in a configuration. */
  passwordFile: text.optional(),
  /** For mqtts://, as PEM: the authority of the broker's certificate, where it is not one of the machine's own. */
  caFile: text.optional(),
  /** What the bridge shows where the broker asks for it; both or none. */
  certFile: text.optional(),
  keyFile: text.optional(),
})
  .refine((broker) => (broker.embedded === undefined) !== (broker.url === undefined), {
    error: "needs either embedded or url",
  })
  .refine(({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined), {
    path: ["keyFile"],
    error: "certFile and keyFile go together",
  })
  .refine(
    ({ url, caFile, certFile }) =>
      url?.startsWith("mqtts:") || (caFile === undefined && certFile === undefined),
    { path: ["url"], error: "must be mqtts://host:port where caFile or certFile is given" },
  )
  .refine(({ embedded }) => embedded?.tls === undefined || embedded.passwordsFile === undefined, {
    path: ["embedded"],
    error: "with tls a certificate says who a client is, and no password is asked for: either",
  });

/** Everything a bridge can be told. */
export const bridgeConfigSchema = section({
  /** Where the ledger lives. */
  dataDir: text,
  logLevel: z.enum(logLevels, { error: `must be one of ${logLevels.join(", ")}` }).default("info"),
  broker: brokerSchema.prefault({ embedded: {} }),
  ledger: section({
    /** A database of a PostgreSQL server instead of a file in `dataDir`. */
    postgres: section({
      url: z
        .string({ error: "must be postgres://user@host:port/database" })
        .regex(/^postgres(ql)?:\/\/(?!.*[?&]password=)([^\s:@/]+@)?[^\s@]+$/, {
          error: "must be postgres://user@host:port/database without a password (see passwordFile)",
        }),
      /** A file that holds the password, for example a systemd credential. */
      passwordFile: text.optional(),
    }).optional(),
  }).prefault({}),
  http: section({
    ...listen(8080),
    connectionCountMax: whole(1, 20_000).default(2000),
    /** Who may ask what (`gondola-bridge token`); without it nobody is asked, on this machine alone. */
    tokensFile: text.optional(),
  })
    .refine(({ host, tokensFile }) => tokensFile !== undefined || isLoopback(host), {
      path: ["tokensFile"],
      error: "must be given where the host is not this machine's own (gondola-bridge token add)",
    })
    .prefault({}),
  ingest: section({
    /** Batches that arrive within this time are committed together. */
    commitDelayMs: whole(0, 1000).default(5),
  }).prefault({}),
  publish: section({
    /** Pause after each page of stock levels when all are published anew. */
    republishPauseMs: whole(0, 60_000).default(100),
    /** Entries in memory that wait for the broker; beyond it they are read from the ledger when it is their turn. */
    queueCountMax: whole(100, 1_000_000).default(50_000),
    /** The lists of what is sold go out anew after this time even though nothing was sold. */
    soldRefreshMs: whole(1000, 600_000).default(30_000),
  }).prefault({}),
  edges: section({
    /** Edges whose numbers are kept and served. */
    countMax: whole(1, 100_000).default(10_000),
    /** Series of the devices and antennas of one edge. */
    seriesCountMax: whole(2, 10_000).default(300),
    /** An edge's report is served for so long: ten of its usual intervals. */
    staleMs: whole(100, 86_400_000).default(300_000),
    /** An edge with a till that was silent for so long may be gone and have sold what is not known: three of its usual intervals. */
    silentMs: whole(1000, 86_400_000).default(100_000),
    /** An edge that told nothing for so long is no longer expected, as with alerts. */
    forgetMs: whole(1000, 31_536_000_000).default(edgeForgottenMs),
    /** How often the ledger is asked for its edges and its quarantine. */
    refreshMs: whole(100, 600_000).default(15_000),
  }).prefault({}),
  epcis: section({
    /** Places of the chain by the URI that others know them by: a GLN's Digital Link, or the URN of an SGLN. */
    locations: z.record(z.url({ error: "must be a URI" }), locationSchema).default({}),
  }).prefault({}),
  /** Captured shipments that nobody ends, by their age (`ShipmentLimits`). */
  receiving: section({
    shipmentOverdueMs: shipmentAgeMs.default(defaultShipmentLimits.shipmentOverdueMs),
    shipmentEndMs: shipmentAgeMs.default(defaultShipmentLimits.shipmentEndMs),
    shipmentKeepMs: shipmentAgeMs.default(defaultShipmentLimits.shipmentKeepMs),
  })
    .refine((each) => each.shipmentOverdueMs <= each.shipmentEndMs, {
      path: ["shipmentEndMs"],
      error: "must be at least shipmentOverdueMs",
    })
    .refine((each) => each.shipmentEndMs <= each.shipmentKeepMs, {
      path: ["shipmentKeepMs"],
      error: "must be at least shipmentEndMs",
    })
    .prefault({}),
  returns: section({
    /** What share of its price a returned unit is worth, by the class of the product (`*`: every other) and its grade. */
    gradeValues: gradeValuesSchema,
  }).prefault({}),
  trace: section({
    /** Ed25519 private key (PEM) that signs proofs; without it none are given over HTTP. */
    keyFile: text.optional(),
  }).prefault({}),
  webhooks: section({
    /** Attempts until a delivery is set aside; with the waits below 30 are about two hours. */
    attemptCountMax: whole(1, 1000).default(30),
    retryDelayMsMin: whole(10, 60_000).default(1000),
    retryDelayMsMax: whole(10, 3_600_000).default(300_000),
    /** How long a receiver may take to answer. */
    timeoutMs: whole(100, 60_000).default(10_000),
    /** Networks (`10.1.0.0/16`) that webhooks may lead to beside the public internet, over http:// too. */
    allowedNetworks: z.array(text, { error: "must be a list of networks" }).max(100).default([]),
  }).prefault({}),
  /** A folder of CSV files with facts of tills and ERPs, and the name of what writes them. */
  factFolder: section({
    path: text,
    source: sourceIdSchema,
    intervalMs: whole(100, 600_000).default(2_000),
  }).optional(),
  /** Plan files, one for each store. */
  plans: z.array(text, { error: "must be a list of files" }).max(10_000).default([]),
  /** With it this bridge is one of several on one ledger and one broker, which share the stores among them. */
  workers: section({
    /** Between two looks at who is there. */
    lookIntervalMs: whole(100, 10_000).default(1000),
    /** A worker that did not look for so long has lost its stores to the others. */
    leaseMs: whole(1000, 60_000).default(5000),
  })
    .refine(({ lookIntervalMs, leaseMs }) => leaseMs >= 2 * lookIntervalMs, {
      path: ["leaseMs"],
      error: "must be at least twice lookIntervalMs",
    })
    .optional(),
}).refine(({ workers, broker, ledger }) => !workers || (broker.url && ledger.postgres), {
  path: ["workers"],
  error:
    "several bridges need a ledger that they share (ledger.postgres) and a broker (broker.url)",
});
export type BridgeConfig = z.infer<typeof bridgeConfigSchema>;

/** Reads and checks a configuration file; relative paths in it count from the file. */
export async function loadBridgeConfig(file: string): Promise<BridgeConfig> {
  const config = check(bridgeConfigSchema, await readYaml(file), file);
  const base = dirname(file);
  const { embedded } = config.broker;
  const { postgres } = config.ledger;
  return {
    ...config,
    dataDir: resolve(base, config.dataDir),
    plans: config.plans.map((plan) => resolve(base, plan)),
    ...(config.factFolder && {
      factFolder: { ...config.factFolder, path: resolve(base, config.factFolder.path) },
    }),
    trace: resolvedOf(config.trace, base, ["keyFile"]),
    ...(postgres && {
      ledger: { postgres: { ...postgres, ...resolvedOf(postgres, base, ["passwordFile"]) } },
    }),
    http: { ...config.http, ...resolvedOf(config.http, base, ["tokensFile"]) },
    broker: {
      ...config.broker,
      ...resolvedOf(config.broker, base, ["passwordFile", "caFile", "certFile", "keyFile"]),
      ...(embedded && { embedded: embeddedFrom(embedded, base) }),
    },
  };
}

function embeddedFrom(embedded: EmbeddedBrokerSettings, base: string): EmbeddedBrokerSettings {
  const { tls } = embedded;
  const names = ["certFile", "keyFile", "clientCaFile", "revokedFile"] as const;
  return {
    ...embedded,
    ...resolvedOf(embedded, base, ["passwordsFile"]),
    ...(tls && { tls: { ...tls, ...resolvedOf(tls, base, names) } }),
  };
}

/** Of these settings the ones that are given, counted from the configuration's folder. */
function resolvedOf<Key extends string>(
  settings: { readonly [key in Key]?: string | undefined },
  base: string,
  keys: readonly Key[],
): { [key in Key]?: string } {
  const given = keys.flatMap((key) => {
    const file = settings[key];
    return file === undefined ? [] : [[key, resolve(base, file)] as const];
  });
  return Object.fromEntries(given) as { [key in Key]?: string };
}

/** The ledger file of a data directory. */
export function ledgerPath(dataDir: string): string {
  return join(dataDir, "ledger.db");
}

/** Reads and checks plan files; two plans for one store are refused. */
export async function loadPlans(files: readonly string[]): Promise<GivenPlan[]> {
  const fileOf = new Map<string, string>();
  const plans: GivenPlan[] = [];
  for (const file of files) {
    const plan = check(givenPlanSchema, await readYaml(file), file);
    const other = fileOf.get(plan.storeId);
    if (other !== undefined) {
      const message = `storeId: ${other} has a plan for ${plan.storeId} too (${file})`;
      throw new GatewayError("CONFIG_INVALID", message);
    }
    fileOf.set(plan.storeId, file);
    plans.push(plan);
  }
  return plans;
}

/** The value as its schema wants it, or CONFIG_INVALID with a line for each thing that is wrong. */
function check<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => {
    const { found, isMissing } = valueAt(value, issue.path);
    const path = z.core.toDotPath(issue.path);
    const shown = withoutPassword(String(found));
    const got = isMissing ? ", but is missing" : typeof found === "object" ? "" : `, got ${shown}`;
    return `${path === "" ? "" : `${path}: `}${issue.message}${got} (${file})`;
  });
  throw new GatewayError("CONFIG_INVALID", lines.join("\n"));
}

/** A message goes to a log, and no password does. */
function withoutPassword(text: string): string {
  return text.replace(/(\/\/[^\s/@]*:)[^\s]*@/, "$1***@").replace(/(password=)[^&\s]*/g, "$1***");
}

function valueAt(value: unknown, path: readonly PropertyKey[]) {
  let found: unknown = value;
  for (const key of path) found = (found as Record<PropertyKey, unknown> | undefined)?.[key];
  return { found, isMissing: found === undefined || found === null };
}

async function readYaml(file: string): Promise<unknown> {
  let content: string;
  try {
    content = await readFile(file, "utf8");
  } catch (error) {
    throw new GatewayError("CONFIG_UNREADABLE", errorMessageOf(error), { cause: error });
  }
  try {
    return parseYaml(content);
  } catch (error) {
    const message = `not YAML: ${errorMessageOf(error)} (${file})`;
    throw new GatewayError("CONFIG_INVALID", message, { cause: error });
  }
}
