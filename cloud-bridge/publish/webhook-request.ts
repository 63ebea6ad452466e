// One attempt to deliver over HTTP: bounded in time and in what is read of the answer; redirects are not followed.

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { errorMessageOf } from "../../contract/errors.ts";
import { hostOf, type WebhookGuard } from "./webhook-guard.ts";

/** What came of an attempt. */
export type Attempt =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: string;
      /** The receiver will not take it, however often it is sent. */
      readonly isRefused: boolean;
      readonly retryAfterMs?: number;
    };

export interface WebhookRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const answerSizeBytesMax = 64 * 1024;
/** Statuses below 500 after which another attempt may do better. */
const retried = new Set([408, 421, 425, 429]);

/** Sends deliveries; connections are kept for the next. */
export class WebhookClient {
  readonly #guard: WebhookGuard;
  readonly #http = new HttpAgent({ keepAlive: true });
  readonly #https = new HttpsAgent({ keepAlive: true });

  constructor(guard: WebhookGuard) {
    this.#guard = guard;
  }

  /** Never rejects. */
  async post(request: WebhookRequest): Promise<Attempt> {
    const problem = this.#guard.problemOf(request.url);
    if (problem !== undefined) return { ok: false, reason: problem, isRefused: false };
    try {
      return attemptOf(await this.#answer(request));
    } catch (error) {
      return { ok: false, reason: errorMessageOf(error).slice(0, 300), isRefused: false };
    }
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  #answer({ url: text, headers, body, timeoutMs, signal }: WebhookRequest) {
    const url = new URL(text);
    const isTls = url.protocol === "https:";
    const send = isTls ? httpsRequest : httpRequest;
    return new Promise<IncomingMessage>((resolve, reject) => {
      const options = {
        ...{ method: "POST", agent: isTls ? this.#https : this.#http },
        host: hostOf(url),
        headers: { ...headers, "content-length": String(Buffer.byteLength(body)) },
        lookup: this.#guard.lookupFor(url.protocol),
        signal: AbortSignal.timeout(timeoutMs),
      };
      const request = send(url, options, (answer) => {
        let sizeBytes = 0;
        // What it says is not asked for; it is read so that the connection can serve again.
        answer.on("data", (chunk: Buffer) => {
          sizeBytes += chunk.length;
          if (sizeBytes > answerSizeBytesMax) answer.destroy();
        });
        answer.on("close", () => resolve(answer));
        answer.on("error", () => resolve(answer));
      });
      // `AbortSignal.any` would leave something in the signal of the whole bridge with every request.
      const stop = () => request.destroy(new Error("the bridge stops"));
      if (signal.aborted) stop();
      signal.addEventListener("abort", stop);
      request.on("close", () => signal.removeEventListener("abort", stop));
      request.on("error", (error) => {
        reject(error.name === "AbortError" ? new Error(`no answer within ${timeoutMs} ms`) : error);
      });
      request.end(body);
    });
  }
}

function attemptOf({ statusCode: status = 0, headers }: IncomingMessage): Attempt {
  if (status >= 200 && status < 300) return { ok: true };
  const isRedirect = status >= 300 && status < 400;
  const reason = `answered ${status}${isRedirect ? "; redirects are not followed" : ""}`;
  const isRefused = status < 500 && !retried.has(status);
  const seconds = Number(headers["retry-after"]);
  const wait = Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1000 } : {};
  return { ok: false, reason, isRefused, ...wait };
}
