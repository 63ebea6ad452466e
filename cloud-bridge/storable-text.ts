// Text that a ledger in PostgreSQL does not take (NUL, half a surrogate pair), and so no ledger shall, is refused before
// anything is done with it.

const unstorable = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Where in what was sent such text stands, as `lines.0.gtin`; undefined where all can be stored. */
export function unstorableAt(value: unknown, path = ""): string | undefined {
  if (typeof value === "string") return unstorable.test(value) ? path : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, part] of Object.entries(value)) {
    const at = path === "" ? key : `${path}.${key}`;
    if (unstorable.test(key)) return path;
    const found = unstorableAt(part, at);
    if (found !== undefined) return found;
  }
  return undefined;
}
