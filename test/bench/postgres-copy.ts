// COPY over `pg`, which knows its messages but has no call for it (PostgreSQL: frontend/backend protocol, COPY operations).

import type { Client, Connection, Submittable } from "pg";

/** What `pg` has beside its types. */
interface CopyConnection extends Connection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** Runs `COPY … FROM STDIN`. */
export async function copyIn(client: Client, sql: string, data: Buffer): Promise<void> {
  await new CopyQuery(sql, data).on(client);
}

/** Runs `COPY … TO STDOUT`; gives the lines, as `copyIn` takes them. */
export async function copyOut(client: Client, sql: string): Promise<Buffer> {
  return await new CopyQuery(sql).on(client);
}

/** One COPY, as the client calls it back. */
class CopyQuery implements Submittable {
  readonly #sql: string;
  readonly #data: Buffer | undefined;
  readonly #chunks: Buffer[] = [];
  #error: Error | undefined;
  #done: ((error: Error | undefined) => void) | undefined;

  constructor(sql: string, data?: Buffer) {
    this.#sql = sql;
    this.#data = data;
  }

  async on(client: Client): Promise<Buffer> {
    const error = await new Promise<Error | undefined>((resolve) => {
      this.#done = resolve;
      client.query(this);
    });
    if (error !== undefined) throw error;
    return Buffer.concat(this.#chunks);
  }

  submit(connection: Connection): void {
    connection.query(this.#sql);
  }

  handleCopyInResponse(connection: CopyConnection): void {
    if (this.#data !== undefined) connection.sendCopyFromChunk(this.#data);
    connection.endCopyFrom();
  }

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    this.#chunks.push(Buffer.from(chunk));
  }

  handleCommandComplete(): void {
    // The server is ready for the next statement only after the message that follows.
  }

  handleError(error: Error): void {
    this.#error = error;
    this.#done?.(error);
  }

  handleReadyForQuery(): void {
    this.#done?.(this.#error);
  }
}
