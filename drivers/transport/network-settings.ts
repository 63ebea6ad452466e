// How an HTTP stream and an MQTT topic are named in a configuration. Passwords stand in files of their own.

import { readFile } from "node:fs/promises";
import { z } from "zod";
import { errorMessageOf, GatewayError } from "../../contract/errors.ts";

const fileSchema = z
  .string()
  .max(4096)
  .regex(/^\/[^\0]+$/, "a file is an absolute path");
const access = {
  user: z.string().min(1).max(256).optional(),
  /** A file with the password alone. */
  passwordFile: fileSchema.optional(),
  /** Certificate of the authority that signed the device's; without it those of the system count. */
  caFile: fileSchema.optional(),
};
const addressOf = (schemes: RegExp, example: string) =>
  z
    .string()
    .max(2000)
    .refine(
      (text) =>
        URL.canParse(text) &&
        schemes.test(text) &&
        new URL(text).username + new URL(text).password === "",
      `an address like ${example}, without user and password`,
    );

/** A stream that is read from a device. */
export const httpSettingsSchema = z.strictObject({
  url: addressOf(/^https?:\/\//, "https://reader/api/v1/data/stream"),
  ...access,
});
export type HttpSettings = z.output<typeof httpSettingsSchema>;

/** What a device publishes at a broker. */
export const mqttSettingsSchema = z.strictObject({
  url: addressOf(/^mqtts?:\/\//, "mqtt://broker:1883"),
  /** A topic filter, like `readers/portal-1/#`. */
  topic: z
    .string()
    .min(1)
    .max(512)
    .regex(/^[^\0]+$/),
  /** With one the broker keeps messages of QoS 1 while the edge is away; no other client may have it. */
  clientId: z
    .string()
    .regex(/^[\w.:-]{1,128}$/)
    .optional(),
  ...access,
});
export type MqttSettings = z.output<typeof mqttSettingsSchema>;

/** What the settings' files hold. DRIVER_PORT_DENIED where one cannot be read. */
export async function readSecrets(settings: {
  readonly passwordFile?: string | undefined;
  readonly caFile?: string | undefined;
}): Promise<{ password?: string; ca?: string }> {
  const { passwordFile, caFile } = settings;
  return {
    ...(passwordFile === undefined ? {} : { password: (await textOf(passwordFile)).trim() }),
    ...(caFile === undefined ? {} : { ca: await textOf(caFile) }),
  };
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const message = `${file} cannot be read: ${errorMessageOf(cause)}`;
    throw new GatewayError("DRIVER_PORT_DENIED", message, { cause, retryable: true });
  }
}
