// Versions over HTTP: an ETag, and that a change names the version that it replaces.

import type { FastifyRequest } from "fastify";
import { ProblemError } from "./problem.ts";
import { namesTag } from "./route.ts";

/** The ETag of a version. */
export function versionTag(version: number): string {
  return `"${version}"`;
}

/**
 * A problem where `If-Match` does not name the version that is there, or is missing; undefined: nothing is there, and the
 * header neither. `what` is the thing in words, `owner` who has none.
 */
export function requireMatch(
  { headers }: Pick<FastifyRequest, "headers">,
  version: number | undefined,
  { what, owner }: { readonly what: string; readonly owner: string },
): void {
  const header = headers["if-match"];
  if (version === undefined && header === undefined) return;
  if (header === undefined) {
    const detail = `If-Match: must be the ETag of the ${what} that is replaced`;
    throw new ProblemError("condition_missing", detail, {
      errors: [{ parameter: "If-Match", message: "must be given" }],
    });
  }
  if (version !== undefined && namesTag(header, versionTag(version))) return;
  const message =
    version === undefined ? `${owner} has no ${what}` : `the ${what} is now ${versionTag(version)}`;
  throw new ProblemError("version_stale", `If-Match: ${message}`, {
    errors: [{ parameter: "If-Match", message }],
  });
}
