// What is wrong with a field, in words for whoever sent it. Pure.

import type { z } from "zod";

const wrongType = /^Invalid input: expected (\w+), received (\w+)$/;

/** The schema's own words; where it has none, what was expected in the field's place. */
export function issueMessage({ message }: Pick<z.core.$ZodIssue, "message">): string {
  const [, expected, received] = wrongType.exec(message) ?? [];
  if (expected === undefined) return message;
  return received === "undefined"
    ? "must be given"
    : `must be of type ${expected}, and is of type ${received}`;
}
