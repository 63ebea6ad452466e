// Queries with a name, in both databases: so many, so long, each by its maker.

import { expect, test } from "vitest";
import {
  namedQueryCountMax,
  namedQueryKeepMs,
} from "../../../cloud-bridge/ledger/sql-named-queries.ts";
import { openLedger } from "./edge-fixture.ts";
import { startAtMs } from "./fake-edge.ts";

const author = { by: "ada", nowMs: startAtMs };
const dayMs = 24 * 3_600_000;

test("are kept as they were sent, listed by name and removed once", async () => {
  const { queries } = (await openLedger()).epcis;
  const query = {
    EQ_bizStep: ["shipping", "receiving"],
    EXISTS_errorDeclaration: null,
    eventCountLimit: 3,
  };
  expect(await queries.add({ name: "b", query }, author)).toBe("added");
  expect(await queries.add({ name: "b", query: {} }, author)).toBe("exists");
  expect(await queries.add({ name: "a", query: {} }, author)).toBe("added");
  expect(await queries.find("b")).toEqual({ name: "b", query });
  expect(await queries.find("B")).toBeUndefined();
  const names = async (after: string, countMax: number) =>
    (await queries.list({ after, countMax })).map(({ name }) => name);
  expect(await names("", 10)).toEqual(["a", "b"]);
  expect(await names("", 1)).toEqual(["a"]);
  expect(await names("a", 10)).toEqual(["b"]);
  expect(await queries.remove("a", author)).toBe(true);
  expect(await queries.remove("a", author)).toBe(false);
  expect(await names("", 10)).toEqual(["b"]);
});

test("are as many as there may be; one that nobody runs makes room", async () => {
  const { queries } = (await openLedger()).epcis;
  for (let index = 0; index < namedQueryCountMax; index += 1)
    expect(await queries.add({ name: `q${index}`, query: {} }, author)).toBe("added");
  expect(await queries.add({ name: "more", query: {} }, author)).toBe("full");
  await queries.noteUse("q7", startAtMs + dayMs);
  const later = { by: "ada", nowMs: startAtMs + namedQueryKeepMs + 1 };
  expect(await queries.add({ name: "more", query: {} }, later)).toBe("added");
  const left = await queries.list({ after: "", countMax: 1000 });
  expect(left.map(({ name }) => name)).toEqual(["more", "q7"]);
});

test("of one scope are not those of another, nor counted with them", async () => {
  const { queries } = (await openLedger()).epcis;
  const listed = async (scope: string) =>
    (await queries.list({ after: "", countMax: 10, scope })).map(({ name }) => name);
  for (const scope of ["", "s1", "s12"]) {
    for (const name of ["b", "a", "s1"])
      expect(await queries.add({ name, query: { EQ_action: scope } }, author, scope)).toBe("added");
    expect(await queries.add({ name: "a", query: {} }, author, scope)).toBe("exists");
    expect(await listed(scope)).toEqual(["a", "b", "s1"]);
  }
  expect(await queries.list({ after: "a", countMax: 1, scope: "s1" })).toEqual([
    { name: "b", query: { EQ_action: "s1" } },
  ]);
  expect(await queries.remove("a", author, "s1")).toBe(true);
  expect(await queries.find("a", "s1")).toBeUndefined();
  expect(await queries.find("a", "s12")).toEqual({ name: "a", query: { EQ_action: "s12" } });
  expect(await queries.find("a")).toEqual({ name: "a", query: { EQ_action: "" } });
  for (let index = 2; index < namedQueryCountMax; index += 1)
    expect(await queries.add({ name: `q${index}`, query: {} }, author, "s1")).toBe("added");
  expect(await queries.add({ name: "more", query: {} }, author, "s1")).toBe("full");
  expect(await queries.add({ name: "more", query: {} }, author)).toBe("added");
});

test("leave who added and removed them", async () => {
  const ledger = await openLedger();
  await ledger.epcis.queries.add({ name: "mine", query: {} }, author);
  await ledger.epcis.queries.remove("mine", { by: "tom", nowMs: startAtMs + 1 });
  const deeds = await ledger.audit({ countMax: 10 });
  expect(deeds).toMatchObject([
    { act: "epcis_query_added", subject: "mine", by: "ada" },
    { act: "epcis_query_removed", subject: "mine", by: "tom" },
  ]);
});
