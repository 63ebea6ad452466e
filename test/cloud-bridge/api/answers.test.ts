// The API's description is true: it is a valid OpenAPI document, its examples are taken, and every good answer of every
// route is as it says, of a real bridge after a day's work.

import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { beforeAll, expect, test, vi } from "vitest";
import { newToken } from "../../../cloud-bridge/api/tokens.ts";
import type { TestBridge } from "../bridge.ts";
import { refuseRows } from "../ledger/edge-fixture.ts";
import { received, TestOutbox } from "../test-outbox.ts";
import { withBridge, withTokens } from "../with-bridge.ts";
import { goodReads, type Made, plainRead } from "./good-reads.ts";
import { type GoodRequest, goodRequests, gtin, type World } from "./good-requests.ts";
import { makeWorld } from "./good-world.ts";

interface Media {
  readonly schema?: object;
  readonly example?: object;
}
interface Body {
  readonly content?: Readonly<Record<string, Media>>;
}
interface Operation {
  readonly parameters?: readonly { readonly name: string }[];
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Body>>;
}
interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
  readonly location: string | null;
}

const tokens = {
  ada: newToken({ name: "ada", role: "network-director", stores: "all" }),
  bob: newToken({ name: "bob", role: "associate", stores: "all" }),
  eve: newToken({ name: "eve", role: "regional-lead", stores: "all" }),
};
const refusedQuantity = 13;
const store = "/v1/stores/s1";
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
let bridge: TestBridge;
let world: World;
let repostable = "";
let ledgerFile = "";
let document: object = {};
const validators = new Map<string, ValidateFunction>();
const operations = new Map<string, Operation>();

withBridge(
  async ({ bridge: opened, edge }) => {
    bridge = opened;
    world = await makeWorld(edge, { ask, make });
    const allow = await refuseRows(ledgerFile, "entries", `NEW.quantity = ${refusedQuantity}`);
    const outbox = new TestOutbox("s1", "e1", "bbbbbbbb-0002");
    await outbox.send(edge, received("s1", gtin, refusedQuantity));
    await allow();
    repostable = `s1/e1/${outbox.outboxId}/1`;
    const lot = { lot: "L1", expiry: "2026-12-31" };
    const unit = { ...received("s1", gtin), item: { gtin, serial: "A1", ...lot } };
    const oversold = { ...unit, item: { gtin: other }, step: "retail_selling", to: undefined };
    const unknown = { ...unit, item: { epc: "E2801160600002054CC2096F" }, step: "first_seen" };
    await outbox.send(edge, unit, unknown, oversold, noticed);
    document = (await ask("GET", "/openapi.json")).body as object;
    const { paths } = document as { paths: Record<string, Record<string, Operation>> };
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        operations.set(`${method.toUpperCase()} ${path}`, operation);
      }
    }
  },
  async (folder) => {
    ledgerFile = join(folder, "ledger.db");
    const keyFile = join(folder, "trace.key");
    const { privateKey } = generateKeyPairSync("ed25519");
    await writeFile(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }));
    const asked = await withTokens(Object.values(tokens).map(({ token }) => token))(folder);
    const locations = { "https://id.gs1.org/414/9506000134369": "s1/stockroom" };
    const webhooks = { allowedNetworks: ["127.0.0.0/8"], retryDelayMsMin: 10, retryDelayMsMax: 20 };
    const quick = { ...webhooks, attemptCountMax: 1 };
    return { ...asked, trace: { keyFile }, epcis: { locations }, webhooks: quick };
  },
);

const other = "09521321001022";
const noticed = {
  ...{ type: "noticed", occurredAtMs: Date.now(), deviceId: "dock-1", code: "sensing_gap" },
  ...{ severity: "warning", detail: { fromAtMs: 1, toAtMs: 2, deviceIds: ["dock-1"] } },
  ...{ bootId: "0f0f0f0f0f0f", uptimeMs: 1000, clockSynced: true },
};

async function ask(method: string, path: string, request: Partial<GoodRequest> = {}) {
  const { body, headers = {} } = request;
  const { by = "ada" } = (body ?? {}) as { by?: keyof typeof tokens };
  const authorization = `Bearer ${tokens[by].secret}`;
  const typed = body === undefined ? headers : { ...headers, "content-type": "application/json" };
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}${path}`, {
    ...{ method, headers: { ...typed, authorization } },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const type = (response.headers.get("content-type") ?? "").split(";")[0] ?? "";
  const isJson = type.endsWith("json") && text !== "";
  const location = response.headers.get("location");
  return { status: response.status, type, location, body: isJson ? JSON.parse(text) : text };
}

async function make(method: string, request: GoodRequest): Promise<Record<string, string>> {
  const answer = await ask(method, request.path, request);
  expect(answer.status, `${request.path}: ${JSON.stringify(answer.body)}`).toBeLessThan(300);
  return answer.body as Record<string, string>;
}

/** Examples tell of a time; sent, they tell of now. */
function ofNow(example: unknown): unknown {
  if (example === undefined) return undefined;
  return JSON.parse(JSON.stringify(example), (name, value) => {
    if (name === "expiresAtMs" || name === "untilMs") return Date.now() + 600_000;
    if (/AtMs$/.test(name)) return Date.now();
    return name === "eventTime" ? new Date().toISOString() : value;
  });
}

/** What an answer has that its description does not say, or lacks of what it says. */
function faultsOf(key: string, answer: Answer): string[] {
  const described = operations.get(key)!.responses[answer.status];
  const told = `${key} ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`;
  if (described === undefined) return [`${told}: is not described`];
  if (described.content === undefined) return answer.body === "" ? [] : [`${told}: has a body`];
  const { schema } = described.content[answer.type] ?? {};
  if (schema === undefined) return [`${told}: ${answer.type} is not described`];
  const name = JSON.stringify(schema);
  const isValid = validators.get(name) ?? ajv.compile(schema);
  validators.set(name, isValid);
  if (isValid(answer.body)) return [];
  return [`${told}: ${ajv.errorsText(isValid.errors)}`];
}

const exampleOf = (key: string) =>
  Object.values(operations.get(key)?.requestBody?.content ?? {})[0]?.example;

/** Steps that go before an example, where a good request alone is not taken, and what names them. */
const prepared: Readonly<Record<string, () => Promise<Partial<GoodRequest>>>> = {
  "POST /v1/quarantine/repost": async () => ({ body: { id: repostable } }),
  "PUT /v1/catalogue/{gtin}": async () => ({ headers: { "if-match": "*" } }),
  "DELETE /v1/catalogue/{gtin}": async () => ({ headers: { "if-match": "*" } }),
  "POST /v1/stores/{store}/counts/{id}/recount": () => counted("recount", ["ada"], true),
  "POST /v1/stores/{store}/counts/{id}/approve": async () => {
    const items = [{ gtin, priceMinor: 499 }];
    await make("PUT", { path: `${store}/count-items`, body: { items } });
    return counted("approve", ["ada", "bob"]);
  },
  "POST /v1/stores/{store}/counts/{id}/post": () => counted("post", ["ada"], true),
  "POST /v1/stores/{store}/returns/{id}/dispose": async () => {
    const { path } = await goodRequests["POST /v1/stores/{store}/returns/{id}/inspect"]!(world);
    await make("POST", { path, body: { grade: "A", by: "ada" } });
    return { path: path.replace("inspect", "dispose") };
  },
};

/** A count to which people came with the same number, which is what the book says or far from it. */
async function counted(step: string, people: readonly string[], isRight = false) {
  const { path } = await goodRequests["POST /v1/stores/{store}/counts/{id}/lines"]!(world);
  const { items } = (await ask("GET", `/v1/stock?store=s1&gtin=${gtin}`)).body as {
    items: { balances: { location: string; state: string; quantity: number }[] }[];
  };
  const account = items[0]!.balances.find((one) => {
    return one.location === "s1/stockroom" && one.state === "sellable";
  });
  const quantity = isRight ? account!.quantity : 1;
  for (const by of people) {
    const line = { gtin, location: "s1/stockroom", quantity, observedAtMs: Date.now() };
    await make("POST", { path, body: { by, lines: [line] } });
    if (by === "ada") await make("POST", { path: path.replace("lines", "submit"), body: { by } });
  }
  return { path: path.replace("lines", step) };
}

const faults = new Map<string, string[]>();
let made: Made;

beforeAll(async () => {
  const last: Record<string, string> = {};
  // Products are taken out when everything else is done.
  const keys = Object.keys(goodRequests).sort(
    (a, b) => Number(/^DELETE/.test(a)) - Number(/^DELETE/.test(b)),
  );
  for (const key of keys) {
    const [method = "", path = ""] = key.split(" ");
    const example = exampleOf(key);
    const own = await prepared[key]?.();
    const request = { ...(await goodRequests[key]!(world)), ...own };
    const body = own?.body ?? ofNow(example);
    const answer = await ask(method, request.path, { ...request, body: body as object });
    const refused = `${key}: ${answer.status} ${JSON.stringify(answer.body)}`;
    faults.set(key, answer.status < 300 ? faultsOf(key, answer) : [refused]);
    if (path.endsWith("capture")) last["captureId"] = answer.location?.split("/").at(-1) ?? "";
    for (const [name, value] of Object.entries(answer.body as object)) {
      if (method === "POST" && typeof value === "string") last[`${path} ${name}`] = value;
    }
  }
  await make("POST", { path: "/v1/catalogue", body: { products: [{ gtin, name: "Coffee" }] } });
  const { body } = await ask("GET", "/v1/epcis/events?perPage=1");
  made = {
    claimId: last["/v1/claims claimId"]!,
    countId: last["/v1/stores/{store}/counts/{id}/approve countId"]!,
    returnId: last["/v1/stores/{store}/returns/{id}/dispose returnId"]!,
    webhookId: await givenUp(),
    ...{ delivery: "D-1001", transfer: "T-1001", captureId: last["captureId"]! },
    eventId: body.epcisBody.queryResults.resultsBody.eventList[0].eventID,
  };
}, 60_000);

/** A webhook that nobody answers, after two of its deliveries were given up. */
async function givenUp(): Promise<string> {
  const hook = { url: "http://127.0.0.1:1/", kinds: ["entries", "stock"], from: "first" };
  const { webhookId } = await make("POST", { path: "/v1/webhooks", body: hook });
  const count = async () => {
    const { body } = await ask("GET", `/v1/webhooks/${webhookId}/dead`);
    return (body as { items: unknown[] }).items.length;
  };
  await vi.waitUntil(async () => (await count()) > 1, { timeout: 20_000 });
  return webhookId!;
}

test("it is valid by the schema of OpenAPI 3.1", async () => {
  const validator = new Validator();
  expect(await validator.validate(document as never)).toEqual({ valid: true });
  expect(validator.version).toBe("3.1");
});

test("every route that takes a body has an example", () => {
  const lacking = [...operations].filter(([key, { requestBody }]) => {
    return requestBody !== undefined && exampleOf(key) === undefined;
  });
  expect(lacking.map(([key]) => key)).toEqual([]);
});

/** Places whose content is somebody else's: details of an event, extensions of EPCIS. */
const isForeign = (place: string) =>
  /\.(detail|ilmd|@context|extension)$/.test(place) || /epcis|\.events\[\]/.test(place);

/** Where a schema says nothing of an object, or of the members of a list. */
function openPlaces(schema: Record<string, unknown>, place: string): string[] {
  if (isForeign(place)) return [];
  const { type, properties, items, additionalProperties, anyOf, oneOf } = schema as {
    type?: string;
    properties?: Record<string, Record<string, unknown>>;
    items?: Record<string, unknown>;
    additionalProperties?: Record<string, unknown> | boolean;
    anyOf?: Record<string, unknown>[];
    oneOf?: Record<string, unknown>[];
  };
  const either = anyOf ?? oneOf;
  if (either !== undefined) return either.flatMap((one) => openPlaces(one, place));
  if (type === "array") return openPlaces(items ?? {}, `${place}[]`);
  if (type !== "object") return type === undefined && schema["enum"] === undefined ? [place] : [];
  const inside = Object.entries(properties ?? {});
  if (inside.length === 0 && typeof additionalProperties !== "object") return [place];
  return inside.flatMap(([name, one]) => openPlaces(one, `${place}.${name}`));
}

test("no answer is any object", () => {
  const open = [...operations].flatMap(([key, { responses }]) =>
    Object.entries(responses)
      .filter(([status]) => /^2/.test(status))
      .flatMap(([status, { content = {} }]) =>
        Object.values(content).flatMap(({ schema }) =>
          openPlaces((schema ?? {}) as Record<string, unknown>, `${key} ${status}`),
        ),
      ),
  );
  expect(open).toEqual([]);
});

test.each(Object.keys(goodRequests))("%s takes its example, and answers as it says", (key) => {
  expect(faults.get(key)).toEqual([]);
});

/** Lists that a day's work leaves empty: nothing is overdue, or short on the floor. */
const mayBeEmpty = new Set(["/v1/stores/{store}/count-plan/due", "/v1/stores/{store}/refill"]);

test("every route that reads finds something, and answers as it says", async () => {
  const reads = [...operations.keys()].filter((key) => key.startsWith("GET "));
  const found: string[] = [];
  for (const key of reads) {
    const path = key.slice("GET ".length);
    // A stream does not end; its entries are the schema of `/v1/entries`.
    if (path.endsWith("/feed")) continue;
    const answer = await ask("GET", goodReads(made)[path] ?? plainRead(path));
    if (answer.status !== 200)
      found.push(`${key}: ${answer.status} ${JSON.stringify(answer.body)}`);
    else found.push(...faultsOf(key, answer));
    const { items } = answer.body as { items?: unknown[] };
    if (items?.length === 0 && !mayBeEmpty.has(path)) found.push(`${key}: is empty`);
  }
  expect(reads.length).toBeGreaterThan(50);
  expect(found).toEqual([]);
}, 30_000);

/** What a page of a list, of a count or of a life holds. */
function held({ body }: Answer) {
  const { items, lines, entries, stores, next } = body as Record<string, unknown[]> & {
    readonly next?: string;
  };
  const lives = (
    stores as { entries?: unknown[]; proofs?: { entry: unknown }[] }[] | undefined
  )?.flatMap((life) => life.entries ?? life.proofs?.map(({ entry }) => entry) ?? []);
  const all = items ?? lines ?? entries ?? lives ?? [];
  // How long ago somebody was heard is not the same a moment later.
  const texts = all.map((one) =>
    JSON.stringify(one, (name, value) => (/^(lastSeenAt|sinceAck)/.test(name) ? 0 : value)),
  );
  return { texts, next };
}

test("every list goes on by its cursor, from one item to the next, to its end", async () => {
  const paged = [...operations].filter(([key, { parameters = [] }]) => {
    return key.startsWith("GET ") && parameters.some(({ name }) => name === "cursor");
  });
  const found: string[] = [];
  for (const [key] of paged) {
    const path = goodReads(made)[key.slice(4)] ?? plainRead(key.slice(4));
    const limited = (limit: number) => `${path}${path.includes("?") ? "&" : "?"}limit=${limit}`;
    const whole = held(await ask("GET", limited(1000))).texts;
    const texts: string[] = [];
    let cursor = "";
    do {
      const page = held(await ask("GET", `${limited(1)}${cursor}`));
      if (page.texts.length > 1) found.push(`${key}: a page of ${page.texts.length}`);
      texts.push(...page.texts);
      cursor = page.next === undefined ? "" : `&cursor=${encodeURIComponent(page.next)}`;
    } while (cursor !== "" && texts.length <= whole.length);
    if (whole.length === 0) found.push(`${key}: is empty`);
    if (texts.sort().join() !== whole.sort().join())
      found.push(`${key}: ${texts.length} of ${whole.length}`);
  }
  expect(paged.length).toBeGreaterThan(15);
  expect(found).toEqual([]);
}, 30_000);

test("what is not as it was described would be found", async () => {
  const answer = await ask("GET", `${store}/alerts?state=all`);
  const { items } = answer.body as { items: Record<string, unknown>[] };
  const key = "GET /v1/stores/{store}/alerts";
  expect(faultsOf(key, answer)).toEqual([]);
  const [first, ...rest] = items;
  const more = { ...answer, body: { items: [{ ...first, colour: "red" }, ...rest] } };
  expect(faultsOf(key, more)).toEqual([expect.stringContaining("additional properties")]);
  const { alertId: _, ...lacking } = first!;
  const less = { ...answer, body: { items: [lacking] } };
  expect(faultsOf(key, less)).toEqual([expect.stringContaining("required property 'alertId'")]);
});
