// A number that a command's option takes.

import { InvalidArgumentError } from "commander";

/** A whole number from 1; commander names the option. */
export function toCount(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new InvalidArgumentError("must be a whole number from 1");
}
