// The shared protocol vectors, where they exist.

import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

/** One vector: bytes and what they mean. `expected` differs by protocol. */
export interface ProtocolVector {
  readonly name: string;
  readonly hex: string;
  readonly valid: boolean;
  readonly direction?: string;
  readonly protocol: string;
  // biome-ignore lint/suspicious/noExplicitAny: the shape differs by protocol, the tests know it.
  readonly expected: any;
}

const folder = resolve(import.meta.dirname, "../../../shared/vectors/protocols");

/** Whether the shared vectors are on this machine. */
export const hasVectors = existsSync(folder);

/** The vectors of a file; none where the folder is absent. */
export function vectorsOf(file: string): ProtocolVector[] {
  if (!hasVectors) return [];
  const text = readFileSync(resolve(folder, file), "utf8");
  return (JSON.parse(text) as { vectors: ProtocolVector[] }).vectors;
}
