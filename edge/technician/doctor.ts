// `gondola-edge doctor`: everything that usually keeps an edge from working, each with its remedy.

import type { Clock } from "../../drivers/clock.ts";
import { portWarning } from "../../drivers/transport/port.ts";
import type { EdgeConfig } from "../config.ts";
import { checkBroker } from "./doctor-broker.ts";
import { checkCommandKey } from "./doctor-commands.ts";
import { checkAppliedConfig } from "./doctor-config.ts";
import { checkClock, checkDisk, checkOutbox } from "./doctor-host.ts";
import { checkPlan } from "./doctor-plan.ts";
import { checkPort } from "./doctor-port.ts";
import { type Finding, ok, warn } from "./finding.ts";

/** Runs all checks of a configuration that was read; a finding is told as soon as it is known. */
export async function examine(
  config: EdgeConfig,
  parts: {
    /** The configuration's. */
    readonly file: string;
    readonly clock: Clock;
    /** `/` but in tests. */
    readonly root: string;
    readonly onFinding: (finding: Finding) => void;
    readonly onProgress: (text: string) => void;
  },
): Promise<void> {
  const { file, clock, root, onFinding, onProgress } = parts;
  onFinding(ok("configuration", `${config.devices.length} devices, every setting is known`));
  onFinding(await checkAppliedConfig(file, config.dataDir));
  onFinding(await checkClock(clock.nowMs(), root));
  for (const finding of await checkDisk(config)) onFinding(finding);
  onFinding(await checkOutbox(config.dataDir, clock.nowMs()));
  for (const finding of await checkPlan(config)) onFinding(finding);
  onFinding(await checkCommandKey(config));
  const findings = await checkBroker(config, () => clock.nowMs(), onProgress);
  for (const finding of findings) onFinding(finding);
  for (const { id, port } of config.devices) {
    // A reader that takes one connection would drop the daemon's for ours.
    const isServed = findings.some(
      ({ check, level }) => check === `device ${id}` && level === "ok",
    );
    if (!("path" in port) && isServed) onFinding(ok(`port ${id}`, "the daemon is connected"));
    else for (const finding of await checkPort(id, port, root)) onFinding(finding);
    const text = portWarning(port);
    if (text !== undefined) onFinding(warn(`port ${id}`, text, "gondola-edge devices"));
  }
}
