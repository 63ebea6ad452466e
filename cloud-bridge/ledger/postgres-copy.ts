// COPY over `pg`, which knows its messages but has no call for it (PostgreSQL: frontend/backend protocol, COPY operations):
// rows into a table at a fraction of what an INSERT of them costs.

import type { SqlValue } from "./database.ts";

/** What `pg` has of a connection beside its types. */
interface CopyConnection {
  readonly stream: { cork(): void; uncork(): void };
  query(sql: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** Rows as the text format has them: a line each, cells apart by tabs. */
export function copyText(rows: readonly (readonly SqlValue[])[]): string {
  let text = "";
  for (const row of rows) {
    let separator = "";
    for (const cell of row) {
      text += separator + cellText(cell);
      separator = "\t";
    }
    text += "\n";
  }
  return text;
}

function cellText(cell: SqlValue): string | number {
  if (cell === null) return "\\N";
  return typeof cell === "string" && special.test(cell) ? cell.replace(allSpecial, escaped) : cell;
}

const special = /[\\\t\n\r]/;
const allSpecial = /[\\\t\n\r]/g;
const escapes: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
function escaped(character: string): string {
  return escapes[character]!;
}

/** `Query` of `pg`: calls back once, with an error or without. */
export type QueryClass = new (
  sql: string,
  values: undefined,
  callback: (error: Error | null) => void,
) => object;

/**
 * One `COPY … FROM STDIN` for a client of `pg`, whose class of queries is needed: it takes no other where statements are sent
 * without waiting for one another. So are the rows, which a server that refuses the statement passes over.
 */
export function copyIn(
  Query: QueryClass,
  { sql, data }: { readonly sql: string; readonly data: Buffer },
  callback: (error: Error | null) => void,
): object {
  return Object.assign(new Query(sql, undefined, callback), {
    submit(connection: CopyConnection) {
      connection.stream.cork();
      connection.query(sql);
      connection.sendCopyFromChunk(data);
      connection.endCopyFrom();
      connection.stream.uncork();
      return null;
    },
    handleCopyInResponse() {
      // The rows are on their way already.
    },
  });
}
