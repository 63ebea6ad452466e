import { expect, test } from "vitest";
import { readFactCsv, refusedCsv } from "../../cloud-bridge/fact-csv.ts";
import { factCountMax } from "../../cloud-bridge/ledger/facts.ts";

const gtin = "9506000134352";
const writtenAtMs = Date.UTC(2026, 10, 27, 10);
const at = "2026-11-27T09:30:00+01:00";
const read = (text: string, name = "a.csv") => readFactCsv({ name, text, writtenAtMs }, "erp");
const needed = "kind,store,occurredAt,gtin";

test("a line of each kind, columns in any order", () => {
  const file = read(
    `reference,kind,store,occurredAt,gtin,quantity,location\r\nR-1,sale,s1,${at},${gtin},2,s1/floor\r\n,receipt,s2,${at},${gtin},,\r\n`,
  );
  expect(file).toMatchObject({
    refused: [],
    requests: [
      {
        ...{ storeId: "s1", sourceId: "erp" },
        facts: [
          {
            ...{ kind: "sale", occurredAtMs: Date.parse(at), quantity: 2, location: "s1/floor" },
            item: { gtin: `0${gtin}` },
            reference: { type: "receipt", id: "R-1" },
          },
        ],
      },
      { storeId: "s2", facts: [{ kind: "receipt", quantity: 1 }] },
    ],
  });
});

test.each([
  ["", "line 1: has to name columns"],
  ["kind,store\n", "line 1: has to name columns"],
  [`${needed},colour\n`, "line 1: has to name columns"],
  [`${needed}\n"x`, "line 2: a quote is opened"],
])("of %j nothing can be read", (text, reason) => {
  expect(read(text)).toContain(reason);
});

test.each([
  [`theft,s1,${at},${gtin}`, "kind: must be one of"],
  [`sale,S 1,${at},${gtin}`, "store: "],
  [`sale,s1,27.11.2026,${gtin}`, "occurredAt: must be like"],
  [`sale,s1,2026-11-27T09:30:00,${gtin}`, "occurredAt: must be like"],
  [`sale,s1,2026-11-27T12:30:00Z,${gtin}`, "after the file was written"],
  [`sale,s1,${at},9506000134353`, "gtin: the GTIN's check digit is wrong"],
  [`sale,s1,${at}`, "there are 3 fields, and 4 columns"],
])("%s is refused alone", (line, reason) => {
  const file = read(`${needed}\n${line}\nsale,s1,${at},${gtin}\n`);
  expect(file).toMatchObject({
    refused: [{ line: 2, reason: expect.stringContaining(reason) }],
    requests: [{ facts: [{ kind: "sale" }] }],
  });
});

test("parts and their keys follow from name and bytes alone", () => {
  const text = `${needed}\n${`sale,s1,${at},${gtin}\n`.repeat(factCountMax + 1)}`;
  const keys = (file: ReturnType<typeof read>) =>
    typeof file === "string" ? [] : file.requests.map(({ key, facts }) => [key, facts.length]);
  expect(keys(read(text)).map(([, count]) => count)).toEqual([factCountMax, 1]);
  expect(keys(read(text))).toEqual(keys(read(text)));
  expect(keys(read(text, "b.csv"))[0]).not.toEqual(keys(read(text))[0]);
  expect(new Set(keys(read(text)).map(([key]) => key)).size).toBe(2);
});

test("what was refused is written with its lines, in their order", () => {
  const header = ["kind", "gtin"];
  const lines = [
    { line: 3, fields: ["sale", "2"], reason: 'says "no"' },
    { line: 2, fields: ["x", "1"], reason: "kind" },
  ];
  expect(refusedCsv(header, lines)).toBe(
    'line,reason,kind,gtin\r\n2,kind,x,1\r\n3,"says ""no""",sale,2\r\n',
  );
});
