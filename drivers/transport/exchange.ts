// Requests to a device that publishes by itself, in the same byte stream as what it publishes: a written
// chunk is one request, its answer arrives as a JSON object between the events. Pure.

import { z } from "zod";

/** What a device is asked over HTTP; the path counts from the root of its address. */
const requestSchema = z.strictObject({
  method: z.enum(["GET", "POST", "PUT"]),
  path: z.string().regex(/^\/[^\s#]{0,500}$/),
});
export type ExchangeRequest = z.infer<typeof requestSchema>;

/** What it answered. 501 where nobody can be asked, 0 where the request failed on its way. */
const answerSchema = z.strictObject({
  answerTo: z.string(),
  statusCode: z.int().min(0).max(999),
  body: z.unknown().optional(),
});
export type ExchangeAnswer = z.infer<typeof answerSchema>;

/** Status of an answer where the transport only listens. */
export const cannotBeAsked = 501;

/** The request as bytes to write. */
export function encodeRequest(request: ExchangeRequest): Uint8Array {
  return Buffer.from(`${JSON.stringify(request)}\n`);
}

/** The request of a written chunk; undefined where it is none. */
export function readRequest(bytes: Uint8Array): ExchangeRequest | undefined {
  return requestSchema.safeParse(jsonOf(Buffer.from(bytes).toString())).data;
}

/** The answer as a line. */
export function encodeAnswer(answer: ExchangeAnswer): Uint8Array {
  return Buffer.from(`${JSON.stringify(answer)}\n`);
}

/** The answer in a stream's object; undefined where it is an event. */
export function readAnswer(value: unknown): ExchangeAnswer | undefined {
  return answerSchema.safeParse(value).data;
}

/** The value of a text; undefined where it is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
