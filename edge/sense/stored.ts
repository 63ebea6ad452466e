// Reading back what a machine stored in an earlier life, perhaps of another version.

import type { z } from "zod";

/** The stored value, or undefined when it cannot be read: the machine then learns it anew. */
export function readStored<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    const result = schema.safeParse(JSON.parse(text));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}
