// Problems as the REST binding of EPCIS 2.0 names them (`epcisException:`), and the headers of its versions.

import type { FastifyReply, FastifyRequest } from "fastify";
import { softwareVersion } from "../version.ts";

/** Problem types of the standard, with their status. */
const kinds = {
  ValidationException: { status: 400, title: "The event or document is not as EPCIS wants it" },
  QueryValidationException: { status: 400, title: "The query is not as EPCIS wants it" },
  QueryParameterException: { status: 400, title: "A parameter is unknown or wrong" },
  SecurityException: { status: 403, title: "The token may not do this, or there is none" },
  NoSuchResourceException: { status: 404, title: "There is no such resource" },
  NoSuchNameException: { status: 404, title: "There is no query of this name" },
  NotAcceptableException: {
    status: 406,
    title: "No version or format that was asked for is spoken",
  },
  ResourceAlreadyExistsException: { status: 409, title: "There is one already" },
  CaptureLimitExceededException: { status: 413, title: "The document is larger than is taken" },
  QueryTooLargeException: { status: 413, title: "There are more events than were asked for" },
  QueryTooComplexException: { status: 413, title: "The query is more than can be answered" },
  UnsupportedMediaTypeException: { status: 415, title: "The document is neither JSON nor XML" },
  ImplementationException: { status: 500, title: "The bridge failed to answer" },
} as const;
export type EpcisProblemKind = keyof typeof kinds;

/** What an ImplementationException is besides. */
const titleOfStatus: Readonly<Record<number, string>> = {
  501: "The standard has it, and this bridge has not",
  507: "There is no room for more",
};

/** A request that ends with one of the standard's problems. */
export class EpcisProblem extends Error {
  override readonly name = "EpcisProblem";
  readonly kind: EpcisProblemKind;
  readonly status: number;

  constructor(kind: EpcisProblemKind, detail: string, status: number = kinds[kind].status) {
    super(detail);
    this.kind = kind;
    this.status = status;
  }
}

/** Sends it (RFC 9457). */
export function sendEpcisProblem(reply: FastifyReply, { kind, status, message }: EpcisProblem) {
  const title = titleOfStatus[status] ?? kinds[kind].title;
  const body = { type: `epcisException:${kind}`, title, status, detail: message };
  return reply.code(status).type("application/problem+json").send(JSON.stringify(body));
}

/** What fastify refuses by itself, in the standard's words; undefined for a failure of ours. */
export function problemOfStatus(
  status: number | undefined,
  detail: string,
  tooLarge: EpcisProblemKind,
) {
  if (status === undefined || status >= 500) return undefined;
  const kind: EpcisProblemKind =
    status === 413
      ? tooLarge
      : status === 415
        ? "UnsupportedMediaTypeException"
        : "ValidationException";
  return new EpcisProblem(kind, detail);
}

const version = "2.0.0";
const vendorVersion = softwareVersion();
const wordFormats = ["No_Preference", "Always_Web_URI", "Always_URN", "Never_Translates"];

/** Says in which versions the answer is; refuses a client that takes none of them. */
export function negotiate(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers({
    "GS1-EPCIS-Version": version,
    "GS1-EPCIS-Min": version,
    "GS1-EPCIS-Max": version,
    "GS1-CBV-Version": version,
    "GS1-Vendor-Version": vendorVersion,
    "GS1-EPC-Format": "Always_GS1_Digital_Link",
    // Of XML alone, which no answer is: words stay as they are.
    "GS1-CBV-XML-Format": "Never_Translates",
  });
  const header = (name: string) => String(request.headers[name] ?? "");
  for (const standard of ["epcis", "cbv"]) {
    const [least, most] = [header(`gs1-${standard}-min`), header(`gs1-${standard}-max`)];
    const name = `GS1-${standard.toUpperCase()}`;
    if (least !== "" && compared(least, version) > 0)
      throw notAcceptable(`${name}-Min: version ${version} is below ${least}`);
    if (most !== "" && compared(most, version) < 0)
      throw notAcceptable(`${name}-Max: version ${version} is above ${most}`);
  }
  const format = header("gs1-epc-format");
  if (format === "Never_Translates") reply.header("GS1-EPC-Format", format);
  else if (!["", "No_Preference", "Always_GS1_Digital_Link"].includes(format)) {
    throw notAcceptable(`GS1-EPC-Format: ${format} is not offered: EPCs are GS1 Digital Links`);
  }
  const words = header("gs1-cbv-xml-format");
  if (words !== "" && !wordFormats.includes(words))
    throw notAcceptable(`GS1-CBV-XML-Format: ${words} is none of ${wordFormats.join(", ")}`);
  const accept = header("accept");
  if (accept !== "" && !/(\*\/\*|application\/(\*|json|ld\+json))/.test(accept))
    throw notAcceptable("Accept: answers are application/json");
}

function notAcceptable(detail: string): EpcisProblem {
  return new EpcisProblem("NotAcceptableException", detail.slice(0, 300));
}

function compared(one: string, other: string): number {
  const numbers = (text: string) => text.split(".").map((part) => Number(part) || 0);
  const [ours, theirs] = [numbers(one), numbers(other)];
  for (let index = 0; index < 3; index += 1) {
    const difference = (ours[index] ?? 0) - (theirs[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
