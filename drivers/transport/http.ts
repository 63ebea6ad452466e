// A stream that a device on the network sends as the body of one endless HTTP answer, one JSON object a
// line. Requests to the same device go beside it; their answers are put in between two lines.

import { type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { GatewayError } from "../../contract/errors.ts";
import { type ExchangeRequest, encodeAnswer, jsonOf, readRequest } from "./exchange.ts";
import { Inbox } from "./inbox.ts";
import { connectError } from "./network-error.ts";
import { type HttpSettings, readSecrets } from "./network-settings.ts";
import { lostError } from "./serial-error.ts";
import type { Transport } from "./transport.ts";

/** The head of an answer, and a whole one to a request, come within this time. */
const answerTimeoutMs = 10_000;
/** First TCP keep-alive probe: notices a peer that vanished without a word. */
const keepAliveDelayMs = 10_000;
/** Requests that may wait for their answers. */
const requestCountMax = 4;
/** Longest answer to a request. */
const answerSizeBytesMax = 256 * 1024;
const lineFeed = 0x0a;

/** Begins to read: DRIVER_PORT_MISSING when nothing answers there, _DENIED for a refused password, _FAILED otherwise. */
export async function openHttp(settings: HttpSettings): Promise<Transport> {
  const { password, ca } = await readSecrets(settings);
  const options: RequestOptions & { ca?: string } = {
    agent: false,
    ...(settings.user === undefined ? {} : { auth: `${settings.user}:${password ?? ""}` }),
    ...(ca === undefined ? {} : { ca }),
  };
  const send = (method: string, url: URL) => answered(url, { ...options, method });
  const stream = await send("GET", new URL(settings.url)).catch((cause: unknown) => {
    throw connectError(settings.url, cause);
  });
  if (stream.statusCode !== 200) {
    stream.destroy();
    throw refused(settings.url, stream.statusCode ?? 0);
  }
  stream.socket.setKeepAlive(true, keepAliveDelayMs);
  const inbox = new Inbox(stream);
  const answers = new BetweenLines((bytes) => inbox.push(bytes));
  const lost = (cause: unknown) => lostError(settings.url, cause);
  stream.on("data", (chunk: Buffer) => answers.pass(chunk));
  stream.on("end", () => inbox.fail(lost("the reader ended its stream")));
  stream.on("error", (error) => inbox.fail(lost(error)));
  stream.on("close", () => inbox.fail(lost("closed")));
  let requestCount = 0;
  return {
    chunks: inbox,
    write: async (bytes) => {
      if (inbox.isClosed) throw lost("closed");
      const request = readRequest(bytes);
      if (request === undefined || requestCount >= requestCountMax) {
        const message = `${settings.url}: ${request ? "too many requests wait" : "not a request"}`;
        throw new GatewayError("DRIVER_PORT_FAILED", message, { retryable: true });
      }
      requestCount += 1;
      void exchange(request, (path) => send(request.method, new URL(path, settings.url))).then(
        (answer) => {
          requestCount -= 1;
          answers.insert(answer);
        },
      );
    },
    close: async () => {
      inbox.end();
      if (stream.destroyed && stream.closed) return;
      await new Promise<void>((resolve) => {
        stream.once("close", () => resolve());
        stream.destroy();
      });
    },
  };
}

/** Keeps answers out of the lines of a stream. */
class BetweenLines {
  readonly #push: (bytes: Uint8Array) => void;
  #waiting: Uint8Array[] = [];
  #isBetween = true;

  constructor(push: (bytes: Uint8Array) => void) {
    this.#push = push;
  }

  pass(chunk: Uint8Array): void {
    const end = chunk.lastIndexOf(lineFeed) + 1;
    if (this.#waiting.length > 0 && end > 0) {
      this.#push(chunk.subarray(0, end));
      for (const answer of this.#waiting.splice(0)) this.#push(answer);
      this.#push(chunk.subarray(end));
    } else this.#push(chunk);
    this.#isBetween = end === chunk.length;
  }

  insert(answer: Uint8Array): void {
    if (this.#isBetween) this.#push(answer);
    else this.#waiting.push(answer);
  }
}

// Never rejects: a request that fails on its way is an answer of status 0.
async function exchange(
  { path }: ExchangeRequest,
  send: (path: string) => Promise<IncomingMessage>,
): Promise<Uint8Array> {
  try {
    const response = await send(path);
    const late = setTimeout(() => response.destroy(new Error("too slow")), answerTimeoutMs);
    const pieces: Buffer[] = [];
    let sizeBytes = 0;
    for await (const piece of response as AsyncIterable<Buffer>) {
      sizeBytes += piece.length;
      if (sizeBytes > answerSizeBytesMax) response.destroy(new Error("too long"));
      else pieces.push(piece);
    }
    clearTimeout(late);
    const body = jsonOf(Buffer.concat(pieces).toString("utf8"));
    const statusCode = response.statusCode ?? 0;
    return encodeAnswer({ answerTo: path, statusCode, ...(body === undefined ? {} : { body }) });
  } catch {
    return encodeAnswer({ answerTo: path, statusCode: 0 });
  }
}

function answered(url: URL, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? requestHttps : requestHttp;
    const request = send(url, options, (response) => {
      clearTimeout(late);
      resolve(response);
    });
    const late = setTimeout(() => {
      request.destroy(new Error(`no answer within ${answerTimeoutMs} ms`));
    }, answerTimeoutMs);
    request.on("error", (error) => {
      clearTimeout(late);
      reject(error);
    });
    request.end();
  });
}

function refused(url: string, statusCode: number): GatewayError {
  const isDenied = statusCode === 401 || statusCode === 403;
  const message = isDenied
    ? `${url} refuses user and password (${statusCode}): check user and passwordFile`
    : `${url} answers ${statusCode}: is its HTTP stream switched on?`;
  const code = isDenied ? "DRIVER_PORT_DENIED" : "DRIVER_PORT_FAILED";
  return new GatewayError(code, message, { retryable: true });
}
