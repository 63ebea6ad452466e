// Whether commands must be signed here, and whether the key for that can be used.

import { errorMessageOf } from "../../contract/errors.ts";
import { commandKeyIdOf } from "../../contract/signed-command.ts";
import { readCommandKey } from "../command-gate.ts";
import type { EdgeConfig } from "../config.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

/** Looks at the command key. */
export async function checkCommandKey(
  config: Pick<EdgeConfig, "broker" | "commandKeyFile">,
): Promise<Finding> {
  const check = "command key";
  try {
    const key = await readCommandKey(config);
    if (key !== undefined) return ok(check, `commands are signed (key ${commandKeyIdOf(key)})`);
    const text = "none: whoever may publish to this edge's command topic commands it";
    return warn(check, text, "set commandKeyFile (gondola-bridge command-key)");
  } catch (error) {
    const remedy = "until it can be read, no command that changes something is carried out";
    return fail(check, errorMessageOf(error), remedy);
  }
}
