// The shared test vectors, where they exist.

import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "vitest";

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

/** Where the vectors are, if they are. */
export const vectorFolder = resolve(import.meta.dirname, "../../../../shared/vectors/gs1");

const hasVectors = existsSync(vectorFolder);

/** Tests over the shared vectors; skipped by name on a machine without them. */
export function describeVectors(name: string, body: () => void): void {
  if (hasVectors) describe(`shared vectors: ${name}`, body);
  else test.skip(`shared vectors: ${name} (there is no ../shared/vectors/gs1 here)`);
}

/** The vectors of a file, of the given kinds; none where the folder is absent. */
export function vectorsOf(file: string, ...kinds: string[]): Vector[] {
  if (!hasVectors) return [];
  const { vectors } = JSON.parse(readFileSync(resolve(vectorFolder, file), "utf8")) as {
    vectors: Vector[];
  };
  return vectors.filter((vector) => kinds.includes(vector.kind));
}
