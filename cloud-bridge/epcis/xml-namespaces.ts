// Prefixes for the namespaces of an XML document, as the `@context` of JSON has them: one prefix for one namespace,
// even where the document uses a prefix twice or a namespace as its default.

import { standardNamespaces } from "../../contract/epcis/canonical-value.ts";
import type { XmlName } from "./xml-tree.ts";

type Named = Pick<XmlName, "name" | "namespace" | "prefix">;

/** The prefixes that were needed so far. */
export class NamespaceBook {
  readonly #prefixOf = new Map<string, string>();
  readonly #shared: NamespaceBook | undefined;

  /** With `shared`, prefixes are agreed on there, and noted here too. */
  constructor(shared?: NamespaceBook) {
    this.#shared = shared;
  }

  /** Whether no name needed a prefix that the standard's context does not declare. */
  get isEmpty(): boolean {
    return this.#prefixOf.size === 0;
  }

  get context(): Record<string, string> {
    return Object.fromEntries(
      [...this.#prefixOf].map(([namespace, prefix]) => [prefix, namespace]),
    );
  }

  /** `prefix:name` for a name with a namespace. */
  nameOf({ name, namespace, prefix }: Named): string {
    return namespace === "" ? name : `${this.#prefixFor(namespace, prefix)}:${name}`;
  }

  #prefixFor(namespace: string, wanted: string): string {
    const known = this.#prefixOf.get(namespace);
    if (known !== undefined) return known;
    const shared = this.#shared;
    const prefix =
      shared === undefined
        ? this.#freePrefix(namespace, wanted)
        : shared.#prefixFor(namespace, wanted);
    if (standardNamespaces[prefix] !== namespace) this.#prefixOf.set(namespace, prefix);
    return prefix;
  }

  #freePrefix(namespace: string, wanted: string): string {
    const taken = { ...standardNamespaces, ...this.context };
    const base = wanted === "" ? "ns" : wanted;
    let prefix = base;
    for (let count = 2; Object.hasOwn(taken, prefix) && taken[prefix] !== namespace; count += 1) {
      prefix = `${base}${count}`;
    }
    return prefix;
  }
}
