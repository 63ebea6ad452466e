// The edge's configuration: one YAML file, one schema with ranges and defaults. Unknown keys are
// refused, and a message names the file, the path and the range.

import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import { type Plan, planSchema } from "../contract/plan.ts";
import { durationMsSchema, edgeIdSchema, idSchema } from "../contract/units.ts";
import { findDevice } from "../drivers/registry.ts";
import { portConfigSchema } from "../drivers/transport/port.ts";
import { outboxSettingsSchema } from "./buffer/settings.ts";
import { logLevels } from "./log.ts";
import { senseConfigSchema } from "./sense/build-machines.ts";
import { portalBeamWeights } from "./sense/portal-beam-weights.ts";
import type { PortalConfig } from "./sense/portal-config.ts";
import { portalWeightsSchema } from "./sense/portal-model.ts";
import { portalWeights } from "./sense/portal-weights.ts";
import { linkSettingsSchema, uplinkSettingsSchema } from "./uplink-settings.ts";

const deviceSchema = z.strictObject({
  id: idSchema,
  /** A kind of drivers/registry.ts. */
  kind: z.string().min(1).max(40),
  port: portConfigSchema,
  /** Checked against the kind's own schema (`drivers/<kind>/options.ts`). */
  options: z.record(z.string(), z.unknown()).default({}),
});

/** Everything an edge can be told. */
export const edgeConfigSchema = z
  .strictObject({
    storeId: idSchema,
    edgeId: edgeIdSchema,
    /** Where the buffer lives: its own partition, if possible. */
    dataDir: z.string().min(1),
    broker: z.strictObject({
      url: z
        .string()
        .regex(/^mqtts?:\/\/[^\s]+$/, "a broker is mqtt://host:port or mqtts://host:port")
        .refine((url) => !url.includes("@"), "no user or password in a URL: use passwordFile"),
      /** The authority of the broker's certificate (PEM); without it those that the machine knows. */
      caFile: z.string().min(1).optional(),
      /** This edge's own certificate and its key (PEM), read anew for every connection. */
      certFile: z.string().min(1).optional(),
      keyFile: z.string().min(1).optional(),
      /** A password for the user STORE:EDGE, where the broker asks for one. */
      passwordFile: z.string().min(1).optional(),
      /** All three in one file, as `gondola-bridge enroll` writes it. */
      enrolmentFile: z.string().min(1).optional(),
    }),
    /** The public key that signs commands (PEM), instead of the enrolment's; with one, changing commands must be signed. */
    commandKeyFile: z.string().min(1).optional(),
    /** The plan to begin with; a newer one from the ledger replaces it. */
    plan: z.string().min(1).optional(),
    logLevel: z.enum(logLevels).default("info"),
    /** How long a configuration that was sent must do well, unbroken, before it is kept; it has as long to begin to. */
    configTrialMs: durationMsSchema.min(1000).max(3_600_000).default(120_000),
    healthIntervalMs: durationMsSchema.min(1000).max(3_600_000).default(30_000),
    devices: z.array(deviceSchema).max(64),
    ...senseConfigSchema.shape,
    outbox: outboxSettingsSchema.prefault({}),
    uplink: uplinkSettingsSchema.prefault({}),
    link: linkSettingsSchema.prefault({}),
  })
  .superRefine((config, context) => {
    const { url, caFile, certFile, keyFile, enrolmentFile } = config.broker;
    const refuseBroker = (message: string) =>
      context.addIssue({ code: "custom", path: ["broker"], message });
    if ((certFile === undefined) !== (keyFile === undefined)) {
      refuseBroker("certFile and keyFile go together");
    }
    if (enrolmentFile !== undefined && (caFile ?? certFile ?? keyFile) !== undefined) {
      refuseBroker("enrolmentFile has all that caFile, certFile and keyFile have: name either");
    }
    if (url.startsWith("mqtt:") && (caFile ?? certFile ?? enrolmentFile) !== undefined) {
      refuseBroker("certificates are of mqtts://, and this broker is mqtt://");
    }
    const ids = new Set<string>();
    for (const [index, device] of config.devices.entries()) {
      if (ids.has(device.id)) {
        const message = `two devices are called ${device.id}`;
        context.addIssue({ code: "custom", path: ["devices", index, "id"], message });
      }
      ids.add(device.id);
    }
    const refuseUnknown = (deviceId: string, path: PropertyKey[]) => {
      if (ids.has(deviceId)) return;
      const message = `no device is called ${deviceId}; there are ${[...ids].join(", ")}`;
      context.addIssue({ code: "custom", path, message });
    };
    for (const group of ["portals", "shelves", "scanners"] as const) {
      for (const [index, { deviceId }] of config[group].entries()) {
        refuseUnknown(deviceId, [group, index, "deviceId"]);
      }
    }
    for (const [index, { beams }] of config.portals.entries()) {
      if (beams) refuseUnknown(beams.deviceId, ["portals", index, "beams", "deviceId"]);
    }
    for (const [index, { zones }] of config.presences.entries()) {
      for (const [at, zone] of zones.entries()) {
        for (const { deviceId } of zone.antennas) {
          refuseUnknown(deviceId, ["presences", index, "zones", at, "antennas"]);
        }
      }
    }
    const signals = [
      ...config.scanners.flatMap(({ refusalSignal, takenSignal }) => [refusalSignal, takenSignal]),
      ...config.exit.alarms,
    ];
    for (const signal of signals) {
      if (signal === undefined || ids.has(signal.deviceId)) continue;
      const message = `a signal names ${signal.deviceId}; there are ${[...ids].join(", ")}`;
      context.addIssue({ code: "custom", path: ["devices"], message });
    }
  });
export type EdgeConfig = z.infer<typeof edgeConfigSchema>;

/** Reads and checks a configuration file; relative paths in it count from the file. */
export async function loadEdgeConfig(file: string): Promise<EdgeConfig> {
  return await parseEdgeConfig(await readText(file), file, dirname(file));
}

/** Checks the text of a configuration: `name` stands in messages, relative paths count from `base`. */
export async function parseEdgeConfig(
  text: string,
  name: string,
  base: string,
): Promise<EdgeConfig> {
  const config = checked(edgeConfigSchema, yamlOf(text, name), name);
  for (const [index, device] of config.devices.entries()) {
    const module = await findDevice(device.kind);
    const options = module.optionsSchema.safeParse(device.options);
    if (!options.success) {
      const where = `${name}: devices[${index}].options (${device.kind})`;
      throw new GatewayError("CONFIG_INVALID", `${where}:\n${z.prettifyError(options.error)}`);
    }
  }
  const plan = config.plan === undefined ? {} : { plan: resolve(base, config.plan) };
  const { commandKeyFile: keyFile } = config;
  const key = keyFile === undefined ? {} : { commandKeyFile: resolve(base, keyFile) };
  const portals = await Promise.all(config.portals.map((portal) => withWeights(portal, base)));
  const broker = Object.fromEntries(
    Object.entries(config.broker).map(([key, value]) => [
      key,
      key === "url" || value === undefined ? value : resolve(base, value),
    ]),
  ) as EdgeConfig["broker"];
  return { ...config, dataDir: resolve(base, config.dataDir), ...plan, ...key, portals, broker };
}

async function withWeights(portal: PortalConfig, base: string): Promise<PortalConfig> {
  if (portal.weightsFile === undefined) return portal;
  const file = resolve(base, portal.weightsFile);
  const weights = checked(portalWeightsSchema, yamlOf(await readText(file), file), file);
  const known = portal.beams === undefined ? [portalWeights] : [portalWeights, portalBeamWeights];
  const fits = known.some(
    ({ movedOdd, movedEven }) =>
      movedOdd.length === weights.movedOdd.length && movedEven.length === weights.movedEven.length,
  );
  if (fits) return { ...portal, weights };
  const figures = `${weights.movedOdd.length} + ${weights.movedEven.length} figures`;
  const message = `${file}: weights of ${figures}, which this portal does not have: fit them again (gondola-edge label fit)`;
  throw new GatewayError("CONFIG_INVALID", message);
}

/** Reads and checks a plan file. */
export async function loadPlan(file: string): Promise<Plan> {
  return checked(planSchema, yamlOf(await readText(file), file), file);
}

function checked<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new GatewayError("CONFIG_INVALID", `${file}:\n${z.prettifyError(result.error)}`);
}

/** Reads a file's text; CONFIG_UNREADABLE names it. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw unreadable(file, error);
  }
}

function yamlOf(text: string, name: string): unknown {
  try {
    return parseYaml(text);
  } catch (error) {
    throw unreadable(name, error);
  }
}

function unreadable(name: string, cause: unknown): GatewayError {
  return new GatewayError("CONFIG_UNREADABLE", `${name}: ${errorMessageOf(cause)}`, { cause });
}
