// Sending again what the ledger has acknowledged, because somebody asked for it. The outbox's own position stays where it
// is: the ledger posts nothing twice, its answers are as ever, and a crash in between forgets the rest.

import type { OutboxPosition, OutboxReader, OutboxRow } from "./buffer/outbox.ts";

/** What is being sent again. */
export interface SendingAgain {
  readonly outboxId: string;
  /** Sent again through this, with the chain's digest there. */
  readonly afterSequence: number;
  readonly afterDigest: string;
  readonly throughSequence: number;
}

/** Begins at a sequence; a text says why not. */
export async function beginAgain(
  outbox: OutboxReader,
  fromSequence: number,
): Promise<SendingAgain | string> {
  const { outboxId, oldestSequence, acknowledgedSequence: throughSequence } = outbox.position();
  const kept = `${outboxId} keeps ${oldestSequence} to ${throughSequence} of what is acknowledged`;
  if (fromSequence > throughSequence) return `${kept}: what follows is sent anyway`;
  if (fromSequence < oldestSequence) return `${kept}: begin with ${oldestSequence}`;
  const afterSequence = fromSequence - 1;
  const afterDigest = await outbox.digestAt(afterSequence);
  if (afterDigest === undefined) return `${kept}: ${fromSequence} lies within a gap`;
  return { outboxId, afterSequence, afterDigest, throughSequence };
}

/** The next rows, as if the ledger stood before them; undefined at the end, or where the buffer is another one now. */
export async function readAgain(
  outbox: OutboxReader,
  { outboxId, afterSequence, afterDigest, throughSequence }: SendingAgain,
  limits: { readonly countMax: number; readonly sizeBytesMax: number },
): Promise<{ readonly position: OutboxPosition; readonly rows: OutboxRow[] } | undefined> {
  if (outbox.position().outboxId !== outboxId || afterSequence >= throughSequence) return undefined;
  const rows = await outbox.read(afterSequence + 1, limits);
  const wanted = rows.filter(({ firstSequence }) => firstSequence <= throughSequence);
  const position = outbox.position();
  if (wanted.length === 0 || position.outboxId !== outboxId) return undefined;
  const before = { acknowledgedSequence: afterSequence, acknowledgedDigest: afterDigest };
  return { position: { ...position, ...before }, rows: wanted };
}

/** Where it stands once `rows` were answered; those that were not sent again move nothing. */
export function wentOn(again: SendingAgain, rows: readonly OutboxRow[]): SendingAgain {
  const [first, last] = [rows.at(0), rows.at(-1)];
  if (last === undefined || first?.firstSequence !== again.afterSequence + 1) return again;
  return { ...again, afterSequence: last.lastSequence, afterDigest: last.digest };
}
