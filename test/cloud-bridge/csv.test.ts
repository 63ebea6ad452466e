import fc from "fast-check";
import { expect, test } from "vitest";
import { csvField, parseCsv } from "../../cloud-bridge/csv.ts";

const fieldsOf = (text: string) => {
  const parsed = parseCsv(text, 1000);
  return parsed.ok ? parsed.records.map(({ fields }) => fields) : parsed;
};

test.each([
  ["", []],
  [
    "a,b\r\nc,d\r\n",
    [
      ["a", "b"],
      ["c", "d"],
    ],
  ],
  [
    "a,b\nc,d",
    [
      ["a", "b"],
      ["c", "d"],
    ],
  ],
  [
    "\uFEFFa,\n,b\n",
    [
      ["a", ""],
      ["", "b"],
    ],
  ],
  ['"a,""b"""," c"\n', [['a,"b"', " c"]]],
  [
    '"two\nlines",x\n\ny,z\n',
    [
      ["two\nlines", "x"],
      ["y", "z"],
    ],
  ],
])("%j", (text, records) => {
  expect(fieldsOf(text)).toEqual(records);
});

test.each([
  ['a\n"b', 2, "never closed"],
  ['a\nb"c\n', 2, "unquoted"],
  ['"a"b\n', 1, "after a closing quote"],
  ['"x\ny"\na\rb', 3, "after a closing quote"],
])("%j is refused with its line", (text, line, message) => {
  expect(fieldsOf(text)).toEqual({ ok: false, line, message: expect.stringContaining(message) });
});

test("more records than may be are refused, with the line where they begin", () => {
  expect(parseCsv("a\nb\n\nc\n", 2)).toMatchObject({ ok: false, line: 4 });
});

test("what is written is read, with the lines that records begin on", () => {
  const field = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom('"', "\n", ",", "\r\n", ""),
  );
  const record = fc
    .array(field, { minLength: 1, maxLength: 5 })
    .filter(([first = ""], ...rest) => rest.length > 0 || first !== "");
  fc.assert(
    fc.property(fc.array(record), (records) => {
      const wanted = records.filter((fields) => fields.length > 1 || fields[0] !== "");
      const text = records.map((fields) => `${fields.map(csvField).join(",")}\r\n`).join("");
      // A byte order mark at the very beginning is none of the first field's characters.
      fc.pre(!text.startsWith("\uFEFF"));
      expect(fieldsOf(text)).toEqual(wanted);
    }),
  );
});
