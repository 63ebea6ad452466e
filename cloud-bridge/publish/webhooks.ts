// Delivers to webhooks out of the ledger's tables: at least once, in order per store and kind. An attempt that fails is
// made again after a wait that doubles; after so many the delivery is set aside and the stream moves on.

import { readFile } from "node:fs/promises";
import { errorMessageOf } from "../../contract/errors.ts";
import { deliveredItemCountMax } from "../../contract/webhook.ts";
import { type Clock, sleep } from "../clock.ts";
import type { Places } from "../epcis/places.ts";
import { isRefusal } from "../ledger/database.ts";
import type { DueDelivery, SecretWebhook } from "../ledger/sql-webhooks.ts";
import type { Ledger } from "../ledger/types.ts";
import { backoffDelayMs } from "../link.ts";
import { unlessRefused } from "../unless-refused.ts";
import { Waker } from "../waker.ts";
import type { Attempt, WebhookClient } from "./webhook-request.ts";
import { signatureOf } from "./webhook-signature.ts";

/** How webhooks are delivered; in the configuration. */
export interface WebhookSettings {
  readonly attemptCountMax: number;
  readonly retryDelayMsMin: number;
  readonly retryDelayMsMax: number;
  readonly timeoutMs: number;
}

export interface WebhooksOptions {
  readonly ledger: Pick<Ledger, "webhooks" | "epcis" | "entries" | "stockLevels">;
  readonly client: WebhookClient;
  readonly settings: WebhookSettings;
  readonly places: Places;
  readonly clock: Clock;
  readonly random: () => number;
  readonly count: (name: string, by?: number) => void;
}

/** Deliveries at the same time, in all and to one subscription. */
const inFlightCountMax = 20;
const inFlightPerWebhookMax = 4;
/** A delivery that the receiver refuses is not tried as often as one that it cannot take. */
const refusedAttemptCountMax = 3;
/** Between two looks at what there is to tell. */
const lookIntervalMs = 250;

/** The items of a delivery and the last number that they cover. */
interface Page {
  readonly items: readonly unknown[];
  readonly lastNumber: number;
}

/** The sender of webhooks. */
export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #inFlight = new Map<string, Promise<void>>();
  readonly #waker: Waker;
  #failure: unknown;

  constructor(options: WebhooksOptions) {
    this.#options = options;
    this.#waker = new Waker(options.clock);
  }

  get inFlightCount(): number {
    return this.#inFlight.size;
  }

  /** Delivers until `signal` aborts; what is on its way then is cut off, and made again after the next start. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedCount = await unlessRefused(() => this.#start(signal), 0, this.#options.count);
      if (this.#failure !== undefined) throw this.#failure;
      if (startedCount === 0) await this.#waker.rest(lookIntervalMs, signal);
    }
    await Promise.all(this.#inFlight.values());
  }

  async #start(signal: AbortSignal): Promise<number> {
    const { ledger, clock } = this.#options;
    if (this.#inFlight.size >= inFlightCountMax) return 0;
    const webhooks = await ledger.webhooks.secretList();
    if (webhooks.length === 0) return 0;
    const byId = new Map(webhooks.map((webhook) => [webhook.webhookId, webhook]));
    // What ends while the ledger is asked stands in the answer as it was before.
    const busy = new Set(this.#inFlight.keys());
    // Enough that those on their way do not hide the others.
    const due = await ledger.webhooks.due(webhooks, clock.nowMs(), 5 * inFlightCountMax);
    let startedCount = 0;
    for (const each of due) {
      const webhook = byId.get(each.webhookId);
      if (webhook === undefined || busy.has(keyOf(each)) || !this.#hasRoomFor(each)) continue;
      startedCount += 1;
      const key = keyOf(each);
      const delivered = this.#deliver(webhook, each, signal)
        .catch((error: unknown) => this.#onFailed(error, signal))
        .finally(() => {
          this.#inFlight.delete(key);
          this.#waker.wake();
        });
      this.#inFlight.set(key, delivered);
    }
    return startedCount;
  }

  /** One that the ledger refuses is tried again after a while, and holds up no other. */
  async #onFailed(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, count, settings } = this.#options;
    if (!isRefusal(error)) {
      this.#failure ??= error;
      return;
    }
    count("upkeep_refused");
    await sleep(clock, settings.retryDelayMsMax, signal);
  }

  #hasRoomFor(due: DueDelivery): boolean {
    if (this.#inFlight.size >= inFlightCountMax || this.#inFlight.has(keyOf(due))) return false;
    const prefix = `${due.webhookId}/`;
    const own = [...this.#inFlight.keys()].filter((key) => key.startsWith(prefix));
    return own.length < inFlightPerWebhookMax;
  }

  async #deliver(webhook: SecretWebhook, due: DueDelivery, signal: AbortSignal): Promise<void> {
    const { ledger, clock, count } = this.#options;
    const { items, lastNumber } = await this.#read(due);
    if (items.length === 0) return await ledger.webhooks.taken(due, lastNumber);
    if (due.lastNumber === undefined) {
      await ledger.webhooks.begin(due, due.firstNumber, lastNumber);
    }
    const attempt = await this.#attempt(webhook, { ...due, lastNumber }, items, signal);
    if (signal.aborted && !attempt.ok) return;
    count(attempt.ok ? "webhook_deliveries" : "webhook_attempts_failed");
    if (attempt.ok) return await ledger.webhooks.taken(due, lastNumber);
    const { settings, random } = this.#options;
    const { reason: error, isRefused, retryAfterMs = 0 } = attempt;
    const limit = isRefused ? refusedAttemptCountMax : settings.attemptCountMax;
    const nowMs = clock.nowMs();
    if (due.isDead || due.attemptCount + 1 >= limit) {
      count("webhook_deliveries_dead");
      const forgottenCount = await ledger.webhooks.gaveUp(due, { error, nowMs, lastNumber });
      if (forgottenCount > 0) count("webhook_dead_forgotten", forgottenCount);
      return;
    }
    const { retryDelayMsMin: delayMsMin, retryDelayMsMax: delayMsMax } = settings;
    const delayMs = backoffDelayMs(due.attemptCount + 1, { delayMsMin, delayMsMax }, random);
    const waitMs = Math.max(delayMs, Math.min(retryAfterMs, delayMsMax));
    await ledger.webhooks.failed(due, { error, nextAttemptAtMs: nowMs + waitMs });
  }

  async #attempt(
    webhook: SecretWebhook,
    due: DueDelivery & { lastNumber: number },
    items: readonly unknown[],
    signal: AbortSignal,
  ): Promise<Attempt> {
    const { client, clock, settings } = this.#options;
    const { webhookId, storeId, kind, firstNumber, lastNumber, attemptCount } = due;
    const deliveryId = `${webhookId}/${storeId}/${kind}/${firstNumber}-${lastNumber}`;
    const head = { schemaVersion: 1, deliveryId, webhookId, storeId, kind };
    const body = JSON.stringify({ ...head, firstNumber, lastNumber, items });
    const secret = await secretOf(webhook);
    if (!secret.ok) return { ok: false, reason: secret.reason, isRefused: false };
    return await client.post({
      ...{ url: webhook.url, body, timeoutMs: settings.timeoutMs, signal },
      headers: {
        "content-type": "application/json",
        "user-agent": "gondola-bridge",
        "gondola-delivery": deliveryId,
        "gondola-attempt": String(attemptCount + 1),
        "gondola-signature": signatureOf(secret.text, body, clock.nowMs()),
      },
    });
  }

  async #read({ storeId, kind, firstNumber, lastNumber }: DueDelivery): Promise<Page> {
    const { ledger, places, clock } = this.#options;
    const countMax = Math.min(
      deliveredItemCountMax,
      lastNumber === undefined ? deliveredItemCountMax : lastNumber - firstNumber + 1,
    );
    const afterEntryNumber = firstNumber - 1;
    if (kind === "alerts") {
      const alerts = await ledger.webhooks.alerts({
        storeId,
        afterAlertId: afterEntryNumber,
        countMax,
      });
      const items = alerts.filter(({ alertId }) => alertId <= (lastNumber ?? alertId));
      return { items, lastNumber: lastNumber ?? items.at(-1)?.alertId ?? firstNumber };
    }
    if (kind === "epcis") {
      const list = await ledger.epcis.eventsAfter({ storeId, afterEntryNumber, countMax, places });
      return pageOf(
        list.map(({ event }) => event),
        list.at(-1)?.entryNumber,
        firstNumber,
      );
    }
    const entries = await ledger.entries({ storeId, afterEntryNumber, countMax });
    const last = entries.at(-1)?.entryNumber;
    if (kind === "entries") return pageOf(entries, last, firstNumber);
    const gtins = new Set(entries.map(({ item }) => item).filter((item) => /^\d/.test(item)));
    const levels = await Promise.all(
      [...gtins].map((gtin) =>
        ledger.stockLevels({ storeId, gtin, countMax: 1, nowMs: clock.nowMs() }),
      ),
    );
    return pageOf(levels.flat(), last, firstNumber);
  }
}

function pageOf(items: readonly unknown[], last: number | undefined, firstNumber: number): Page {
  return { items, lastNumber: last ?? firstNumber };
}

function keyOf({ webhookId, storeId, kind, isDead, firstNumber }: DueDelivery): string {
  return `${webhookId}/${storeId}/${kind}${isDead ? `/${firstNumber}` : ""}`;
}

async function secretOf({ secret, secretFile = "" }: SecretWebhook) {
  if (secret !== undefined) return { ok: true, text: secret } as const;
  try {
    const text = (await readFile(secretFile, "utf8")).trim();
    if (text !== "") return { ok: true, text } as const;
    return { ok: false, reason: `${secretFile} is empty` } as const;
  } catch (error) {
    return { ok: false, reason: `the secret: ${errorMessageOf(error)}` } as const;
  }
}
