// What can be wrong with a good request, made of the request itself.

import { catalogued, type GoodRequest, gtin } from "./good-requests.ts";

/** A request that is wrong in one way. */
export interface Breakage {
  readonly name: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Who sends it, where it is not somebody who may. */
  readonly isForeign?: true;
  /** What may be answered. */
  readonly status: readonly number[];
  /** What the problem names: a parameter of `errors`; undefined: nothing of the request is wrong in itself. */
  readonly parameter?: string | undefined;
}

type Key = string | number;
interface Leaf {
  readonly path: readonly Key[];
  readonly value: unknown;
}

/** Every value of a body that holds no other. */
export function leavesOf(value: unknown, path: readonly Key[] = []): Leaf[] {
  if (typeof value !== "object" || value === null) return [{ path, value }];
  const entries: [Key, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  return entries.flatMap(([key, each]) => leavesOf(each, [...path, key]));
}

/** The body with another value at a place. */
export function withAt(body: unknown, [key, ...rest]: readonly Key[], value: unknown): unknown {
  if (key === undefined) return value;
  const copy: unknown = Array.isArray(body) ? [...body] : { ...(body as object) };
  const inside = (copy as Record<Key, unknown>)[key];
  (copy as Record<Key, unknown>)[key] = withAt(inside, rest, value);
  return copy;
}

/** Where a body has objects: itself, and the first of each list. */
function objectsOf(value: unknown, path: readonly Key[] = []): (readonly Key[])[] {
  if (Array.isArray(value)) return value.slice(0, 1).flatMap((one) => objectsOf(one, [...path, 0]));
  if (typeof value !== "object" || value === null) return [];
  const inside = Object.entries(value).filter(([, each]) => Array.isArray(each));
  return [path, ...inside.flatMap(([key, each]) => objectsOf(each, [...path, key]))];
}

const wrongGtin = (text: string) =>
  text
    .replaceAll(gtin, `${gtin.slice(0, -1)}9`)
    .replaceAll(catalogued, `${catalogued.slice(0, -1)}9`);
const nobody = "s9";
const isStore = (value: unknown) => value === "s1" || value === "s2";
const fractional = ["unitWeightGrams"];
const fixed = ["schemaVersion"];

/** All that can be wrong with a request to a route with these headers. */
export function breakagesOf(good: GoodRequest, headerNames: readonly string[]): Breakage[] {
  const { path, body } = good;
  const headers = { "content-type": "application/json", ...good.headers };
  const plain = body === undefined ? { ...good.headers } : headers;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const of = (name: string, change: Partial<Breakage>): Breakage => {
    return { name, path, headers: plain, body: text, status: [400], ...change };
  };
  // Queries with a name belong to who may see the same stores: another has its own.
  const isForAll = path === "/v1/epcis/queries";
  const foreign = of("a token of another store", { isForeign: true, status: [403, 404] });
  const found: Breakage[] = isForAll ? [] : [foreign];
  if (wrongGtin(path) !== path) {
    found.push(of("a wrong GTIN in the path", { path: wrongGtin(path), parameter: "gtin" }));
  }
  if (path.includes("/stores/")) {
    const elsewhere = path.replace(/\/stores\/[^/]+/, `/stores/${nobody}`);
    const inBody = text?.replaceAll('"s1', `"${nobody}`);
    const change = { path: elsewhere, body: inBody, status: [404], parameter: "store" };
    found.push(of("a store that nobody knows", change));
  }
  if (headerNames.includes("If-Match")) {
    const stale = { ...plain, "if-match": '"99"' };
    const { "if-match": _, ...none } = plain as Record<string, string>;
    found.push(of("a stale version", { headers: stale, status: [412], parameter: "If-Match" }));
    found.push(of("no version", { headers: none, status: [428], parameter: "If-Match" }));
  }
  if (headerNames.includes("Idempotency-Key")) {
    const { "idempotency-key": _, ...none } = headers as Record<string, string>;
    found.push(of("no key", { headers: none, parameter: "Idempotency-Key" }));
  }
  return body === undefined ? found : [...found, ...wrongBodies(body, of)];
}

function wrongBodies(
  body: object,
  of: (name: string, change: Partial<Breakage>) => Breakage,
): Breakage[] {
  const text = JSON.stringify(body);
  const changed = (path: readonly Key[], value: unknown) => ({
    body: JSON.stringify(withAt(body, path, value)),
    parameter: path.join("."),
  });
  const leaves = leavesOf(body);
  const ofType = (type: string) => ({ headers: { ...of("", {}).headers, "content-type": type } });
  const large = JSON.stringify({ ...body, padding: "x".repeat(10 * 1024 * 1024) });
  const wrong = [
    of("broken JSON", { body: text.slice(0, -1), parameter: "(body)" }),
    of("no JSON at all", { body: "[", parameter: "(body)" }),
    of("10 MB", { body: large, status: [400, 413] }),
    of("a list", { body: "[]", parameter: "(request)" }),
  ];
  const types = ["text/plain", "application/x-www-form-urlencoded", "image/png"];
  if (of("", {}).path !== "/v1/catalogue") types.push("text/csv");
  for (const type of types) {
    wrong.push(of(type, { ...ofType(type), status: [415], parameter: "Content-Type" }));
  }
  // Fields of an EPCIS document beside the standard's are left to the sender.
  const isDocument = text.includes("EPCISDocument");
  for (const path of isDocument ? [] : objectsOf(body)) {
    wrong.push(of("an unknown field", changed([...path, "colour"], "red")));
  }
  for (const { path, value } of leaves) {
    const name = path.join(".");
    if (typeof value === "string" && wrongGtin(value) !== value) {
      wrong.push(of(`${name}: a wrong GTIN`, changed(path, wrongGtin(value))));
    }
    if (isStore(value) && name !== "storeId") {
      wrong.push(of(`${name}: no store`, { ...changed(path, nobody), status: [404] }));
    }
    if (typeof value !== "number" || fixed.includes(name)) continue;
    const huge = name.endsWith("quantity") ? [1e12, 1e300] : [1e300];
    const parts = fractional.includes(name) ? [] : [0.5];
    for (const number of [-1, ...huge, ...parts, "1"]) {
      wrong.push(of(`${name}: ${number}`, changed(path, number)));
    }
  }
  return wrong;
}
