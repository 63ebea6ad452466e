// Text that a ledger in PostgreSQL does not take (NUL, half a surrogate pair), and so no ledger shall, is refused before
// anything is done with it.

const unstorable = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** A text of ours that quotes what was sent: what no ledger takes is shown as U+FFFD. */
export function storableText(text: string): string {
  return text.replace(new RegExp(unstorable, "g"), "\ufffd");
}

/** Levels that what is sent may nest; more, which nobody needs, would exhaust the stack. */
const depthMax = 100;

/** Where in what was sent such text stands, as `lines.0.gtin`, or what nests too deep; undefined where all can be stored. */
export function unstorableAt(value: unknown, path = "", depth = 0): string | undefined {
  if (typeof value === "string") return unstorable.test(value) ? path : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  if (depth === depthMax) return path;
  for (const [key, part] of Object.entries(value)) {
    const at = path === "" ? key : `${path}.${key}`;
    if (unstorable.test(key)) return path;
    const found = unstorableAt(part, at, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
