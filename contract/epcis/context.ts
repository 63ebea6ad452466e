// The `@context` of an EPCIS document, as far as names need it: the prefixes it declares. Nothing is fetched.

import { type Namespaces, standardNamespaces } from "./canonical-value.ts";

/** The prefixes of a context over those that already hold; what is no declaration of a prefix is passed over. */
export function contextOf(context: unknown, known: Namespaces = standardNamespaces): Namespaces {
  const parts: readonly unknown[] = Array.isArray(context) ? context : [context];
  const declared = parts
    .filter((part) => typeof part === "object" && part !== null)
    .flatMap((part) => Object.entries(part as object))
    .filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return declared.length === 0 ? known : { ...known, ...Object.fromEntries(declared) };
}

/** A name as the event hash writes it, `{namespace}name`; one without a known prefix as it is. */
export function localNameOf(name: string, namespaces: Namespaces): string {
  const [, prefix = "", local = ""] = /^([^:/]+):([^/].*)$/.exec(name) ?? [];
  if (Object.hasOwn(namespaces, prefix)) return `{${namespaces[prefix]}}${local}`;
  const [, stem, last] = /^(https?:\/\/.*[/#])([^/#]+)$/.exec(name) ?? [];
  return last === undefined ? name : `{${stem}}${last}`;
}
