// A batch as bytes: JSON, as gzip (known by its magic bytes) above 1 KiB, never inflated past its limit.

import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { z } from "zod";
import {
  type Batch,
  batchGzipAboveBytes,
  batchSchema,
  batchSizeBytesMax,
  type Refusal,
  schemaVersion,
} from "./delivery.ts";
import { readForward } from "./read-forward.ts";

/** A batch without its events. */
export type BatchHeader = Omit<Batch, "events">;

/** Encodes a batch whose events are JSON texts already. `compress: false` keeps it plain at any size. */
export function encodeBatch(
  header: BatchHeader,
  eventTexts: readonly string[],
  options: { compress?: boolean } = {},
): Uint8Array {
  const text = `${JSON.stringify(header).slice(0, -1)},"events":[${eventTexts.join(",")}]}`;
  const bytes = Buffer.from(text, "utf8");
  if (options.compress === false || bytes.length <= batchGzipAboveBytes) return bytes;
  return gzipSync(bytes, { level: 1 });
}

/** A batch, or why it was refused. */
export type DecodedBatch = { ok: true; batch: Batch } | { ok: false; refusal: Refusal };

/** Decodes a batch. Never throws: what cannot be read is a refusal that names the payload by its digest. */
export function decodeBatch(payload: Uint8Array): DecodedBatch {
  const inflated = inflate(payload);
  if (inflated === undefined) {
    return refuse(payload, "BATCH_TOO_LARGE", `the batch inflates past ${batchSizeBytesMax} bytes`);
  }
  let value: unknown;
  try {
    if (typeof inflated === "string") throw new Error(inflated);
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(inflated));
  } catch (error) {
    return refuse(payload, "BATCH_UNREADABLE", `not a batch: ${(error as Error).message}`);
  }
  const version = z.looseObject({ schemaVersion: z.number() }).safeParse(value);
  if (version.success && version.data.schemaVersion > schemaVersion) {
    const message = `schema version ${version.data.schemaVersion} is newer than ${schemaVersion}; upgrade the bridge first`;
    return refuse(payload, "VERSION_UNSUPPORTED", message);
  }
  const batch = readForward(batchSchema, value);
  if (batch.success) return { ok: true, batch: batch.data };
  const isTooLong = batch.error.issues.some(({ code, path }) => {
    return code === "too_big" && path.length === 1 && path[0] === "events";
  });
  const code = isTooLong ? "BATCH_TOO_LARGE" : "BATCH_UNREADABLE";
  return refuse(payload, code, z.prettifyError(batch.error));
}

/** SHA-256 of a payload, by which a refusal names it. */
export function payloadDigest(payload: Uint8Array): string {
  return createHash("sha256").update(payload).digest("hex");
}

/** The inflated bytes; undefined when too large; a text that says why when the gzip is broken. */
function inflate(payload: Uint8Array): Uint8Array | string | undefined {
  const isGzip = payload[0] === 0x1f && payload[1] === 0x8b;
  if (!isGzip) return payload.length > batchSizeBytesMax ? undefined : payload;
  try {
    return gunzipSync(payload, { maxOutputLength: batchSizeBytesMax });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") return undefined;
    return `broken gzip: ${(error as Error).message}`;
  }
}

function refuse(payload: Uint8Array, code: Refusal["code"], message: string): DecodedBatch {
  const refusal = { code, message: message.slice(0, 500), payloadDigest: payloadDigest(payload) };
  return { ok: false, refusal };
}
