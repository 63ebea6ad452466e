import { expect, test } from "vitest";
import { WebhookGuard } from "../../../cloud-bridge/publish/webhook-guard.ts";
import { WebhookClient } from "../../../cloud-bridge/publish/webhook-request.ts";
import { isSigned, signatureOf } from "../../../cloud-bridge/publish/webhook-signature.ts";

const guard = new WebhookGuard(["10.1.0.0/16", "fd00:1::/32"]);

test.each([
  ["https://example.com/hook", undefined],
  ["https://93.184.216.34/hook", undefined],
  ["https://[2606:2800:220:1::1]/hook", undefined],
  ["http://10.1.2.3/hook", undefined],
  ["https://[fd00:1::2]/", undefined],
  ["http://93.184.216.34/hook", "http:// is only for networks that are allowed"],
  ["ftp://example.com/", "must begin with https://"],
  ["hook", "must be a URL"],
  ["https://ada:x@example.com/", "must not hold a user"],
  ["https://127.0.0.1/", "no public address"],
  // Other ways to write 127.0.0.1 and 10.0.0.1.
  ["https://2130706433/", "no public address"],
  ["https://0x7f.1/", "no public address"],
  ["https://0177.0.0.1/", "no public address"],
  ["https://[::ffff:127.0.0.1]/", "no public address"],
  ["https://[::ffff:a00:1]/", "no public address"],
  ["https://[64:ff9b::7f00:1]/", "no public address"],
  ["https://[::1]/", "no public address"],
  ["https://[fe80::1]/", "no public address"],
  ["https://[fd00:2::1]/", "no public address"],
  ["https://[2002:7f00:1::]/", "no public address"],
  ["https://169.254.169.254/latest/", "no public address"],
  ["https://10.2.0.1/", "no public address"],
  ["https://172.31.0.1/", "no public address"],
  ["https://192.168.1.1/", "no public address"],
  ["https://100.64.0.1/", "no public address"],
  ["https://0.0.0.0/", "no public address"],
  ["https://224.0.0.1/", "no public address"],
])("a webhook to %s: %s", (url, problem) => {
  const found = guard.problemOf(url);
  if (problem === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(problem);
});

test("a name that leads inward is refused when the connection is made", async () => {
  const client = new WebhookClient(guard);
  const signal = new AbortController().signal;
  const request = { headers: {}, body: "{}", timeoutMs: 2000, signal };
  for (const url of ["https://localhost:1/", "http://localhost:1/"]) {
    const attempt = await client.post({ ...request, url });
    expect(attempt).toMatchObject({ ok: false, reason: expect.stringMatching(/address|allowed/) });
  }
  client.close();
});

test("networks that are none are refused", () => {
  for (const network of ["10.0.0.0/99", "example.com", "", "10.0.0.0/x"])
    expect(() => new WebhookGuard([network]), network).toThrow("is no network");
});

test("a signature is of this body, this secret and this time", () => {
  const nowMs = 1_763_888_000_000;
  const signature = signatureOf("secret", '{"a":1}', nowMs);
  // printf '1763888000.{"a":1}' | openssl dgst -sha256 -hmac secret
  const mac = "c33e833167421688c19bef00d9d540542a691f5aba79e4d596acabd7a7ddeb33";
  expect(signature).toBe(`t=1763888000,v1=${mac}`);
  expect(isSigned("secret", '{"a":1}', signature, nowMs + 60_000)).toBe(true);
  expect(isSigned("secret", '{"a":2}', signature, nowMs)).toBe(false);
  expect(isSigned("secre7", '{"a":1}', signature, nowMs)).toBe(false);
  expect(isSigned("secret", '{"a":1}', signature, nowMs + 6 * 60_000)).toBe(false);
  expect(isSigned("secret", '{"a":1}', "t=1,v1=00", nowMs)).toBe(false);
});
