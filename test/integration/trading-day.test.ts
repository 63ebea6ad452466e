// A trading day through a real bridge: shelf, tills, a portal's real sensing at the exit and web orders. In the end the
// ledger is the truth, and alerts are of the planned thefts and of nothing else.

import { randomUUID } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { type Sold, soldSchema } from "../../contract/sold.ts";
import { topics } from "../../contract/topics.ts";
import { pickOne, seededRandom } from "../../simulators/random.ts";
import { startBridge, type TestBridge } from "../cloud-bridge/bridge.ts";
import { TestClient } from "../cloud-bridge/mqtt-client.ts";
import { temporaryFolder } from "../cloud-bridge/temporary-folder.ts";
import { TestOutbox } from "../cloud-bridge/test-outbox.ts";
import { type Bench, epcOf, tag, tagGtin } from "../edge/sense/harness.ts";
import { exitEdge } from "./exit-edge.ts";

const storeId = "s0042";
const floor = { location: `${storeId}/floor`, state: "sellable" };
const boot = { bootId: "0f0f0f0f0f0f", uptimeMs: 1000, clockSynced: true };
const stockCount = 60;
const minuteMs = 60_000;
const plans = [
  ...["buys", "buys", "buys", "is_sold_by_label", "is_sold_by_label", "puts_back"],
  ...["steals", "steals_unseen", "leaves_before_the_shelf_told"],
] as const;

/** Between two shoppers. */
const stepMs = 12_000;
/** How long settlement may take, on a machine with much else to do. */
const poll = { timeout: 40_000, interval: 200 };

/** The store's edges, and the bridge that they tell. */
class Store {
  readonly bridge: TestBridge;
  readonly #client: TestClient;
  readonly #outboxes = new Map(
    ["shelf", "tills", "exit"].map((id) => [id, new TestOutbox(storeId, id)]),
  );
  readonly #exit: Bench;
  #toldCount = 0;

  constructor(bridge: TestBridge, client: TestClient, startMs: number) {
    this.bridge = bridge;
    this.#client = client;
    this.#exit = exitEdge(storeId, startMs, { listAgeMsMax: 3_600_000 });
  }

  async say(edgeId: string, atMs: number, step: string, fields: object = {}): Promise<void> {
    const moved = { type: "moved", occurredAtMs: atMs, deviceId: "dev-1", step, quantity: 1 };
    const event = { ...moved, item: { gtin: tagGtin }, ...boot, ...fields };
    await this.#outboxes.get(edgeId)!.send(this.#client, event);
  }

  /** Walks a unit through the portal once the exit knows of a sale, where there was one. */
  async leave(atMs: number, number: number, isSold: (sold: Sold) => boolean): Promise<void> {
    const list = await this.#client.message(({ topic, payload }) => {
      return topic === topics.sold(storeId) && isSold(soldOf(payload));
    });
    this.#exit.pipeline.setSold(soldOf(list.payload));
    const reads = Array.from({ length: 10 }, (_, index) =>
      tag(atMs + index * 100, index < 5 ? 1 : 2, epcOf(number)),
    );
    this.#exit.feed(reads, atMs + 10_000);
    const told = this.#exit.conclusions.slice(this.#toldCount);
    this.#toldCount = this.#exit.conclusions.length;
    await this.#outboxes
      .get("exit")!
      .send(this.#client, ...told.map((one) => ({ ...one, ...boot })));
  }

  async post(path: string, body: object): Promise<Record<string, string>> {
    const response = await fetch(`http://127.0.0.1:${this.bridge.httpPort}/v1/claims${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": randomUUID() },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as Record<string, string>;
    expect(response.ok, JSON.stringify(answer)).toBe(true);
    return answer;
  }

  async balances(): Promise<Record<string, number>> {
    const { body } = await this.bridge.get(`/v1/stock?store=${storeId}&gtin=${tagGtin}`);
    const [level] = body["items"] as [{ balances: { location: string; quantity: number }[] }];
    const named = level.balances.map(({ location, quantity }) => [location.slice(6), quantity]);
    return Object.fromEntries(named) as Record<string, number>;
  }
}

const soldOf = (payload: Buffer) => soldSchema.parse(JSON.parse(payload.toString()));
const unitsOf = ({ units }: Sold) => units.reduce((sum, { quantity }) => sum + quantity, 0);

async function open(startMs: number): Promise<Store> {
  const folder = await temporaryFolder();
  onTestFinished(() => folder.remove());
  const bridge = await startBridge(folder.path);
  onTestFinished(() => bridge.stop());
  const client = await TestClient.open(bridge.brokerPort);
  onTestFinished(() => client.close());
  await client.subscribe(topics.sold(storeId));
  await client.subscribe(...["shelf", "tills", "exit"].map((id) => topics.ack(storeId, id)));
  return new Store(bridge, client, startMs);
}

test.each([1, 2])(
  "day %i: the ledger is the truth, alerts are the planned thefts",
  async (seed) => {
    const startMs = Date.now() - 60 * minuteMs;
    const random = seededRandom(seed);
    const store = await open(startMs);
    await store.say("shelf", startMs - 60 * minuteMs, "receiving", {
      to: floor,
      quantity: stockCount,
    });
    // One that was sold before, so that exits are told of tills.
    const before = { item: { gtin: tagGtin, serial: "900" }, from: floor };
    await store.say("tills", startMs - 60 * minuteMs, "retail_selling", before);
    const truth = { sold: 1, byLabel: 0, stolen: [] as string[] };
    for (let number = 1; number <= 24; number += 1) {
      const plan = number <= plans.length ? plans[number - 1]! : pickOne(random, plans)!;
      const atMs = startMs + number * stepMs;
      const named = { item: { gtin: tagGtin, serial: String(number) }, from: floor };
      const pick = () => store.say("shelf", atMs, "customer_pick", named);
      if (plan !== "steals_unseen" && plan !== "leaves_before_the_shelf_told") await pick();
      if (plan === "puts_back") {
        await store.say("shelf", atMs + 2000, "customer_putback", { to: floor });
        continue;
      }
      const isThief = plan.startsWith("steals");
      if (isThief) truth.stolen.push(String(number));
      else {
        truth.sold += 1;
        const isByLabel = plan === "is_sold_by_label";
        if (isByLabel) truth.byLabel += 1;
        await store.say(
          "tills",
          atMs + 4000,
          "retail_selling",
          isByLabel ? { from: floor } : named,
        );
      }
      const key = `01/${tagGtin}/21/${number}`;
      const { byLabel } = truth;
      const isTold = (sold: Sold) =>
        plan === "is_sold_by_label"
          ? unitsOf(sold) >= byLabel
          : sold.serials.some((one) => one.key === key);
      await store.leave(atMs + 6000, number, isThief ? () => true : isTold);
      if (plan === "leaves_before_the_shelf_told") await pick();
    }
    // Until it is settled which of what was told is one unit, nothing can be promised of what may be gone.
    const onFloor = async () => (await store.balances())["floor"];
    const { length: stolenCount } = truth.stolen;
    await expect.poll(onFloor, poll).toBe(stockCount - truth.sold - stolenCount);
    for (let number = 101; number <= 103; number += 1) {
      const lines = [{ gtin: tagGtin, quantity: 1 }];
      const order = { store: storeId, owner: "web", expiresAtMs: Date.now() + minuteMs, lines };
      const { claimId } = await store.post("", order);
      await store.say("shelf", Date.now(), "customer_pick", { from: floor });
      for (const step of ["pick", "hand-over"])
        await store.post(`/${claimId}/${step}`, { by: "ada" });
      truth.sold += 1;
      truth.byLabel += 1;
      const { byLabel } = truth;
      await store.leave(
        Date.now() + (number - 100) * stepMs,
        number,
        (sold) => unitsOf(sold) >= byLabel,
      );
    }
    // Every edge has told all of the day.
    for (const edgeId of ["shelf", "tills"])
      await store.say(edgeId, Date.now(), "receiving", { to: floor });
    await expect
      .poll(() => store.balances(), poll)
      .toEqual({
        floor: stockCount + 2 - truth.sold - stolenCount,
        ...{ "@customer": truth.sold, "@exit": stolenCount, "@supplier": -stockCount - 2 },
      });
    const { body } = await store.bridge.get(`/v1/stores/${storeId}/alerts?state=all&limit=100`);
    const alerts = body["items"] as { code: string; detail: { serial?: string } }[];
    expect(alerts.map(({ code }) => code)).toEqual(truth.stolen.map(() => "exit_unpaid"));
    expect(alerts.map(({ detail }) => detail.serial).sort()).toEqual([...truth.stolen].sort());
  },
  120_000,
);
