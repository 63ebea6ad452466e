import { Buffer } from "node:buffer";
import { createGzip, gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type BatchHeader,
  decodeBatch,
  encodeBatch,
  payloadDigest,
} from "../../contract/batch-codec.ts";
import {
  batchEventCountMax,
  batchGzipAboveBytes,
  batchSizeBytesMax,
  type Refusal,
  refusalSchema,
} from "../../contract/delivery.ts";
import { anyHeader, anyMoved } from "./arbitraries.ts";

const header: BatchHeader = {
  schemaVersion: 1,
  storeId: "s0042",
  edgeId: "edge-1",
  outboxId: "6b1f0f0e-3f6c-4d0f",
  firstSequence: 1201,
  previousDigest: "0".repeat(64),
  completeThroughAtMs: 1_763_888_000_123,
  sentAtMs: 1_763_888_000_140,
  nonce: "0123456789abcdef",
};
const hello = { ...header, oldestSequence: 1100, lastSequence: 1200 };
const events = (count: number) =>
  Array.from(
    { length: count },
    (_, index) => `{"sequence":${1201 + index},"note":"ü€😂 ${index}"}`,
  );

const isGzip = (bytes: Uint8Array) => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** The refusal of a payload; fails when it was taken, or when the refusal itself would not go out. */
function refusalOf(payload: Uint8Array): Refusal {
  const decoded = decodeBatch(payload);
  if (decoded.ok) throw new Error("the payload was taken");
  expect(refusalSchema.parse(decoded.refusal)).toEqual(decoded.refusal);
  expect(decoded.refusal.payloadDigest).toBe(payloadDigest(payload));
  return decoded.refusal;
}

describe("round trip", () => {
  test("any header and any events come back as they were", () => {
    fc.assert(
      fc.property(anyHeader, fc.array(anyMoved, { maxLength: 20 }), (head, list) => {
        const ends = list.length > 0 ? {} : { oldestSequence: 1, lastSequence: 0 };
        const whole = { ...head, ...ends };
        const texts = list.map((event) => JSON.stringify(event));
        const batch = { ...whole, events: JSON.parse(`[${texts.join(",")}]`) };
        expect(decodeBatch(encodeBatch(whole, texts))).toEqual({ ok: true, batch });
        const plain = encodeBatch(whole, texts, { compress: false });
        expect(decodeBatch(plain)).toEqual({ ok: true, batch });
      }),
    );
  });

  test("a hello has no events and both ends of what is kept", () => {
    expect(decodeBatch(encodeBatch(hello, []))).toEqual({
      ok: true,
      batch: { ...hello, events: [] },
    });
    const { oldestSequence: _oldest, ...withoutOldest } = hello;
    const { lastSequence: _last, ...withoutLast } = hello;
    for (const half of [withoutOldest, withoutLast]) {
      expect(refusalOf(encodeBatch(half, [])).code).toBe("BATCH_UNREADABLE");
    }
  });
});

describe("compression", () => {
  const sized = (sizeBytes: number) => {
    const pad = sizeBytes - encodeBatch(header, ['""'], { compress: false }).length;
    return [`"${"x".repeat(pad)}"`];
  };

  test(`begins above ${batchGzipAboveBytes} bytes`, () => {
    const atLimit = encodeBatch(header, sized(batchGzipAboveBytes));
    expect(atLimit.length).toBe(batchGzipAboveBytes);
    expect(isGzip(atLimit)).toBe(false);
    const above = encodeBatch(header, sized(batchGzipAboveBytes + 1));
    expect(isGzip(above)).toBe(true);
    expect(gunzipSync(above).length).toBe(batchGzipAboveBytes + 1);
  });

  test("is left out where the caller says so", () => {
    expect(isGzip(encodeBatch(header, events(100), { compress: false }))).toBe(false);
  });

  test.each([["plain", false] as const, ["gzip", true] as const])(
    "the largest batch is taken and one byte more refused: %s",
    (_form, compress) => {
      const largest = encodeBatch(header, sized(batchSizeBytesMax), { compress });
      expect(decodeBatch(largest).ok).toBe(true);
      const tooLarge = encodeBatch(header, sized(batchSizeBytesMax + 1), { compress });
      expect(refusalOf(tooLarge).code).toBe("BATCH_TOO_LARGE");
    },
  );
});

test(`${batchEventCountMax} events are taken, one more is refused`, () => {
  const most = decodeBatch(encodeBatch(header, new Array(batchEventCountMax).fill("1")));
  expect(most.ok).toBe(true);
  const tooMany = encodeBatch(header, new Array(batchEventCountMax + 1).fill("1"));
  expect(refusalOf(tooMany).code).toBe("BATCH_TOO_LARGE");
});

test("a bomb of 300 MB of zeros is refused without being inflated", async () => {
  const chunks: Buffer[] = [];
  const gzip = createGzip({ level: 9 }).on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise((resolve) => gzip.on("end", resolve));
  const megabyte = Buffer.alloc(1024 * 1024);
  for (let count = 0; count < 300; count += 1) {
    await new Promise((resolve) => gzip.write(megabyte, resolve));
  }
  gzip.end();
  await ended;
  const bomb = Buffer.concat(chunks);
  expect(bomb.length).toBeLessThan(400_000);

  const before = process.resourceUsage().maxRSS;
  expect(refusalOf(bomb).code).toBe("BATCH_TOO_LARGE");
  const grownKib = process.resourceUsage().maxRSS - before;
  expect(grownKib).toBeLessThan(64 * 1024);
});

test("a bomb of many gzip members is refused too", () => {
  const member = gzipSync(Buffer.alloc(64 * 1024));
  expect(refusalOf(Buffer.concat(new Array(100).fill(member))).code).toBe("BATCH_TOO_LARGE");
});

describe("damaged payloads", () => {
  const whole = encodeBatch(header, events(60));

  test("a gzip cut at any byte is refused", () => {
    expect(isGzip(whole)).toBe(true);
    for (let length = 0; length < whole.length; length += 1) {
      expect(refusalOf(whole.subarray(0, length)).code).toBe("BATCH_UNREADABLE");
    }
  });

  test("plain JSON cut at any byte is refused", () => {
    const plain = encodeBatch(header, events(3), { compress: false });
    for (let length = 0; length < plain.length; length += 1) {
      expect(refusalOf(plain.subarray(0, length)).code).toBe("BATCH_UNREADABLE");
    }
  });

  test("one wrong bit is refused, or lies in a gzip header field that means nothing", () => {
    const original = decodeBatch(whole);
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 7 }), (place, bit) => {
        const damaged = Uint8Array.from(whole);
        damaged[place]! ^= 1 << bit;
        const decoded = decodeBatch(damaged);
        if (decoded.ok) expect(decoded).toEqual(original);
      }),
      { numRuns: 500 },
    );
  });

  test("garbage is refused, whatever it begins with", () => {
    const start = fc.constantFrom([], [0x1f, 0x8b], [0x1f, 0x8b, 8, 0], [0x7b], [0x5b]);
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (first, rest) => {
        expect(refusalOf(Uint8Array.from([...first, ...rest])).code).toBe("BATCH_UNREADABLE");
      }),
      { numRuns: 1000 },
    );
  });

  test("any JSON that is no batch is refused", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(refusalOf(Buffer.from(text)).code).toBe("BATCH_UNREADABLE");
      }),
    );
  });

  test("bytes that are not UTF-8 are refused and not repaired", () => {
    const plain = Buffer.from(encodeBatch(header, ['"x"'], { compress: false }));
    plain[plain.lastIndexOf("x")] = 0xff;
    expect(refusalOf(plain).code).toBe("BATCH_UNREADABLE");
  });

  test("keys of a later minor version are passed over", () => {
    const text = JSON.stringify({ ...header, events: [1], extra: true });
    const decoded = decodeBatch(Buffer.from(text));
    expect(decoded.ok && decoded.batch).toEqual({ ...header, events: [1] });
  });
});

describe("versions", () => {
  const ofVersion = (schemaVersion: unknown, rest: object = { ...header, events: [1] }) =>
    Buffer.from(JSON.stringify({ ...rest, schemaVersion }));

  test("a newer one is refused by its own code, whatever else it holds", () => {
    expect(refusalOf(ofVersion(2)).code).toBe("VERSION_UNSUPPORTED");
    expect(refusalOf(ofVersion(2, { shape: "of the future" })).code).toBe("VERSION_UNSUPPORTED");
    expect(refusalOf(gzipSync(ofVersion(99))).code).toBe("VERSION_UNSUPPORTED");
  });

  test.each([[0], [-1], ["2"], [null]])("version %j is none", (version) => {
    expect(refusalOf(ofVersion(version)).code).toBe("BATCH_UNREADABLE");
  });
});
