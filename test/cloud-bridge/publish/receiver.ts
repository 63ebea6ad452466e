// Somebody who is told over HTTP: a real server that can fail in the ways that servers do.

import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isSigned } from "../../../cloud-bridge/publish/webhook-signature.ts";
import { type WebhookDelivery, webhookDeliverySchema } from "../../../contract/webhook.ts";

/** What a receiver does with a delivery. */
export type Mood = "take" | "fail" | "hang" | "refuse" | "cut" | "redirect";

/** One delivery as it came. */
export interface Receipt {
  readonly mood: Mood;
  readonly delivery: WebhookDelivery;
  readonly isSigned: boolean;
  readonly atMs: number;
}

/** A receiver on loopback. */
export class Receiver {
  mood: Mood = "take";
  secret = "";
  readonly receipts: Receipt[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks).toString("utf8");
        const signature = String(request.headers["gondola-signature"]);
        const atMs = Date.now();
        const { mood } = this;
        this.receipts.push({
          ...{ mood, atMs, delivery: webhookDeliverySchema.parse(JSON.parse(body)) },
          isSigned: isSigned(this.secret, body, signature, atMs),
        });
        this.#answer(response);
      });
    });
  }

  static async open(port = 0): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve) => {
      receiver.#server.listen(port, "127.0.0.1", resolve);
    });
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  /** Deliveries that it took. */
  get taken(): WebhookDelivery[] {
    return this.receipts.filter(({ mood }) => mood === "take").map(({ delivery }) => delivery);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(response: ServerResponse): void {
    const statusOf = { take: 204, fail: 500, refuse: 400, redirect: 302 } as const;
    if (this.mood === "hang") return;
    if (this.mood === "cut") return void response.destroy();
    response.writeHead(statusOf[this.mood], { location: "http://127.0.0.1:1/" }).end();
  }
}
