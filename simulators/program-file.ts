// Where a program of this tree lies: as built (`dist/`) or as source, whichever runs this very file.

import { fileURLToPath } from "node:url";

const isSource = import.meta.url.endsWith(".ts");

/** What Node needs to run a program file: nothing for built ones, the loader for source. */
export const programExecArgv: readonly string[] = isSource ? ["--import", "tsx"] : [];

/** Path of a program, for example `edge/cli`. */
export function programFile(name: string): string {
  return fileURLToPath(new URL(`../${name}.${isSource ? "ts" : "js"}`, import.meta.url));
}

/** Path of a data file of the project, for example `config/scenarios/quickstart.yaml`. */
export function projectFile(name: string): string {
  return fileURLToPath(new URL(`${isSource ? "../" : "../../"}${name}`, import.meta.url));
}
