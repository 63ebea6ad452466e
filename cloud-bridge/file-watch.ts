// Looks at files again and again, so that a change needs no restart.

import { stat } from "node:fs/promises";
import type { Clock } from "./clock.ts";

/**
 * Looks at the files now, and calls `onChange` whenever one has changed since, again where it said that it could not
 * take them (a file is half written, or wrong). The returned function ends it.
 */
export async function watchFiles(
  files: readonly string[],
  { intervalMs, clock }: { readonly intervalMs: number; readonly clock: Clock },
  onChange: () => Promise<boolean>,
): Promise<() => void> {
  const look = async () => {
    const stats = await Promise.all(files.map((file) => stat(file).catch(() => undefined)));
    return stats.map((one) => `${one?.mtimeMs} ${one?.size} ${one?.ino}`).join();
  };
  let seen = await look();
  let isOver = false;
  let cancel: (() => void) | undefined;
  const wait = () => {
    if (!isOver) cancel = clock.timer(intervalMs, () => void turn());
  };
  const turn = async () => {
    const now = await look();
    if (!isOver && now !== seen && (await onChange())) seen = now;
    wait();
  };
  wait();
  return () => {
    isOver = true;
    cancel?.();
  };
}
