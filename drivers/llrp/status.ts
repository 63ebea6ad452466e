// LLRPStatus: whether the reader did what it was asked, and if not, what was wrong where (LLRP 15.1, 17.2.8).

import { lengthAndText, parametersOf, textAt, tlv, u16, viewOf } from "./parameter.ts";
import { statusText } from "./tables.ts";

/** An answer's status. */
export interface Status {
  readonly code: number;
  /** The reader's own words; often empty. */
  readonly text: string;
  /** Which field of the request, from 0, and what about it. */
  readonly fieldError?: { readonly field: number; readonly code: number };
  /** Which parameter of the request. */
  readonly parameterError?: { readonly type: number; readonly code: number };
}

export const statusOk: Status = { code: 0, text: "" };

const statusType = 287;
const fieldErrorType = 288;
const parameterErrorType = 289;

/** The status in a response's content; undefined where there is none or it is malformed. */
export function readStatus(content: Uint8Array): Status | undefined {
  const found = parametersOf(content)?.find(({ type }) => type === statusType)?.content;
  const text = found === undefined ? undefined : textAt(found, 2);
  if (found === undefined || text === undefined) return undefined;
  const textSizeBytes = viewOf(found).getUint16(2);
  const details = parametersOf(found.subarray(4 + textSizeBytes)) ?? [];
  const pairOf = (wanted: number) => {
    const pair = details.find(({ type, content: { length } }) => type === wanted && length >= 4);
    if (pair === undefined) return undefined;
    const view = viewOf(pair.content);
    return [view.getUint16(0), view.getUint16(2)] as const;
  };
  const [field, parameter] = [pairOf(fieldErrorType), pairOf(parameterErrorType)];
  return {
    code: viewOf(found).getUint16(0),
    text,
    ...(field === undefined ? {} : { fieldError: { field: field[0], code: field[1] } }),
    ...(parameter === undefined
      ? {}
      : { parameterError: { type: parameter[0], code: parameter[1] } }),
  };
}

/** The parameter, as a simulated reader puts it into its responses. */
export function encodeStatus({ code, text, fieldError, parameterError }: Status): Uint8Array {
  const field = fieldError && tlv(fieldErrorType, u16(fieldError.field), u16(fieldError.code));
  const parameter =
    parameterError && tlv(parameterErrorType, u16(parameterError.type), u16(parameterError.code));
  const details = [field, parameter].filter((part) => part !== undefined);
  return tlv(statusType, u16(code), lengthAndText(text), ...details);
}

/** A refusal in one line: code, the reader's words, field and parameter. */
export function refusalText({ code, text, fieldError, parameterError }: Status): string {
  const parts = [statusText(code)];
  if (text !== "") parts.push(`"${text.slice(0, 200)}"`);
  if (fieldError) parts.push(`field ${fieldError.field}: ${statusText(fieldError.code)}`);
  if (parameterError) {
    parts.push(`parameter ${parameterError.type}: ${statusText(parameterError.code)}`);
  }
  return parts.join(", ");
}
