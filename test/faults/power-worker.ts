// A process that lets the power go at its share of the points: that is its message in, and its message out the report.

import { once } from "node:events";
import process from "node:process";
import type { FileOperation } from "./file-operations.ts";
import { playPowerLosses } from "./power-loss.ts";
import { powerSubjects } from "./power-subjects.ts";

/** What it is given. */
export interface PowerShare {
  readonly name: keyof typeof powerSubjects;
  readonly operations: readonly FileOperation[];
  readonly crashPoints: readonly number[];
  readonly seed: number;
}

const [share] = (await once(process, "message")) as [PowerShare];
const { name, operations, crashPoints, seed } = share;
process.send?.(await playPowerLosses(powerSubjects[name], operations, crashPoints, seed));
process.disconnect();
