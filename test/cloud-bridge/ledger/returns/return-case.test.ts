import fc from "fast-check";
import { expect, test } from "vitest";
import {
  dispose,
  dispositions,
  gradeAllows,
  grades,
  gradeValuesSchema,
  inspect,
  moveOf,
  type ReturnCase,
  valueShareOf,
} from "../../../../cloud-bridge/ledger/returns/return-case.ts";
import { startAtMs, tea } from "../fake-edge.ts";

const received: ReturnCase = {
  ...{ returnId: "0".repeat(32), storeId: "s0042", gtin: tea, location: "s0042/stockroom" },
  ...{ state: "received", receivedAtMs: startAtMs, receivedBy: "ada" },
};
const look = { reasons: ["opened"], by: "bob", atMs: startAtMs + 1, valueShare: 0.5 };

test("nothing becomes of what nobody inspected, and of what was disposed of only the same again", () => {
  const asked = { disposition: "resell", by: "bob", atMs: startAtMs + 2 } as const;
  expect(dispose(received, asked)).toMatchObject({ ok: false, code: "RETURN_STATE" });
  const inspected = inspect(received, { ...look, grade: "A", priceMinor: 999 });
  if (!inspected.ok) throw new Error(inspected.message);
  const disposed = dispose(inspected.returnCase, asked);
  if (!disposed.ok) throw new Error(disposed.message);
  expect(dispose(disposed.returnCase, { ...asked, atMs: startAtMs + 9 })).toEqual(disposed);
  const other = dispose(disposed.returnCase, { ...asked, disposition: "recycle" });
  expect(other).toMatchObject({ ok: false, code: "RETURN_STATE" });
  const again = inspect(disposed.returnCase, { ...look, grade: "D" });
  expect(again).toMatchObject({ ok: false, code: "RETURN_STATE" });
});

test.each(grades)("grade %s: its value, and only what it allows", (grade) => {
  const inspected = inspect(received, { ...look, grade, priceMinor: 999 });
  if (!inspected.ok) throw new Error(inspected.message);
  expect(inspected.returnCase.valueMinor).toBe(500);
  for (const disposition of dispositions) {
    const outcome = dispose(inspected.returnCase, { disposition, by: "bob", atMs: startAtMs });
    expect(outcome.ok).toBe(gradeAllows[grade].includes(disposition));
  }
});

test("without a price there is no value, and a second look forgets that of the first", () => {
  const first = inspect(received, { ...look, grade: "A", priceMinor: 999 });
  if (!first.ok) throw new Error(first.message);
  const second = inspect(first.returnCase, { ...look, grade: "C" });
  expect(second.ok && second.returnCase).toMatchObject({ grade: "C", state: "inspected" });
  expect(second.ok && second.returnCase.valueMinor).toBeUndefined();
});

test("only what is resold becomes sellable, and everything comes from the state of returns", () => {
  fc.assert(
    fc.property(fc.constantFrom(...dispositions), (disposition) => {
      const { from, to } = moveOf({ ...received, disposition });
      expect(from).toEqual({ location: received.location, state: "returned" });
      expect(to.state === "sellable").toBe(disposition === "resell");
      expect(to.location.endsWith("/@loss")).toBe(disposition === "recycle");
    }),
  );
});

test("a class has its own values, every other class those of *", () => {
  const food = { A: 0.5, B: 0.1, C: 0, D: 0 };
  const values = gradeValuesSchema.parse({ "*": { A: 1, B: 0.9, C: 0.4, D: 0.1 }, food });
  expect(grades.map((grade) => valueShareOf(values, "food", grade))).toEqual([0.5, 0.1, 0, 0]);
  for (const other of ["shoes", undefined, "toString"]) {
    expect(grades.map((grade) => valueShareOf(values, other, grade))).toEqual([1, 0.9, 0.4, 0.1]);
  }
  for (const wrong of [{ food }, { "*": { ...food, A: 1.5 } }, { "*": { A: 1 } }, { "-": food }]) {
    expect(gradeValuesSchema.safeParse(wrong).success).toBe(false);
  }
});
