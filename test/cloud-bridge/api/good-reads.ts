// For each route that only reads a request that finds something, after all good requests were made.

import { catalogued, gtin, namedTag } from "./good-requests.ts";

/** What was made that reads name: of each kind the last. */
export interface Made {
  readonly claimId: string;
  readonly countId: string;
  readonly returnId: string;
  readonly webhookId: string;
  readonly delivery: string;
  readonly transfer: string;
  readonly captureId: string;
  readonly eventId: string;
}

const store = "/v1/stores/s1";
const unit = `01/${gtin}/21/A1`;
const link = encodeURIComponent(`https://id.gs1.org/${unit}`);
const epcis = "/v1/epcis";
const events = (resource: string, value: string) =>
  `${epcis}/${resource}/${encodeURIComponent(value)}/events`;

/** By method and path, as the description of the API names them. */
export function goodReads(made: Made): Readonly<Record<string, string>> {
  const named: Record<string, string> = {
    "/v1/claims/{id}": `/v1/claims/${made.claimId}`,
    "/v1/claims": "/v1/claims?store=s1&state=all",
    "/v1/availability": `/v1/availability?gtin=${gtin}`,
    "/v1/trace": `/v1/trace?link=${link}&proof=true`,
    "/01/{gtin}/21/{*}": `/${unit}`,
    "/v1/trace/{store}/head": "/v1/trace/s1/head",
    "/v1/trace/{store}/entries/{entryNumber}/proof": "/v1/trace/s1/entries/1/proof?since=1",
    "/v1/trace/{store}/consistency": "/v1/trace/s1/consistency?from=1",
    "/v1/items/history": `/v1/items/history?id=${encodeURIComponent(unit)}`,
    "/v1/catalogue/{gtin}": `/v1/catalogue/${gtin}`,
    "/v1/unknown-tags/{epc}": `/v1/unknown-tags/${namedTag}`,
    "/v1/catalogue/{gtin}/changes": `/v1/catalogue/${catalogued}/changes`,
    "/v1/sales/{receipt}": "/v1/sales/R-1001",
    "/v1/webhooks/{webhookId}/dead": `/v1/webhooks/${made.webhookId}/dead`,
    "/v1/stores/{store}/edges/{edge}": `${store}/edges/e1`,
    "/v1/stores/{store}/counts/{id}": `${store}/counts/${made.countId}`,
    "/v1/stores/{store}/deliveries/{id}": `${store}/deliveries/${made.delivery}`,
    "/v1/stores/{store}/transfers/{id}": `${store}/transfers/${made.transfer}`,
    "/v1/stores/{store}/transfers": `${store}/transfers?side=from&state=all`,
    "/v1/stores/{store}/returns/{id}": `${store}/returns/${made.returnId}`,
    "/v1/epcis/capture/{captureId}": `${epcis}/capture/${made.captureId}`,
    "/v1/epcis/events/{*}": `${epcis}/events/${encodeURIComponent(made.eventId)}`,
    "/v1/epcis/queries/{name}": `${epcis}/queries/shipped`,
    "/v1/epcis/queries/{name}/events": `${epcis}/queries/shipped/events`,
    "/v1/epcis/eventTypes/{*}": events("eventTypes", "ObjectEvent"),
    "/v1/epcis/epcs/{*}": events("epcs", `https://id.gs1.org/${unit}`),
    "/v1/epcis/bizSteps/{*}": events("bizSteps", "receiving"),
    "/v1/epcis/bizLocations/{*}": events("bizLocations", "urn:x"),
    "/v1/epcis/readPoints/{*}": events("readPoints", "urn:x"),
    "/v1/epcis/dispositions/{*}": events("dispositions", "in_progress"),
  };
  return named;
}

/** The request to a route that names nothing but, perhaps, its store. */
export function plainRead(path: string): string {
  const isOfStore = path.includes("{store}");
  const isList = /\/(alerts|counts|deliveries|transfers|returns)$/.test(path);
  const query = [
    ...(isOfStore || !takesStore.has(path) ? [] : ["store=s1"]),
    ...(isList ? ["state=all"] : []),
  ];
  return `${path.replace("{store}", "s1")}${query.length === 0 ? "" : `?${query.join("&")}`}`;
}

const takesStore = new Set([
  ...["stock", "entries", "notices", "tasks", "withheld"].map((name) => `/v1/${name}`),
  "/v1/audit",
  "/v1/epcis/expected-receipts",
]);
