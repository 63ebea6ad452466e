// Whether the daemon works by the configuration file that is looked at, or by one that a command sent.

import { errorMessageOf } from "../../contract/errors.ts";
import { type AppliedConfig, AppliedConfigFile, configDigestOf } from "../applied-config.ts";
import { readText } from "../config.ts";
import { type Finding, ok, warn } from "./finding.ts";

/** Looks at what is kept beside the buffer. */
export async function checkAppliedConfig(file: string, dataDir: string): Promise<Finding> {
  const check = "configuration";
  const kept = new AppliedConfigFile(dataDir);
  let applied: AppliedConfig | undefined;
  try {
    applied = await kept.read();
  } catch (error) {
    const text = `what was sent cannot be read, and the daemon works by this file: ${errorMessageOf(error)}`;
    return warn(check, text, `rm ${kept.path}`);
  }
  if (applied === undefined) return ok(check, "the daemon works by this file");
  if (applied.givenDigest !== configDigestOf(await readText(file))) {
    return ok(check, "edited since another one was sent: it goes first, from the next start on");
  }
  const { reason = "", digest } = applied.returned ?? {};
  if (applied.trial === undefined && applied.good?.digest === digest && digest !== undefined) {
    const text = `one that was sent and did well cannot be used, and the daemon works by this file: ${reason}`;
    return warn(check, text, "mend that and restart: the one sent runs again then");
  }
  const sent = applied.trial?.sent ?? applied.good;
  if (sent !== undefined) {
    const where = `${kept.path}, ${applied.trial === undefined ? "good" : "trial"}`;
    const text = `the daemon works by another one that was sent (apply-config; ${where}): what follows is of this file`;
    return warn(check, text, "to have this file back, edit it and restart: it goes first then");
  }
  return ok(check, `the daemon works by this file; one that was sent was left: ${reason}`);
}
