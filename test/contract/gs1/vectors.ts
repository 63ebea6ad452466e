// The shared test vectors, where they exist.

import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

/** One vector; `input` and `expected` differ by kind. */
export interface Vector {
  readonly id: string;
  readonly kind: string;
  // biome-ignore lint/suspicious/noExplicitAny: the shape differs by kind, the tests know it.
  readonly input: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly expected: any;
  readonly note?: string;
}

const folder = resolve(import.meta.dirname, "../../../../shared/vectors/gs1");

/** Whether the shared vectors are on this machine. */
export const hasVectors = existsSync(folder);

/** The vectors of a file, of the given kinds; none where the folder is absent. */
export function vectorsOf(file: string, ...kinds: string[]): Vector[] {
  if (!hasVectors) return [];
  const { vectors } = JSON.parse(readFileSync(resolve(folder, file), "utf8")) as {
    vectors: Vector[];
  };
  return vectors.filter((vector) => kinds.includes(vector.kind));
}
