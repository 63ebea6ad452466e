// What every test of delivery ends with: nothing that was accepted is lost, nothing stands in the ledger twice, and
// `gondola-bridge verify` finds sequences without hole or repeat, sums that fit and chains that hold.

import { Daemon } from "./daemon.ts";

/** What `gondola-bridge verify --json` said: of the ledger, and of an edge's buffer where one was named. */
export interface Verdict {
  readonly code: number | null;
  readonly text: string;
  readonly ledger: { readonly [name: string]: unknown; readonly eventCount: number };
  readonly buffer: { readonly [name: string]: unknown; readonly acceptedCount: number } | undefined;
}

/** Runs it as a process. `words`: which ledger, and `--edge-buffer FILE`. */
export async function verdictOf(...words: string[]): Promise<Verdict> {
  const verify = Daemon.start("cloud-bridge", "verify", "--json", ...words);
  const code = await verify.exited();
  const find = <T>(member: string) => verify.lines.find((line) => member in line) as T | undefined;
  return {
    code,
    text: verify.noise + verify.lines.map((line) => JSON.stringify(line)).join("\n"),
    ledger: find<Verdict["ledger"]>("eventCount") ?? { eventCount: 0 },
    buffer: find<NonNullable<Verdict["buffer"]>>("acceptedCount"),
  };
}

/** Holds what was accepted (`outbox/sequence`) against how far the ledger came, and how often each event stands in it. */
export function deliveryOf(
  accepted: Iterable<string>,
  through: ReadonlyMap<string, number>,
  posted: ReadonlyMap<string, number>,
): { lost: string[]; repeated: string[] } {
  const lost = [...accepted].filter((key) => {
    const [outboxId = "", sequence] = key.split("/");
    return Number(sequence) > (through.get(outboxId) ?? 0);
  });
  const repeated = [...posted].filter(([, times]) => times > 1).map(([key]) => key);
  return { lost, repeated };
}
