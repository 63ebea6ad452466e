// The payload of a message as JSON, before a schema looks at it.

/** What a payload says; undefined for one that is no JSON, which no schema of a message takes. */
export function parsePayload(payload: Uint8Array | string): unknown {
  try {
    return JSON.parse(
      typeof payload === "string" ? payload : Buffer.from(payload).toString("utf8"),
    );
  } catch {
    return undefined;
  }
}
