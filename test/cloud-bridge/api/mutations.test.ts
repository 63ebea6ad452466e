// Every route that changes something, taken from the API's own description, with every kind of wrong request: each is
// answered by a problem that says what is wrong, and leaves everything as it was.

import { expect, test } from "vitest";
import { newToken } from "../../../cloud-bridge/api/tokens.ts";
import type { TestBridge } from "../bridge.ts";
import { withBridge, withTokens } from "../with-bridge.ts";
import { type Breakage, breakagesOf } from "./breakages.ts";
import { type GoodRequest, goodRequests, type World } from "./good-requests.ts";
import { makeWorld } from "./good-world.ts";

const director = newToken({ name: "dir", role: "network-director", stores: "all" });
const foreigner = newToken({ name: "far", role: "network-director", stores: "s3" });
let bridge: TestBridge;
let world: World;

interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
}
const operations = new Map<string, Operation>();

withBridge(
  async (opened) => {
    bridge = opened.bridge;
    world = await makeWorld(opened.edge, { ask, make });
    const { paths } = (await ask("GET", "/openapi.json")).body as {
      paths: Record<string, Record<string, Operation>>;
    };
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        operations.set(`${method.toUpperCase()} ${path}`, operation);
      }
    }
  },
  withTokens([director.token, foreigner.token]),
);

interface Asking {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly secret?: string;
}

async function ask(method: string, path: string, asking: Asking = {}) {
  const { headers = {}, body, secret = director.secret } = asking;
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}${path}`, {
    ...{ method, headers: { ...headers, authorization: `Bearer ${secret}` } },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  const type = response.headers.get("content-type") ?? "";
  const location = response.headers.get("location");
  return { status: response.status, type, location, body: text === "" ? {} : JSON.parse(text) };
}

function sent({ headers = {}, body }: GoodRequest, instead = body): Asking {
  if (instead === undefined) return { headers };
  const withType = { ...headers, "content-type": "application/json" };
  return { headers: withType, body: JSON.stringify(instead) };
}

async function make(method: string, request: GoodRequest): Promise<Record<string, string>> {
  const answer = await ask(method, request.path, sent(request));
  expect(answer.status, `${request.path}: ${JSON.stringify(answer.body)}`).toBeLessThan(300);
  return answer.body;
}

/** All that the bridge tells of what it holds; the ends of the chains are in it. */
async function held(): Promise<unknown[]> {
  const ofStore = (storeId: string) => [
    `/v1/entries?store=${storeId}&limit=1000`,
    `/v1/claims?store=${storeId}&state=all`,
    `/v1/withheld?store=${storeId}`,
    `/v1/tasks?store=${storeId}`,
    `/v1/epcis/expected-receipts?store=${storeId}`,
    ...["deliveries", "transfers", "returns", "counts", "alerts"].map((name) => {
      return `/v1/stores/${storeId}/${name}?state=all`;
    }),
    ...["plan", "plan/changes", "count-policy"].map((name) => `/v1/stores/${storeId}/${name}`),
  ];
  const ofAll = ["/v1/catalogue", "/v1/webhooks", "/v1/quarantine", "/v1/epcis/queries"];
  const paths = [...ofStore("s1"), ...ofStore("s2"), ...ofAll];
  // Which webhooks fail is found in its own time.
  const answers = paths.map(async (path) => (await ask("GET", path)).body);
  return (await Promise.all(answers)).map(({ failing: _, ...body }) => body);
}

/** Whether a capture, which the standard answers before it is checked, was refused with a reason. */
async function isJobRefused(location: string | null): Promise<boolean> {
  const { body } = await ask("GET", location ?? "");
  return body.success === false && body.errors[0].detail.length > 0;
}

/** What is not as it should be with the answer to a wrong request. */
async function faultsOf(method: string, broken: Breakage): Promise<string[]> {
  const { name, path, headers, body, isForeign, status, parameter } = broken;
  const secret = isForeign === true ? foreigner.secret : director.secret;
  const before = await held();
  const answer = await ask(method, path, { headers, body, secret });
  const faults: string[] = [];
  const fault = (what: string) => {
    faults.push(`${name}: ${what}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`);
  };
  try {
    expect(await held()).toEqual(before);
  } catch {
    fault("left something changed");
  }
  if (answer.status === 202) {
    if (!(await isJobRefused(answer.location))) fault("is captured");
    return faults;
  }
  if (!status.includes(answer.status)) fault(`is not ${status.join(" or ")}`);
  if (!answer.type.startsWith("application/problem+json")) fault("is no problem document");
  const { detail = "", errors, type = "" } = answer.body as Record<string, never>;
  if (detail === "" || (answer.body as { status?: number }).status !== answer.status) {
    fault("has no reason");
  }
  const isNamed = String(type).startsWith("epcisException:")
    ? String(detail).length > 0
    : ((errors ?? []) as { parameter: string; message: string }[]).some((error) => {
        return error.parameter === parameter && error.message !== "";
      });
  if (parameter !== undefined && !isNamed) fault(`does not name ${parameter}`);
  return faults;
}

test("every route that changes something is in the table", () => {
  const changing = [...operations.keys()].filter((key) => !/^(GET|HEAD|OPTIONS) /.test(key));
  expect(changing.sort()).toEqual(Object.keys(goodRequests).sort());
});

test.each(Object.keys(goodRequests))(
  "%s refuses what is wrong, and does nothing of it",
  async (key) => {
    const [method = ""] = key.split(" ");
    const good = await goodRequests[key]!(world);
    const { parameters = [] } = operations.get(key)!;
    const headers = parameters.flatMap((one) => (one.in === "header" ? [one.name] : []));
    const faults: string[] = [];
    for (const broken of breakagesOf(good, headers)) {
      faults.push(...(await faultsOf(method, broken)));
    }
    const answer = await ask(method, good.path, sent(good));
    const isRead = answer.status < 300 || (good.isRefusedLater === true && answer.status === 409);
    if (!isRead) faults.push(`the good request: ${answer.status} ${JSON.stringify(answer.body)}`);
    if (headers.includes("Idempotency-Key")) {
      const { path, other } = good;
      const asking = sent(good, other) as { headers: Record<string, string>; body: string };
      const name = "a key of another body";
      const parameter = "Idempotency-Key";
      faults.push(...(await faultsOf(method, { name, path, ...asking, status: [409], parameter })));
    }
    expect(faults).toEqual([]);
  },
);
