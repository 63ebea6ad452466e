// The software's version, from package.json beside the source or the build.

import { readFileSync } from "node:fs";

/** The version as package.json has it. */
export function softwareVersion(): string {
  const isBuilt = import.meta.url.endsWith(".js");
  const path = isBuilt ? "../../package.json" : "../package.json";
  const text = readFileSync(new URL(path, import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
