// The ledger's statements as PostgreSQL wants them. They are written once, in the words that SQLite knows;
// what the two spell differently is listed here and nowhere else.

/** Tables that grow with the stores: each in as many parts, by a hash of the store. */
const partitionedTables = new Set(["event_log", "entries", "balances", "serials"]);
/** Parts of each of these tables. It cannot be changed for a ledger that exists. */
export const partitionCount = 8;

/** One statement with its parameters as `$1`. */
export function translateStatement(sql: string): string {
  const code = sql
    .replace(/--[^\n]*/g, "")
    // Rows that are one text each.
    .replace(/\bSELECT value FROM json_each\(/g, "SELECT value#>>'{}' FROM json_each(")
    .replace(/\bk\.value\b(?!\s*->)/g, "(k.value#>>'{}')");
  let parameter = 0;
  return outsideOfTexts(translateCalls(code), (part) =>
    part
      .replace(/\?(\d*)/g, (_, number: string) => {
        if (number === "") parameter += 1;
        return `$${number === "" ? parameter : number}`;
      })
      // Unquoted names would come back in lower case.
      .replace(/\bAS ([a-z]+[A-Z]\w*)\b/g, 'AS "$1"')
      .replace(/\bINTEGER\b/g, "BIGINT"),
  ).replace(/\b(body|detail)->>('\w+')/g, "ledger_json_field($1, $2)");
}

/** A script that creates tables and indexes, statement by statement. */
export function translateScript(script: string): string[] {
  const statements = script.replace(/--[^\n]*/g, "").split(";");
  return statements.filter((statement) => statement.trim() !== "").flatMap(translateDefinition);
}

function translateDefinition(statement: string): string[] {
  const [, table] = /CREATE TABLE (?:IF NOT EXISTS )?(\w+)/.exec(statement) ?? [];
  const sql = statement.replace(/\bWITHOUT ROWID\b/, "").replace(/\bINTEGER\b/g, "BIGINT");
  // Text is compared by its bytes, as SQLite and JavaScript do for the characters of ids.
  const definition = sql.replace(/\bTEXT\b/g, 'TEXT COLLATE "C"');
  if (table === undefined || !partitionedTables.has(table)) return [definition];
  const parts = Array.from(
    { length: partitionCount },
    (_, index) =>
      `CREATE TABLE ${table}_${index} PARTITION OF ${table}
       FOR VALUES WITH (MODULUS ${partitionCount}, REMAINDER ${index})`,
  );
  return [`${definition} PARTITION BY HASH (store_id)`, ...parts];
}

/** Room in each page for new versions of its rows: without it every change of a balance writes both indexes too. */
export const storageSettings = Array.from(
  { length: partitionCount },
  (_, index) => `ALTER TABLE balances_${index} SET (fillfactor = 70)`,
);

/** Functions that stand for what SQLite has built in; made at each change of the tables. */
export const dialectFunctions = [
  // The rows of a JSON array, counted from 0.
  `CREATE OR REPLACE FUNCTION ledger_json_rows(rows text) RETURNS TABLE (key bigint, value jsonb)
   LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 100 AS
   $$ SELECT ordinality - 1, element FROM jsonb_array_elements(rows::jsonb)
      WITH ORDINALITY AS each (element, ordinality) $$`,
  // A body may hold what jsonb refuses (a NUL, half of a surrogate pair); its plain fields are still read.
  `CREATE OR REPLACE FUNCTION ledger_json_field(body text, field text) RETURNS text
   LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS
   $$ BEGIN RETURN body::jsonb->>field;
      EXCEPTION WHEN data_exception THEN
        RETURN substring(body from '"' || field || '":"([^"\\\\]*)"'); END $$`,
];

type Call = (content: string, parts: readonly string[]) => string;

const calls: Record<string, Call> = {
  json_each: (content) => `ledger_json_rows(${content})`,
  jsonb_each: (content) => `ledger_json_rows(${content})`,
  json_object: (content) => `json_build_object(${content})`,
  json_array: (content) => `json_build_array(${content})`,
  json: (content) => `(${content})::json`,
  json_group_array: (content) =>
    /^\s*DISTINCT\b/.test(content)
      ? `coalesce(jsonb_agg(${content.replaceAll("json_build_", "jsonb_build_")}), '[]')`
      : `coalesce(json_agg(${content}), '[]')`,
  instr: (content) => `strpos(${content})`,
  min: (content, parts) => `${parts.length > 1 ? "least" : "min"}(${content})`,
  max: (content, parts) => `${parts.length > 1 ? "greatest" : "max"}(${content})`,
};

function translateCalls(sql: string): string {
  const name = new RegExp(`\\b(${Object.keys(calls).join("|")})\\(`, "g");
  let translated = "";
  let at = 0;
  for (let found = name.exec(sql); found !== null; found = name.exec(sql)) {
    const { end, parts } = scanArguments(sql, name.lastIndex);
    const content = translateCalls(sql.slice(name.lastIndex, end));
    translated += sql.slice(at, found.index) + calls[found[1]!]!(content, parts);
    at = end + 1;
    name.lastIndex = at;
  }
  return translated + sql.slice(at);
}

/** From behind an opening parenthesis to the one that closes it. */
function scanArguments(sql: string, start: number): { end: number; parts: string[] } {
  const parts: string[] = [];
  let depth = 0;
  let isText = false;
  let partStart = start;
  for (let index = start; index < sql.length; index += 1) {
    const character = sql[index];
    if (character === "'") isText = !isText;
    if (isText) continue;
    if (character === "(") depth += 1;
    if (character === "," && depth === 0) {
      parts.push(sql.slice(partStart, index));
      partStart = index + 1;
    }
    if (character !== ")") continue;
    if (depth === 0) return { end: index, parts: [...parts, sql.slice(partStart, index)] };
    depth -= 1;
  }
  throw new Error(`a parenthesis is not closed: ${sql}`);
}

function outsideOfTexts(sql: string, change: (part: string) => string): string {
  const parts = sql.split(/('(?:[^']|'')*')/);
  return parts.map((part, index) => (index % 2 === 0 ? change(part) : part)).join("");
}
