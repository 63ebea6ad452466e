// The plan this edge works by: the configured file to begin with, then whatever newer version the
// ledger sent, kept in the data folder as last-good.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorMessageOf } from "../contract/errors.ts";
import { type Plan, readPlan } from "../contract/plan.ts";
import { loadPlan } from "./config.ts";
import { writeKeptFile } from "./kept-file.ts";
import { Turns } from "./turns.ts";

/** Where the last-good plan is kept. */
export class PlanStore {
  readonly #file: string;
  #plan: Plan | undefined;
  /** One at a time: they share the file that is written beside the kept one. */
  readonly #turns = new Turns();

  private constructor(file: string, plan: Plan | undefined) {
    this.#file = file;
    this.#plan = plan;
  }

  /** Reads the kept and the configured plan; the newer one counts. `onProblem` hears of a damaged kept file. */
  static async open(
    dataDir: string,
    configured: string | undefined,
    onProblem: (message: string) => void,
  ): Promise<PlanStore> {
    const file = join(dataDir, "plan.json");
    const kept = await readKept(file, onProblem);
    const given = configured === undefined ? undefined : await loadPlan(configured);
    const isKeptNewer = kept !== undefined && kept.version >= (given?.version ?? 0);
    return new PlanStore(file, isKeptNewer ? kept : given);
  }

  get plan(): Plan | undefined {
    return this.#plan;
  }

  /** Takes a plan from the ledger: kept and returned when it is of this store and newer, else a reason. */
  take(payload: Uint8Array, storeId: string): Promise<Plan | string> {
    return this.#turns.take(() => this.#take(payload, storeId));
  }

  async #take(payload: Uint8Array, storeId: string): Promise<Plan | string> {
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(payload).toString("utf8"));
    } catch (error) {
      return `the plan is no JSON: ${errorMessageOf(error)}`;
    }
    const parsed = readPlan(value);
    if (!parsed.success) return `the plan does not fit: ${parsed.error.issues[0]?.message}`;
    const plan = parsed.data;
    if (plan.storeId !== storeId) return `the plan is of store ${plan.storeId}`;
    if (plan.version <= (this.#plan?.version ?? 0)) return `version ${plan.version} is not newer`;
    // As it came: what a later version of the edge knows of it is not lost.
    await writeKeptFile(this.#file, JSON.stringify(value));
    this.#plan = plan;
    return plan;
  }
}

async function readKept(
  file: string,
  onProblem: (message: string) => void,
): Promise<Plan | undefined> {
  try {
    const { data, error } = readPlan(JSON.parse(await readFile(file, "utf8")));
    if (error !== undefined) throw error;
    return data;
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (!isAbsent) onProblem(`${file} is not used: ${errorMessageOf(error)}`);
    return undefined;
  }
}
