// The signature of a delivery: that it comes from this bridge, and when. Pure.

import { createHmac, timingSafeEqual } from "node:crypto";

/** A signature that is older is not taken: what was overheard cannot be sent again later. */
export const signatureAgeMsMax = 5 * 60_000;

/** The value of `Gondola-Signature` for a body. */
export function signatureOf(secret: string, body: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  return `t=${seconds},v1=${macOf(secret, seconds, body)}`;
}

/** What a receiver does: whether the body was signed with this secret, not long ago. */
export function isSigned(secret: string, body: string, signature: string, nowMs: number): boolean {
  const [, seconds = "", mac = ""] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
  if (seconds === "" || Math.abs(nowMs - Number(seconds) * 1000) > signatureAgeMsMax) return false;
  const expected = Buffer.from(macOf(secret, Number(seconds), body));
  return timingSafeEqual(expected, Buffer.from(mac));
}

function macOf(secret: string, seconds: number, body: string): string {
  return createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
}
