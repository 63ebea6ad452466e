// The names under which a zod schema takes numbers, so that a test can ask them for their unit.

import type { z } from "zod";

/** Every key whose value is a number or a list of numbers, however deep; a key may come more than once. */
export function numericKeys(schema: z.core.$ZodType): string[] {
  const keys: string[] = [];
  walk(schema, "", keys, new Set());
  return keys;
}

function walk(
  schema: z.core.$ZodType,
  key: string,
  keys: string[],
  seen: Set<z.core.$ZodType>,
): void {
  const { def } = schema._zod as unknown as { def: Definition };
  if (isNumber(def) && key !== "") keys.push(key);
  if (seen.has(schema)) return;
  seen.add(schema);
  for (const [name, member] of Object.entries(def.shape ?? {}))
    walk(member, name, keys, new Set(seen));
  for (const part of partsOf(def)) walk(part, key, keys, seen);
}

/** What of a schema's definition is looked at: each kind of schema has some of it. */
interface Definition {
  readonly type: string;
  readonly values?: readonly unknown[];
  readonly shape?: Record<string, z.core.$ZodType>;
  readonly element?: z.core.$ZodType;
  readonly innerType?: z.core.$ZodType;
  readonly valueType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly out?: z.core.$ZodType;
  readonly left?: z.core.$ZodType;
  readonly right?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly items?: readonly z.core.$ZodType[];
}

function isNumber({ type, values }: Definition): boolean {
  if (type === "literal") return (values ?? []).some((value) => typeof value === "number");
  return type === "number" || type === "bigint";
}

/** The schemas that stand for the same key. */
function partsOf(def: Definition): z.core.$ZodType[] {
  const single = [def.element, def.innerType, def.valueType, def.in, def.out, def.left, def.right];
  const parts = [...single, ...(def.options ?? []), ...(def.items ?? [])];
  return parts.filter((part) => part !== undefined);
}
