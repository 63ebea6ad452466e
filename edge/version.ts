// The software's version, from package.json beside the source or the build.

import { readFileSync } from "node:fs";

/** The version as package.json has it. */
export function softwareVersion(): string {
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), "utf8");
      return (JSON.parse(text) as { version: string }).version;
    } catch (error) {
      // From source the file is one folder up, from dist/ two.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return "0.0.0";
}
