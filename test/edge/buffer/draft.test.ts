import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalEvent } from "../../../contract/digest.ts";
import type { EventDraft } from "../../../contract/event.ts";
import { checkDraft, refusalNotice } from "../../../edge/buffer/draft.ts";
import { moved } from "./draft-kit.ts";

const common = { deviceId: "shelf-3", occurredAtMs: 7, uptimeMs: 5, clockSynced: false };
const bootId = "0f8fad5b-d9cb-469f-a165-70867728950e";

const noticed: fc.Arbitrary<EventDraft> = fc
  .dictionary(fc.oneof(fc.string(), fc.constant("sequence")), fc.jsonValue())
  // zod leaves out this key, which no edge makes.
  .filter((detail) => !JSON.stringify(detail).includes('"__proto__":'))
  .map((detail) => {
    const notice = { type: "noticed", code: "exit_unpaid", severity: "warning" } as const;
    return { ...common, bootId, ...notice, detail: detail as Record<string, never> };
  });

const counted: fc.Arbitrary<EventDraft> = fc
  .array(fc.string({ minLength: 1, maxLength: 40 }), { maxLength: 20 })
  .map((keys) => ({
    ...common,
    bootId,
    type: "counted",
    location: "s0042/floor",
    state: "sellable",
    complete: true,
    lines: [],
    serials: keys.map((key) => ({ key, observedAtMs: 3 })),
  }));

test("the halves and a sequence are the canonical event, for every type", () => {
  const drafts = fc.oneof(
    noticed,
    counted,
    fc.nat().map((serial) => moved(serial)),
  );
  fc.assert(
    fc.property(drafts, fc.nat(), (draft, sequence) => {
      const { head, tail } = checkDraft(draft);
      expect(`${head}${sequence}${tail}`).toBe(canonicalEvent({ ...draft, sequence }));
    }),
  );
});

test("evidence is any JSON object, and nothing else", () => {
  expect(checkDraft(moved(1)).evidence).toBe(JSON.stringify({ raw: "e".repeat(120) }));
  expect(checkDraft(moved(1, 0)).evidence).toBeNull();
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  for (const evidence of [[1], "text", 7, null, cyclic, () => 1]) {
    const draft = { ...moved(1), evidence } as EventDraft;
    expect(() => checkDraft(draft)).toThrow(expect.objectContaining({ code: "EVENT_INVALID" }));
  }
});

test("a refusal's notice fits its own schema whatever the draft was", () => {
  const by = { edgeId: "edge-1", stamp: { bootId, uptimeMs: 1, clockSynced: true }, nowMs: 9 };
  fc.assert(
    fc.property(fc.object(), fc.string({ maxLength: 2000 }), (draft, message) => {
      const error = Object.assign(new Error(message), { code: "EVENT_INVALID" });
      const notice = refusalNotice(draft as never, error as never, by);
      expect(JSON.parse(`${notice.head}5${notice.tail}`)).toMatchObject({
        code: "event_invalid",
        sequence: 5,
        deviceId: "edge-1",
      });
    }),
  );
});
