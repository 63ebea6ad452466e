import fc from "fast-check";
import { expect, test } from "vitest";
import { unstorableAt } from "../../cloud-bridge/storable-text.ts";
import type { TestBridge } from "./bridge.ts";
import { withBridge } from "./with-bridge.ts";

let bridge: TestBridge;
withBridge((opened) => {
  bridge = opened.bridge;
});

test("whatever JSON says that is text is let through, and what is none is found by its place", () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      const text = Buffer.from(json, "utf8").toString("utf8").replaceAll("\\u0000", "");
      const value: unknown = JSON.parse(text);
      const isWhole = !/\\u0000|\\u[dD][89a-fA-F]/.test(JSON.stringify(value));
      expect(unstorableAt(value) === undefined).toBe(isWhole);
    }),
  );
  expect(unstorableAt({ lines: [{ note: "fine" }, { note: "a\0" }] })).toBe("lines.1.note");
  expect(unstorableAt({ note: "\ud83d" })).toBe("note");
  expect(unstorableAt({ note: "\ud83d\ude00 and \ufffd" })).toBeUndefined();
  expect(unstorableAt("\0")).toBe("");
});

test("a request with it names the field", async () => {
  for (const [path, parameter] of [
    ["/v1/stock?store=s%00", "store"],
    ["/v1/stores/s%00/plan", "store"],
  ] as const) {
    const { status, body } = await bridge.get(path);
    expect([status, body]).toMatchObject([400, { errors: [{ parameter }] }]);
  }
  const sale = { kind: "sale", gtin: "09506000134352", occurredAtMs: Date.now(), quantity: 1 };
  const facts = [{ ...sale, reference: { type: "order", id: "a\0" } }];
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}/v1/facts`, {
    ...{ method: "POST", body: JSON.stringify({ store: "s1", source: "pos", facts }) },
    headers: { "content-type": "application/json", "idempotency-key": "k" },
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ errors: [{ parameter: "facts.0.reference.id" }] });
});
