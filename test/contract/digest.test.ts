import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalEvent, canonicalJson, genesisDigest, nextDigest } from "../../contract/digest.ts";
import { anyDigest, anyMoved } from "./arbitraries.ts";

/** The same value with the keys of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([key, member]) => [key, reordered(member)] as const);
  return Object.fromEntries(entries.reverse());
}

describe("canonical JSON", () => {
  test("parses to the value it was made of", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        // JSON knows no -0.
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test("does not depend on the order of keys", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(reordered(value))).toBe(canonicalJson(value));
      }),
    );
  });

  test("differs where the values differ", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (left, right) => {
        const isEqual = canonicalJson(left) === canonicalJson(right);
        expect(isEqual).toBe(
          canonicalJson(JSON.parse(JSON.stringify(left))) === canonicalJson(right),
        );
        if (isEqual)
          expect(JSON.parse(canonicalJson(left))).toEqual(JSON.parse(canonicalJson(right)));
      }),
    );
  });

  // RFC 8785 section 3.2.2 and 3.2.3: literals, escapes, numbers, order by UTF-16 units.
  test.each([
    [{ b: 1, a: [true, null, "x"] }, '{"a":[true,null,"x"],"b":1}'],
    [{ a: undefined, b: 1 }, '{"b":1}'],
    [[undefined, 1], "[null,1]"],
    ['€\n\u000f\\"/', '"€\\n\\u000f\\\\\\"/"'],
    [[1e21, 0.000001, 4.5, -0, 333333333.3333333], "[1e+21,0.000001,4.5,0,333333333.3333333]"],
    [{ "€": 1, "\r": 2, "1": 3, "😂": 4, ö: 5 }, '{"\\r":2,"1":3,"ö":5,"€":1,"😂":4}'],
  ])("of %j", (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });
});

describe("an event's digest", () => {
  test("does not cover the evidence, so that shedding it breaks no chain", () => {
    fc.assert(
      fc.property(anyMoved, (event) => {
        const { evidence: _shed, ...rest } = event;
        expect(canonicalEvent(rest)).toBe(canonicalEvent(event));
      }),
    );
  });

  test("covers everything else", () => {
    fc.assert(
      fc.property(anyMoved, (event) => {
        for (const key of Object.keys(event)) {
          if (key === "evidence") continue;
          expect(canonicalEvent({ ...event, [key]: "another" })).not.toBe(canonicalEvent(event));
        }
      }),
    );
  });

  test("survives the wire: what was parsed from JSON has the digest of what was sent", () => {
    fc.assert(
      fc.property(anyMoved, (event) => {
        expect(canonicalEvent(JSON.parse(JSON.stringify(event)))).toBe(canonicalEvent(event));
      }),
    );
  });

  test("an evidence key deeper down is a value like any other", () => {
    expect(canonicalEvent({ detail: { evidence: 1 } })).toBe('{"detail":{"evidence":1}}');
  });
});

describe("the chain", () => {
  test("begins with the outbox and goes on by SHA-256 of digest, line feed, text", () => {
    const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
    expect(genesisDigest("0123abcd")).toBe(sha256("gondola outbox 0123abcd"));
    expect(nextDigest("ab", "{}")).toBe(sha256("ab\n{}"));
  });

  test("two outboxes differ from the first digest on", () => {
    expect(genesisDigest("0123abcd")).not.toBe(genesisDigest("0123abce"));
  });

  test("a changed, swapped or missing event changes every digest after it", () => {
    const chain = (start: string, texts: string[]) => texts.reduce(nextDigest, start);
    const texts = fc.uniqueArray(fc.string(), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(anyDigest, texts, fc.nat(), (start, list, pick) => {
        const at = pick % (list.length - 1);
        const swapped = list.with(at, list[at + 1]!).with(at + 1, list[at]!);
        const whole = chain(start, list);
        expect(chain(start, swapped)).not.toBe(whole);
        expect(chain(start, list.toSpliced(at, 1))).not.toBe(whole);
        expect(chain(start, list.with(at, `${list[at]} `))).not.toBe(whole);
      }),
    );
  });
});
