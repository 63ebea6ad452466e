import { describe, expect, test } from "vitest";
import { checkDigitOf } from "../../../contract/gs1/check-digit.ts";
import type { Gtin } from "../../../contract/units.ts";
import { Scanner } from "../../../edge/sense/scan.ts";
import { scannerConfigSchema, type WorkOrder } from "../../../edge/sense/scan-config.ts";
import { Bench, scan, startMs } from "./harness.ts";

const tea = "09521321002029" as Gtin;
const coffee = "09521321002012" as Gtin;
const label = (gtin: string) => gtin.slice(1);
const buzz = { deviceId: "gpio-1", output: "buzzer", action: { type: "on" } };
const lamp = { deviceId: "gpio-1", output: "green", action: { type: "on" } };

function bench(): Bench {
  const config = scannerConfigSchema.parse({
    deviceId: "scanner-1",
    workflow: "sell",
    location: "s0042/dock",
    refusalSignal: buzz,
    takenSignal: lamp,
  });
  return new Bench((count) => [new Scanner("s0042", config, count)]);
}

function begin(scanner: Bench, order: WorkOrder): void {
  scanner.pipeline.restore(new Map(), startMs);
  const output = scanner.pipeline.setWorkflow("scanner-1", order);
  if (typeof output === "string") throw new Error(output);
  scanner.take(output);
}

/** Scans one second apart. */
function scans(...codes: string[]) {
  return codes.map((code, index) => scan(startMs + index * 1000, code));
}

describe("a delivery against its list", () => {
  const order = {
    workflow: "receive",
    referenceId: "ASN-9",
    expected: [
      { gtin: tea, quantity: 1 },
      { gtin: coffee, quantity: 2 },
    ],
  } as WorkOrder;
  const begun = () => {
    const scanner = bench();
    begin(scanner, order);
    return scanner;
  };
  const other = "09506000134352";

  test("posts everything that came, and says what is missing, too much, or not on it", () => {
    const before = begun().feed(scans(label(tea), label(tea)));
    const scanner = bench().restored(before, startMs + 2_000);
    scanner.feed([
      scan(startMs + 3_000, label(other)),
      scan(startMs + 4_000, label(coffee)),
      scan(startMs + 5_000, "GONDOLA:END"),
    ]);
    const all = [...before.conclusions, ...scanner.conclusions];
    const units = all.filter(({ type }) => type === "moved");
    expect(units).toHaveLength(4);
    expect(units[0]).toMatchObject({
      step: "receiving",
      reference: { type: "delivery", id: "ASN-9" },
    });
    expect(all.at(-1)).toMatchObject({
      code: "receipt_closed",
      severity: "warning",
      detail: {
        referenceId: "ASN-9",
        reason: "ended",
        expectedUnitCount: 3,
        receivedUnitCount: 4,
        missing: [{ gtin: coffee, expected: 2, received: 1 }],
        extra: [
          { gtin: tea, expected: 1, received: 2 },
          { gtin: other, expected: 0, received: 1 },
        ],
      },
    });
    expect([...before.signals, ...scanner.signals]).toEqual([lamp, buzz, buzz, lamp]);
    expect(scanner.stored.size).toBe(0);
    scanner.feed([scan(startMs + 6_000, label(tea))]);
    expect(scanner.conclusions.at(-1)).toMatchObject({ step: "retail_selling" });
  });

  test("that is as it should be is closed without a warning", () => {
    const codes = [label(tea), label(coffee), label(coffee)];
    const { conclusions } = begun().feed(scans(...codes, "GONDOLA:END"));
    expect(conclusions.at(-1)).toMatchObject({ code: "receipt_closed", severity: "info" });
  });

  test("that nobody goes on with is closed", () => {
    const scanner = begun().feed(scans(label(tea)), startMs + 1_800_000);
    expect(scanner.conclusions.at(-1)).toMatchObject({
      code: "receipt_closed",
      occurredAtMs: startMs + 1_800_000,
      detail: { reason: "timed_out", missing: [{ gtin: coffee }] },
    });
    expect(scanner.pipeline.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY);
  });

  test("keeps its notice within an event, however many products it names", () => {
    const expected = Array.from({ length: 500 }, (_, index) => {
      const digits = String(1_000_000_000_000 + index);
      return { gtin: `${digits}${checkDigitOf(digits)}` as Gtin, quantity: 1_000_000 };
    });
    const scanner = bench();
    begin(scanner, { ...order, expected });
    scanner.feed(scans("GONDOLA:END"));
    expect(scanner.conclusions.at(-1)).toMatchObject({ detail: { missingLineCount: 500 } });
    expect(JSON.stringify(scanner.conclusions.at(-1)).length).toBeLessThan(15_000);
    expect(scanner.stored.size).toBe(0);
  });
});
