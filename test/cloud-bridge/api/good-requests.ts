// For each route that changes something one request that is taken, and what it is about made before.

/** A request; `other` is another body that is as good, for routes with an idempotency key. */
export interface GoodRequest {
  readonly path: string;
  readonly body?: object;
  readonly other?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Answers that say that it was read and understood, where it is not taken. */
  readonly isRefusedLater?: true;
}

/** Sends a request and gives what was answered, which has to be good. */
export type Make = (method: string, request: GoodRequest) => Promise<Record<string, string>>;
/** What every chain of this test has. */
export interface World {
  readonly make: Make;
  readonly alertId: string;
  readonly quarantineId: string;
}

export const gtin = "09506000134352";
export const namedTag = "E2801160600002054CC20970";
export const catalogued = "09521321001015";
const store = "/v1/stores/s1";
const lines = [{ gtin, quantity: 1 }];
const later = { isRefusedLater: true } as const;
let number = 0;
function nextNumber(): number {
  number += 1;
  return number;
}
const unique = (name: string) => `${name}-${nextNumber()}`;

async function claim({ make }: World, ...steps: string[]): Promise<string> {
  const { claimId } = await make("POST", order());
  const path = `/v1/claims/${claimId}`;
  for (const step of steps) await make("POST", { path: `${path}/${step}`, body: {} });
  return path;
}

function order(): GoodRequest {
  const body = { store: "s1", owner: "ada", expiresAtMs: Date.now() + 600_000, lines };
  const headers = { "idempotency-key": unique("claim") };
  return { path: "/v1/claims", body, other: { ...body, owner: "eve" }, headers };
}

const line = { gtin, location: "s1/stockroom" };
const seen = () => ({ lines: [{ ...line, quantity: 5, observedAtMs: Date.now() }] });

function opening(): GoodRequest {
  const body = { kind: "cycle", location: "s1/stockroom", lines: [line] };
  const headers = { "idempotency-key": unique("count") };
  return { path: `${store}/counts`, body, other: { ...body, state: "damaged" }, headers };
}

async function count({ make }: World, isSubmitted = false): Promise<string> {
  const { countId } = await make("POST", opening());
  const path = `${store}/counts/${countId}`;
  if (!isSubmitted) return path;
  await make("POST", { path: `${path}/lines`, body: seen() });
  await make("POST", { path: `${path}/submit`, body: {} });
  return path;
}

function takenBack(): GoodRequest {
  const body = { gtin, location: "s1/stockroom" };
  const headers = { "idempotency-key": unique("return") };
  return { path: `${store}/returns`, body, other: { ...body, gtin: catalogued }, headers };
}

async function returned({ make }: World): Promise<string> {
  return `${store}/returns/${(await make("POST", takenBack()))["returnId"]}`;
}

const delivery = () => ({ id: unique("D"), from: "Maker", lines });
const transfer = () => ({ id: unique("T"), to: "s2", lines });

async function announced({ make }: World, kind: "deliveries" | "transfers"): Promise<string> {
  const isTransfer = kind === "transfers";
  const body = isTransfer ? { ...transfer(), to: "s1" } : delivery();
  await make("POST", { path: isTransfer ? "/v1/stores/s2/transfers" : `${store}/${kind}`, body });
  return `${store}/${kind}/${body.id}`;
}

const webhook = () => ({ url: "https://a.example/", kinds: ["epcis"], stores: ["s1"] });

async function hooked({ make }: World): Promise<string> {
  return `/v1/webhooks/${(await make("POST", { path: "/v1/webhooks", body: webhook() }))["webhookId"]}`;
}

function facts(): GoodRequest {
  const fact = { kind: "sale", occurredAtMs: Date.now(), gtin, quantity: 1 };
  const body = { store: "s1", source: "till-1", facts: [fact] };
  const headers = { "idempotency-key": unique("fact") };
  return { path: "/v1/facts", body, other: { ...body, facts: [fact, fact] }, headers };
}

const event = () => ({
  ...{ type: "ObjectEvent", action: "OBSERVE", bizStep: "shipping" },
  ...{ eventTime: new Date(1_772_000_000_000 + nextNumber()).toISOString() },
  ...{ eventTimeZoneOffset: "+01:00", epcList: [`https://id.gs1.org/01/${gtin}/21/A1`] },
});

const namedQuery = () => {
  const query = { EQ_bizStep: ["shipping", "receiving"], orderBy: "eventTime" };
  const body = { name: unique("query"), query: { ...query, eventCountLimit: 5 } };
  return { path: "/v1/epcis/queries", body };
};

const plan = {
  ...{ schemaVersion: 1, storeId: "s1", version: 2, products: [{ gtin, name: "Coffee" }] },
  locations: [{ location: "s1/floor", role: "floor" }],
  facings: [{ location: "s1/floor", gtin }],
};

/** By method and path, as the description of the API names them. */
export const goodRequests: Readonly<Record<string, (world: World) => Promise<GoodRequest>>> = {
  "POST /v1/quarantine/repost": async ({ quarantineId: id }) => {
    return { path: "/v1/quarantine/repost", body: { id }, ...later };
  },
  "POST /v1/stores/{store}/alerts/{alertId}/mute": async ({ alertId }) => {
    return { path: `${store}/alerts/${alertId}/mute`, body: { untilMs: Date.now() + 1000 } };
  },
  "POST /v1/stores/{store}/alerts/{alertId}/acknowledge": async ({ alertId }) => {
    return { path: `${store}/alerts/${alertId}/acknowledge`, body: { cause: "other" } };
  },
  "POST /v1/claims": async () => order(),
  "POST /v1/claims/{id}/pick": async (world) => {
    return { path: `${await claim(world)}/pick`, body: {} };
  },
  "POST /v1/claims/{id}/hand-over": async (world) => {
    return { path: `${await claim(world, "pick")}/hand-over`, body: {} };
  },
  "POST /v1/claims/{id}/release": async (world) => {
    return { path: `${await claim(world)}/release`, body: {} };
  },
  "POST /v1/claims/{id}/move": async (world) => {
    return { path: `${await claim(world)}/move`, body: { store: "s1" } };
  },
  "PUT /v1/withheld": async () => {
    return { path: "/v1/withheld", body: { store: "s1", gtin, channel: "shop", quantity: 1 } };
  },
  "POST /v1/webhooks": async () => ({ path: "/v1/webhooks", body: webhook() }),
  "DELETE /v1/webhooks/{webhookId}": async (world) => ({ path: await hooked(world) }),
  "POST /v1/webhooks/{webhookId}/retry": async (world) => {
    return { path: `${await hooked(world)}/retry`, body: { storeId: "s1", firstNumber: 1 } };
  },
  "POST /v1/stores/{store}/counts": async () => opening(),
  "POST /v1/stores/{store}/counts/{id}/lines": async (world) => {
    const path = `${await count(world)}/lines`;
    return { path, body: seen() };
  },
  "POST /v1/stores/{store}/counts/{id}/submit": async (world) => {
    const path = await count(world);
    await world.make("POST", { path: `${path}/lines`, body: seen() });
    return { path: `${path}/submit`, body: {} };
  },
  "POST /v1/stores/{store}/counts/{id}/recount": async (world) => {
    return { path: `${await count(world, true)}/recount`, body: { lines: [line] }, ...later };
  },
  "POST /v1/stores/{store}/counts/{id}/approve": async (world) => {
    const body = { lines: [line], reason: "correction" };
    return { path: `${await count(world, true)}/approve`, body, ...later };
  },
  "POST /v1/stores/{store}/counts/{id}/post": async (world) => {
    return { path: `${await count(world, true)}/post`, body: {}, ...later };
  },
  "POST /v1/stores/{store}/counts/{id}/cancel": async (world) => {
    return { path: `${await count(world)}/cancel`, body: {} };
  },
  "POST /v1/stores/{store}/counts/{id}/tags": async (world) => {
    const path = `${await count(world)}/tags`;
    const passes = [{ observedAtMs: Date.now(), keys: [`01/${gtin}/21/7`] }];
    return { path, body: { passes } };
  },
  "PUT /v1/stores/{store}/count-policy": async () => {
    return { path: `${store}/count-policy`, body: { dailyLineCountMax: 10 } };
  },
  "PUT /v1/stores/{store}/count-items": async () => {
    return { path: `${store}/count-items`, body: { items: [{ gtin, class: "A", priceMinor: 5 }] } };
  },
  "POST /v1/catalogue": async () => {
    return { path: "/v1/catalogue", body: { products: [{ gtin, name: "Coffee" }] } };
  },
  "PUT /v1/catalogue/{gtin}": async () => {
    const body = { gtin: catalogued, name: "Shirt", unitWeightGrams: 200 };
    return { path: `/v1/catalogue/${catalogued}`, body, headers: { "if-match": '"1"' } };
  },
  "DELETE /v1/catalogue/{gtin}": async () => {
    return { path: `/v1/catalogue/${catalogued}`, headers: { "if-match": '"2"' } };
  },
  "PUT /v1/unknown-tags/{epc}": async () => {
    const path = `/v1/unknown-tags/${namedTag}`;
    return { path, body: { gtin, serial: "T1" }, headers: { "if-match": "*" } };
  },
  "POST /v1/stores/{store}/deliveries": async () => {
    const named = { gtin, quantity: 2, lot: "L1", serials: [unique("U")] };
    const body = { ...delivery(), expectedAtMs: Date.now(), lines: [...lines, named] };
    return { path: `${store}/deliveries`, body };
  },
  "POST /v1/stores/{store}/transfers": async () => {
    return { path: `${store}/transfers`, body: transfer() };
  },
  ...endsOf("deliveries"),
  ...endsOf("transfers"),
  "POST /v1/stores/{store}/returns": async () => takenBack(),
  "POST /v1/stores/{store}/returns/{id}/inspect": async (world) => {
    const body = { grade: "A", reasons: ["wrong_size"] };
    return { path: `${await returned(world)}/inspect`, body };
  },
  "POST /v1/stores/{store}/returns/{id}/dispose": async (world) => {
    const path = await returned(world);
    return { path: `${path}/dispose`, body: { disposition: "resell" }, ...later };
  },
  "POST /v1/facts": async () => facts(),
  "PUT /v1/stores/{store}/plan": async () => {
    return { path: `${store}/plan`, body: plan, headers: { "if-match": '"1"' } };
  },
  "POST /v1/epcis/queries": async () => namedQuery(),
  "DELETE /v1/epcis/queries/{name}": async ({ make }) => {
    const request = namedQuery();
    await make("POST", request);
    return { path: `/v1/epcis/queries/${request.body.name}` };
  },
  "POST /v1/epcis/events": async () => ({ path: "/v1/epcis/events", body: event() }),
  "POST /v1/epcis/capture": async () => {
    const body = {
      "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
      ...{ type: "EPCISDocument", schemaVersion: "2.0", creationDate: "2026-03-04T11:00:30Z" },
      epcisBody: { eventList: [event()] },
    };
    return { path: "/v1/epcis/capture", body };
  },
};

function endsOf(kind: "deliveries" | "transfers") {
  const ends = ["close", "cancel"].map((end) => [
    `POST /v1/stores/{store}/${kind}/{id}/${end}`,
    async (world: World) => {
      return { path: `${await announced(world, kind)}/${end}`, body: { reason: "asked" } };
    },
  ]);
  return Object.fromEntries(ends) as Record<string, (world: World) => Promise<GoodRequest>>;
}
