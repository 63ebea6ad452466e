// What leaves unpaid: a unit that passed to an exit and that no till sold. Known from this edge's own tills, at
// once and offline, and from the ledger's list of what is sold. Where neither is live nothing rings: the passage
// is said to be unverified.

import type { Conclusion, MovedConclusion } from "../../contract/event.ts";
import { serialKey } from "../../contract/gs1/digital-link.ts";
import type { Plan } from "../../contract/plan.ts";
import type { Reading } from "../../contract/reading.ts";
import type { Sold } from "../../contract/sold.ts";
import { isExit } from "../../contract/units.ts";
import type { ExitConfig } from "./exit-config.ts";
import { type Arbiter, type Count, type Output, warning } from "./machine.ts";
import { SoldUnits } from "./sold-units.ts";

/** The arbiter of exits. */
export class ExitGuard implements Arbiter {
  readonly #config: ExitConfig;
  readonly #tillIds: readonly string[];
  readonly #count: Count;
  readonly #sold: SoldUnits;
  readonly #liveTillIds = new Set<string>();
  #exits: ReadonlySet<string> = new Set();
  #listAsOfAtMs = Number.NEGATIVE_INFINITY;

  /** `tillIds`: this edge's scanners that sell. */
  constructor(config: ExitConfig, tillIds: readonly string[], count: Count) {
    this.#config = config;
    this.#tillIds = tillIds;
    this.#count = count;
    this.#sold = new SoldUnits(config, count);
  }

  /** A till that speaks is there. */
  observe(reading: Reading): void {
    if (!this.#tillIds.includes(reading.deviceId)) return;
    const isGone = reading.kind === "device" && reading.state === "offline";
    if (isGone) this.#liveTillIds.delete(reading.deviceId);
    else this.#liveTillIds.add(reading.deviceId);
  }

  review(output: Output): void {
    for (const conclusion of [...output.conclusions]) {
      if (conclusion.type !== "moved") continue;
      if (conclusion.step === "retail_selling") this.#sold.add(conclusion, output);
      else if (conclusion.step === "returning") this.#sold.remove(conclusion, output);
      else if (this.#isExit(conclusion)) this.#leave(conclusion, output);
    }
  }

  restore(stored: ReadonlyMap<string, string>): void {
    this.#sold.restore(stored);
  }

  /** A plan of earlier days may have an exit by another name. */
  setPlan(plan: Plan): void {
    const exits = plan.locations.filter(({ role }) => role === "exit");
    this.#exits = new Set(exits.map(({ location }) => location));
  }

  setSold(sold: Sold): void {
    this.#listAsOfAtMs = sold.asOfAtMs;
    this.#sold.takeList(sold);
  }

  /** The list's times are the ledger's: only our own move. */
  shiftTime(byMs: number): void {
    this.#sold.shiftTime(byMs);
  }

  #isExit({ to }: MovedConclusion): boolean {
    return to !== undefined && (isExit(to.location) || this.#exits.has(to.location));
  }

  #leave(moved: MovedConclusion, output: Output): void {
    const { item, occurredAtMs, deviceId } = moved;
    if (item.gtin === undefined) {
      this.#count("exits_of_foreign_tags");
      return;
    }
    if (this.#sold.isSold(moved, output)) {
      this.#count("exits_paid");
      return;
    }
    const { gtin, serial } = item;
    const detail = {
      ...(serial === undefined ? { gtin } : { gtin, serial, key: serialKey(gtin, serial) }),
      to: moved.to?.location ?? "",
      ...(moved.from === undefined ? {} : { from: moved.from.location }),
    };
    if (!this.#isFeedLive(occurredAtMs)) {
      const notice = warning(deviceId, "exit_unverified", occurredAtMs, detail);
      output.conclusions.push({ ...notice, severity: "info" });
      return;
    }
    const notice: Conclusion = warning(deviceId, "exit_unpaid", occurredAtMs, detail);
    output.conclusions.push({ ...notice, severity: "alarm" });
    output.signals.push(...this.#config.alarms);
  }

  #isFeedLive(atMs: number): boolean {
    const isListNew = atMs - this.#listAsOfAtMs <= this.#config.listAgeMsMax;
    return isListNew || (this.#liveTillIds.size > 0 && !this.#config.hasOtherTills);
  }
}
