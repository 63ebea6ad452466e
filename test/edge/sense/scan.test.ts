import { describe, expect, test } from "vitest";
import { planSchema } from "../../../contract/plan.ts";
import type { Gtin } from "../../../contract/units.ts";
import { Scanner } from "../../../edge/sense/scan.ts";
import { scannerConfigSchema, type WorkOrder } from "../../../edge/sense/scan-config.ts";
import { Bench, scan, startMs } from "./harness.ts";

const tea = "09521321002029" as Gtin;
const coffee = "09521321002012" as Gtin;
const label = (gtin: string) => gtin.slice(1);
const buzz = {
  deviceId: "gpio-1",
  output: "buzzer",
  action: { type: "beeps", count: 3, onMs: 100, offMs: 100 },
};
const lamp = { deviceId: "gpio-1", output: "green", action: { type: "on", durationMs: 500 } };

function bench(settings: object): Bench {
  const config = scannerConfigSchema.parse({ deviceId: "scanner-1", ...settings });
  return new Bench((count) => [new Scanner("s0042", config, count)]);
}

const till = () => bench({ workflow: "sell", location: "s0042" });

/** Scans one second apart. */
function scans(...codes: string[]) {
  return codes.map((code, index) =>
    scan(startMs + index * 1000, code, code.includes(":") ? "]C0" : "]E0"),
  );
}

describe("workflows", () => {
  test("sell: to the customer, from wherever the ledger knows it", () => {
    const data = `01${tea}21S/1\u001d10L7\u001d17270228`;
    expect(till().feed([scan(startMs, data, "]d2")]).conclusions).toEqual([
      {
        type: "moved",
        occurredAtMs: startMs,
        deviceId: "scanner-1",
        step: "retail_selling",
        item: { gtin: tea, serial: "S/1", lot: "L7", expiry: "2027-02-28" },
        quantity: 1,
        to: { location: "s0042/@customer", state: "sellable" },
        readPoint: "s0042",
        confidence: 1,
      },
    ]);
  });

  test.each([
    ["receive", "receiving", "sellable"],
    ["return", "returning", "returned"],
  ])("%s", (workflow, step, state) => {
    const scanner = bench({ workflow, location: "s0042/stockroom" });
    expect(scanner.feed(scans(label(tea))).conclusions).toMatchObject([
      { step, item: { gtin: tea }, to: { location: "s0042/stockroom", state } },
    ]);
  });

  test("a code that names no product is noticed with its reason", () => {
    const { conclusions } = till().feed([
      ...scans("2112345678900"),
      scan(startMs + 9_000, "x", "]Q1"),
    ]);
    expect(conclusions).toMatchObject([
      { code: "scan_unidentified", detail: { data: "2112345678900", symbology: "]E0" } },
      { code: "scan_unidentified", detail: { data: "x", reason: "a text with no GTIN" } },
    ]);
  });

  test("labels of the store's own scale are items where rules say how they are read", () => {
    const config = { workflow: "sell", restrictedNumbers: "germany" } as const;
    const { conclusions } = bench(config).feed(scans("2811111068708", "2511118000120"));
    expect(conclusions).toMatchObject([
      { type: "moved", item: { gtin: "02811110000006" }, evidence: { weightGrams: 6870 } },
      { code: "scan_unidentified", detail: { reason: expect.stringContaining("9 expected") } },
    ]);
  });

  test("a label of several pieces moves, counts and receives all of them", () => {
    const settings = { location: "s0042", restrictedNumbers: "germany" } as const;
    const dozen = "2511119000129";
    const sold = bench({ ...settings, workflow: "sell" }).feed(scans(dozen));
    expect(sold.conclusions).toMatchObject([
      { item: { gtin: "02511110000005" }, quantity: 12, evidence: { count: 12 } },
    ]);
    const counted = bench({ ...settings, workflow: "count" }).feed(
      scans(dozen, label(tea), dozen, "GONDOLA:END"),
    );
    expect(counted.conclusions).toMatchObject([
      { type: "counted", lines: [{ quantity: 24 }, { gtin: tea, quantity: 1 }] },
    ]);
    const data = `01${tea}3024`;
    expect(till().feed([scan(startMs, data, "]C1")]).conclusions).toMatchObject([{ quantity: 24 }]);
  });

  test("a weight that an element string states is kept as evidence", () => {
    const data = `01095060001343523103000250`;
    const { conclusions } = till().feed([scan(startMs, data, "]C1")]);
    expect(conclusions).toMatchObject([
      { item: { gtin: "09506000134352" }, evidence: { weightGrams: 250 } },
    ]);
  });

  test("whatever is scanned keeps its bytes, in a notice that fits into an event", () => {
    const data = "\u0001".repeat(4096);
    const { conclusions, counters } = till().feed([scan(startMs, data, "]L0")]);
    expect(conclusions).toMatchObject([
      { code: "scan_unidentified", detail: { symbology: "]L0" } },
    ]);
    expect(JSON.stringify(conclusions).length).toBeLessThan(16_000);
    expect(JSON.stringify(conclusions).length).toBeGreaterThan(12_000);
    expect(counters.get("scans_without_item_not_gs1")).toBe(1);
  });

  test("a scanner that repeats itself is heard once, a cashier with two equal items twice", () => {
    const times = [0, 80, 160, 240, 320, 400, 1_000, 1_400];
    const scanner = till().feed(times.map((ms) => scan(startMs + ms, label(tea))));
    expect(scanner.conclusions.map((one) => one.occurredAtMs - startMs)).toEqual([0, 1_000, 1_400]);
    expect(scanner.counters.get("scan_repeats")).toBe(5);
    const every = bench({ workflow: "sell", repeatMs: 0 });
    every.feed(times.map((ms) => scan(startMs + ms, label(tea))));
    expect(every.conclusions).toHaveLength(8);
  });
});

describe("commands", () => {
  test("change the workflow until END, over a restart", () => {
    const scanner = till().feed(scans("GONDOLA:RECEIVE:s0042/dock", label(tea)));
    expect(scanner.conclusions).toMatchObject([
      { step: "receiving", to: { location: "s0042/dock" } },
    ]);
    const after = till().restored(scanner, startMs + 60_000);
    const later = (ms: number, code: string) => scan(startMs + 60_000 + ms, code);
    after.feed([later(0, label(tea)), later(1_000, "GONDOLA:END"), later(2_000, label(tea))]);
    expect(after.conclusions).toMatchObject([{ step: "receiving" }, { step: "retail_selling" }]);
    expect(after.stored.size).toBe(0);
  });

  test.each([
    ["GONDOLA:DANCE", "unknown command"],
    ["GONDOLA:END", "nothing to end"],
    ["GONDOLA:COUNT:s0099/floor", "no location of store s0042"],
    ["GONDOLA:COUNT:S0042/FLOOR", "no location of store s0042"],
  ])("%s is refused", (command, reason) => {
    const { conclusions } = till().feed(scans(command));
    expect(conclusions).toMatchObject([
      { code: "scan_command_refused", detail: { reason: expect.stringContaining(reason) } },
    ]);
  });

  test("END also ends work at another place", () => {
    const scanner = bench({ workflow: "receive", location: "s0042/dock" });
    scanner.feed(scans("GONDOLA:RECEIVE:s0042/yard", "GONDOLA:END", label(tea)));
    expect(scanner.conclusions).toMatchObject([{ to: { location: "s0042/dock" } }]);
  });

  test("a till without a place needs one for anything else", () => {
    const { conclusions } = bench({ workflow: "sell" }).feed(scans("GONDOLA:RETURN"));
    expect(conclusions).toMatchObject([{ detail: { reason: "return needs a location" } }]);
  });

  test("the same by message", () => {
    const scanner = till();
    const { pipeline } = scanner;
    expect(pipeline.setWorkflow("scanner-2", { workflow: "sell" })).toContain("scanner-2");
    expect(pipeline.setWorkflow("scanner-1", { workflow: "return", location: "s0099" })).toContain(
      "s0042",
    );
    const output = pipeline.setWorkflow("scanner-1", {
      workflow: "return",
      location: "s0042/desk",
    });
    if (typeof output === "string") throw new Error(output);
    scanner.take(output);
    expect(scanner.feed(scans(label(tea))).conclusions).toMatchObject([{ step: "returning" }]);
  });

  test.each([
    [{ workflow: "transfer_out", location: "s0042/dock" }, "needs the transfer's number"],
    [{ workflow: "transfer_in", referenceId: "a b" }, "no reference"],
    [{ workflow: "sell", expected: [{ gtin: tea, quantity: 1 }] }, "expects nothing"],
  ] as [WorkOrder, string][])("%j is refused", (order, reason) => {
    const scanner = bench({ workflow: "receive", location: "s0042/dock" });
    expect(scanner.pipeline.setWorkflow("scanner-1", order)).toContain(reason);
  });

  test("the prefix can be another", () => {
    const scanner = bench({ workflow: "sell", location: "s0042", commandPrefix: "##" });
    expect(scanner.feed(scans("##RETURN", label(tea))).conclusions[0]).toMatchObject({
      step: "returning",
    });
  });
});

describe("transfers", () => {
  test("go out under their number, and come in under it, over a restart", () => {
    const out = bench({ workflow: "receive", location: "s0042/stockroom" });
    out.feed(scans("GONDOLA:TRANSFER_OUT#T-17", label(tea)));
    expect(out.conclusions).toMatchObject([
      {
        step: "departing",
        readPoint: "s0042/stockroom",
        reference: { type: "transfer", id: "T-17" },
      },
    ]);
    // The account on the way is the ledger's to name.
    expect(out.conclusions[0]).not.toHaveProperty("to");
    const config = { workflow: "receive", location: "s0042/stockroom" };
    const after = bench(config).restored(out, startMs + 60_000);
    after.feed([scan(startMs + 61_000, "GONDOLA:TRANSFER_IN:s0042/dock#T-18")]);
    after.feed([scan(startMs + 62_000, label(tea)), scan(startMs + 63_000, "GONDOLA:END")]);
    expect(after.conclusions).toMatchObject([
      { step: "arriving", to: { location: "s0042/dock" }, reference: { id: "T-18" } },
    ]);
    expect(after.stored.size).toBe(0);
  });

  test("are no configured workflow, and need their number", () => {
    const config = { deviceId: "scanner-1", workflow: "transfer_in", location: "s0042/dock" };
    expect(scannerConfigSchema.safeParse(config).success).toBe(false);
    const { conclusions } = bench({ workflow: "receive", location: "s0042/dock" }).feed(
      scans("GONDOLA:TRANSFER_IN"),
    );
    expect(conclusions).toMatchObject([{ code: "scan_command_refused" }]);
  });
});

describe("people hear", () => {
  test("what is refused: an unknown code, an unknown command", () => {
    const scanner = bench({ workflow: "sell", location: "s0042", refusalSignal: buzz });
    scanner.feed(scans("2112345678900", label(tea), "GONDOLA:DANCE"));
    expect(scanner.signals).toEqual([buzz, buzz]);
  });

  test("whether a product is known, where they look it up; nothing moves", () => {
    const signals = { refusalSignal: buzz, takenSignal: lamp };
    const scanner = bench({ workflow: "look_up", ...signals });
    scanner.pipeline.setPlan(
      planSchema.parse({
        schemaVersion: 1,
        storeId: "s0042",
        version: 1,
        products: [{ gtin: tea, name: "Tea" }],
        locations: [],
        facings: [],
      }),
    );
    scanner.feed(scans(label(tea), label(coffee)));
    expect(scanner.conclusions).toEqual([]);
    expect(scanner.signals).toEqual([lamp, buzz]);
    expect(scanner.counters.get("scans_looked_up_unknown")).toBe(1);
  });
});

describe("a count", () => {
  const begin = "GONDOLA:COUNT:s0042/floor";

  test("is one event: each product, its quantity, and when it was last seen", () => {
    const scanner = till().feed(scans(begin, label(tea), label(coffee), label(tea), "GONDOLA:END"));
    expect(scanner.conclusions).toEqual([
      {
        type: "counted",
        occurredAtMs: startMs + 4_000,
        deviceId: "scanner-1",
        location: "s0042/floor",
        state: "sellable",
        complete: true,
        confidence: 1,
        lines: [
          { gtin: tea, quantity: 2, observedAtMs: startMs + 3_000 },
          { gtin: coffee, quantity: 1, observedAtMs: startMs + 2_000 },
        ],
      },
    ]);
    expect(scanner.stored.size).toBe(0);
    scanner.feed([scan(startMs + 9_000, label(tea))]);
    expect(scanner.conclusions[1]).toMatchObject({ step: "retail_selling" });
  });

  test("of nothing says that nothing is there", () => {
    const { conclusions } = till().feed(scans("GONDOLA:COUNT:s0042/@basket", "GONDOLA:END"));
    expect(conclusions).toMatchObject([{ location: "s0042/@basket", lines: [], complete: true }]);
  });

  test("takes each serial once", () => {
    const unit = (serial: string, ms: number) => scan(startMs + ms, `01${tea}21${serial}`, "]d2");
    const scanner = bench({ workflow: "count", location: "s0042/floor" });
    scanner.feed([unit("A", 0), unit("B", 1_000), unit("A", 2_000), ...scans("GONDOLA:END")]);
    expect(scanner.conclusions).toMatchObject([
      {
        lines: [{ gtin: tea, quantity: 2 }],
        serials: [{ key: `01/${tea}/21/A`, observedAtMs: startMs }, { key: `01/${tea}/21/B` }],
      },
    ]);
    expect(scanner.counters.get("scan_count_repeated_serial")).toBe(1);
  });

  test("a restart in the middle loses nothing", () => {
    const unit = scan(startMs + 5_000, `01${tea}21A`, "]d2");
    const scanner = till().feed([...scans(begin, label(tea), label(tea)), unit]);
    const after = till().restored(scanner, startMs + 3_600_000);
    after.feed([
      { ...unit, receivedAtMs: startMs + 3_601_000 },
      scan(startMs + 3_602_000, label(coffee)),
      scan(startMs + 3_603_000, "GONDOLA:END"),
    ]);
    expect(after.conclusions).toMatchObject([
      {
        location: "s0042/floor",
        lines: [
          { gtin: tea, quantity: 3, observedAtMs: startMs + 5_000 },
          { gtin: coffee, quantity: 1 },
        ],
        serials: [{ observedAtMs: startMs + 5_000 }],
      },
    ]);
    expect(after.stored.size).toBe(0);
  });

  test("that nobody goes on with, or that another command ends, is noticed", () => {
    const scanner = till().feed(scans(begin, label(tea)), startMs + 1_801_000);
    scanner.feed([scan(startMs + 2_000_000, begin), scan(startMs + 2_001_000, "GONDOLA:SELL")]);
    const abandoned = { type: "noticed", code: "count_abandoned" };
    expect(scanner.conclusions).toMatchObject([
      {
        ...abandoned,
        occurredAtMs: startMs + 1_801_000,
        detail: { reason: "timed_out", lineCount: 1, unitCount: 1, location: "s0042/floor" },
      },
      { ...abandoned, detail: { reason: "workflow_changed", lineCount: 0 } },
    ]);
    expect(scanner.stored.size).toBe(0);
  });

  test("larger than an event is noticed, and not called complete", () => {
    const scanner = till().feed([scan(startMs, begin)]);
    for (let number = 1; number <= 200; number += 1) {
      const serial = `X${String(number).padStart(19, "0")}`;
      scanner.feed([scan(startMs + number * 1_000, `01${tea}21${serial}`, "]d2")]);
    }
    expect(scanner.conclusions).toMatchObject([{ code: "count_full" }]);
    const after = till().restored(scanner, startMs + 250_000);
    after.feed([scan(startMs + 300_000, "GONDOLA:END")]);
    expect(after.conclusions).toMatchObject([{ type: "counted", complete: false }]);
    expect(JSON.stringify(after.conclusions[0]).length).toBeLessThan(16 * 1024 - 300);
    expect(after.stored.size).toBe(0);
  });
});
