// Who counts: with tokens the token's holder and role, so that one person cannot be two; without, what the body says.

import { z } from "zod";
import { shortTextSchema } from "../../contract/units.ts";
import { type CountRole, countRoles } from "../ledger/counting/count-policy.ts";
import type { Actor } from "./actor.ts";
import { ProblemError } from "./problem.ts";

/** In the body of whatever a person does in a count. */
export const counterFields = {
  by: shortTextSchema.optional(),
  role: z.enum(countRoles, { error: `must be one of ${countRoles.join(", ")}` }).optional(),
};

/** The name and the role that count; a problem for a body that names somebody else than the token does. */
export function counterOf(
  actor: Actor,
  { by, role }: { readonly by?: string | undefined; readonly role?: CountRole | undefined },
): { readonly by: string; readonly role: CountRole } {
  const name = actor.nameOr(by);
  if (actor.role === undefined) return { by: name, role: role ?? "associate" };
  const own = actor.role.replaceAll("-", "_") as CountRole;
  refuseOther("by", by, name);
  refuseOther("role", role, own);
  return { by: name, role: own };
}

function refuseOther(parameter: string, said: string | undefined, own: string): void {
  if (said === undefined || said === own) return;
  const message = `is ${own} by the token: leave it out, or send the other's token`;
  throw new ProblemError("forbidden", `${parameter}: ${message}`, {
    errors: [{ parameter, message }],
  });
}
