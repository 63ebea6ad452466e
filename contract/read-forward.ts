// Reads a message that a later version may have written: keys that this version does not know are passed over, anything else
// that does not fit refuses the message. Whoever writes is held to the schema as it stands.

import type { z } from "zod";

type Issue = z.core.$ZodIssue;
/** A key that the schema does not know, by the way that leads to it. */
type Way = readonly PropertyKey[];

/** As `safeParse`; what was passed over is not in the data. */
export function readForward<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): z.ZodSafeParseResult<z.output<Schema>> {
  const first = schema.safeParse(value);
  if (first.success) return first;
  const unknown = unknownOf(first.error.issues);
  if (unknown.length === 0) return first;
  const known = unknown.reduce(without, value);
  // A union tells of the keys of one of its shapes at a time, and what is checked last may find more.
  return unknownOf(schema.safeParse(known).error?.issues ?? []).length < unknown.length
    ? readForward(schema, known)
    : first;
}

/** The keys that are not known; of a union those of the shape that fits but for them. */
function unknownOf(issues: readonly Issue[]): Way[] {
  return issues.flatMap((issue): Way[] => {
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => [...issue.path, key]);
    if (issue.code !== "invalid_union") return [];
    const shape = issue.errors.find((each) =>
      each.every(({ code }) => code === "unrecognized_keys" || code === "invalid_union"),
    );
    return unknownOf(shape ?? []).map((way) => [...issue.path, ...way]);
  });
}

/** A value without one of its keys; only what leads to it is copied. */
function without(value: unknown, [key, ...rest]: Way): unknown {
  if (key === undefined || typeof value !== "object" || value === null) return value;
  const copy: Record<PropertyKey, unknown> = Array.isArray(value)
    ? ([...value] as never)
    : { ...value };
  if (rest.length > 0) copy[key] = without(copy[key], rest);
  else delete copy[key];
  return copy;
}
