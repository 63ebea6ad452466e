// Comma-separated values as RFC 4180 has them, strictly: what is not well-formed is refused with its line. Pure.

/** A record and the line that it begins on, counted from 1. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

export type CsvResult =
  | { readonly ok: true; readonly records: readonly CsvRecord[] }
  | { readonly ok: false; readonly line: number; readonly message: string };

/** Reads a text; a byte order mark and empty lines are left out. More than `recordCountMax` records are refused. */
export function parseCsv(text: string, recordCountMax: number): CsvResult {
  const reader = new CsvReader(text.replace(/^\uFEFF/, ""));
  const records: CsvRecord[] = [];
  for (;;) {
    const record = reader.next();
    if (record === undefined) return { ok: true, records };
    if ("message" in record) return { ok: false, ...record };
    if (record.fields.length === 1 && record.fields[0] === "") continue;
    if (records.length >= recordCountMax) {
      return { ok: false, line: record.line, message: `there are over ${recordCountMax} lines` };
    }
    records.push(record);
  }
}

/** A field as it has to be written. */
export function csvField(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

class CsvReader {
  readonly #text: string;
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  next(): CsvRecord | { line: number; message: string } | undefined {
    if (this.#at >= this.#text.length) return undefined;
    const line = this.#line;
    const fields: string[] = [];
    for (;;) {
      const isQuoted = this.#text[this.#at] === '"';
      const field = isQuoted ? this.#quoted() : this.#plain();
      if (typeof field !== "string") return field;
      fields.push(field);
      if (this.#text[this.#at] === ",") this.#at += 1;
      else if (this.#endsLine()) return { line, fields };
      else return this.#wrong("after a closing quote comes a comma or the end of the line");
    }
  }

  #quoted(): string | { line: number; message: string } {
    let value = "";
    for (let from = this.#at + 1; ; ) {
      const end = this.#text.indexOf('"', from);
      if (end < 0) return this.#wrong("a quote is opened and never closed");
      value += this.#text.slice(from, end);
      if (this.#text[end + 1] !== '"') {
        this.#at = end + 1;
        this.#line += value.split("\n").length - 1;
        return value;
      }
      value += '"';
      from = end + 2;
    }
  }

  #plain(): string | { line: number; message: string } {
    const from = this.#at;
    const rest = /[,\r\n"]/g;
    rest.lastIndex = from;
    this.#at = rest.exec(this.#text)?.index ?? this.#text.length;
    if (this.#text[this.#at] === '"')
      return this.#wrong("a quote stands inside of an unquoted field");
    return this.#text.slice(from, this.#at);
  }

  #endsLine(): boolean {
    if (this.#at >= this.#text.length) return true;
    const [ending] = /^(\r\n|\n)/.exec(this.#text.slice(this.#at, this.#at + 2)) ?? [];
    if (ending === undefined) return false;
    this.#at += ending.length;
    this.#line += 1;
    return true;
  }

  #wrong(message: string) {
    return { line: this.#line, message };
  }
}
