// Places as EPCIS names them, and as the ledger does. A place that a store's GLN stands for is configured; any other is
// `urn:gondola:location:` with the names of its path.

import { canonicalKeyLink } from "../../contract/gs1/epc-urn.ts";
import { locationSchema } from "../../contract/units.ts";

const ownStem = "urn:gondola:location:";

/** URIs of places and their locations. */
export class Places {
  readonly #locationOf = new Map<string, string>();
  readonly #uriOf = new Map<string, string>();

  /** `locations`: by URI (`https://id.gs1.org/414/{gln}`, or the URN of an SGLN), the location it stands for. */
  constructor(locations: Readonly<Record<string, string>> = {}) {
    for (const [uri, location] of Object.entries(locations)) {
      const canonical = canonicalUri(uri);
      this.#locationOf.set(canonical, location);
      if (!this.#uriOf.has(location)) this.#uriOf.set(location, canonical);
    }
  }

  uriOf(location: string): string {
    return this.#uriOf.get(location) ?? ownStem + location.replaceAll("/", ":");
  }

  /** Undefined for a place of others. */
  locationOf(uri: string): string | undefined {
    const known = this.#locationOf.get(canonicalUri(uri));
    if (known !== undefined || !uri.startsWith(ownStem)) return known;
    const location = uri.slice(ownStem.length).replaceAll(":", "/");
    return locationSchema.safeParse(location).success ? location : undefined;
  }
}

/** The one way to write a URI of a GS1 key; any other as it is. */
export function canonicalUri(uri: string): string {
  if (!/^(urn:epc:|https?:|HTTPS?:)/.test(uri)) return uri;
  const link = canonicalKeyLink(uri);
  return link.ok ? link.uri : uri;
}
