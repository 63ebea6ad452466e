// What a process did to its files, as strace recorded it.

/** One operation, in the order in which it ended. `accepted`: the process told that this sequence is safe. */
export type FileOperation =
  | {
      readonly kind: "write";
      readonly file: string;
      readonly offset: number;
      readonly bytes: Buffer;
    }
  | { readonly kind: "truncate"; readonly file: string; readonly size: number }
  | { readonly kind: "sync"; readonly file: string }
  | { readonly kind: "rename"; readonly file: string; readonly to: string }
  | { readonly kind: "remove"; readonly file: string }
  | { readonly kind: "accepted"; readonly sequence: number };

/** What strace is started with, before the program. */
export const straceWords = [
  ...["-f", "-y", "-xx", "-s", "100000", "-e", "signal=none"],
  ...["-e", "trace=pwrite64,write,ftruncate,fsync,fdatasync,rename,unlink"],
];

/** Reads a record of strace; only files below `folder` and what was written to standard output count. */
export function parseOperations(text: string, folder: string): FileOperation[] {
  const begun = new Map<string, string>();
  const offsets = new Map<string, number>();
  const operations: FileOperation[] = [];
  for (const line of text.split("\n")) {
    const [, pid = "", rest = ""] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const unfinished = /^(.*)<unfinished \.\.\.>$/.exec(rest);
    if (unfinished !== null) {
      begun.set(pid, unfinished[1]!);
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>\s?(.*)$/.exec(rest);
    const call = resumed === null ? rest : `${begun.get(pid) ?? ""}${resumed[1]}`;
    const operation = operationOf(call, folder, offsets);
    if (operation !== undefined) operations.push(operation);
  }
  return operations;
}

function operationOf(
  call: string,
  folder: string,
  offsets: Map<string, number>,
): FileOperation | undefined {
  const [, name = "", words = "", result = ""] = /^(\w+)\((.*)\)\s+= (-?\d+)/.exec(call) ?? [];
  if (name === "" || result.startsWith("-")) return undefined;
  const texts = [...words.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex]) => bytesOf(hex!));
  const path = /^\d+<([^>]*)>/.exec(words)?.[1];
  const file = path?.includes("\\x")
    ? bytesOf(path).toString()
    : (path ?? texts[0]?.toString() ?? "");
  if (name === "write" && words.startsWith("1<")) {
    const accepted = /^accepted (\d+)/.exec(texts[0]?.toString() ?? "");
    return accepted === null ? undefined : { kind: "accepted", sequence: Number(accepted[1]) };
  }
  if (!file.startsWith(folder)) return undefined;
  const numbers = [...words.matchAll(/, (\d+)/g)].map(([, digits]) => Number(digits));
  switch (name) {
    case "pwrite64":
      return { kind: "write", file, offset: numbers.at(-1)!, bytes: texts[0]! };
    case "write": {
      const offset = offsets.get(file) ?? 0;
      offsets.set(file, offset + texts[0]!.length);
      return { kind: "write", file, offset, bytes: texts[0]! };
    }
    case "ftruncate":
      return { kind: "truncate", file, size: numbers.at(-1)! };
    case "rename":
      offsets.delete(file);
      return { kind: "rename", file, to: texts[1]!.toString() };
    case "unlink":
      offsets.delete(file);
      return { kind: "remove", file };
    default:
      return { kind: "sync", file };
  }
}

function bytesOf(escaped: string): Buffer {
  return Buffer.from(escaped.replaceAll("\\x", ""), "hex");
}
