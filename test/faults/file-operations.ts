// What a process did to its files, as strace recorded it, and what a disk may have of it when the power goes: everything
// that was synced, and of the rest nothing, some writes, or some sectors. Names of files (created, renamed, removed) are
// taken to be on the disk at once, as a journalling file system has them in order.

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

/** What is left of writes that were not synced when the power goes. */
export type PowerLoss = "nothing" | "some writes" | "some sectors";

const sectorBytes = 512;

/** The files as the disk has them when the power goes after the first `count` operations. */
export function filesAfter(
  operations: readonly FileOperation[],
  count: number,
  loss: PowerLoss,
  random: () => number,
): Map<string, Buffer> {
  const files = new Map<string, Content>();
  const waiting = new Map<string, FileOperation[]>();
  const settle = (file: string, keeps: (operation: FileOperation) => boolean) => {
    for (const operation of waiting.get(file) ?? []) {
      if (keeps(operation)) files.get(file)?.apply(operation);
    }
    waiting.delete(file);
  };
  for (const operation of operations.slice(0, count)) {
    if (operation.kind === "accepted") continue;
    const { kind, file } = operation;
    if (kind === "sync") settle(file, () => true);
    else if (kind === "remove") {
      files.delete(file);
      waiting.delete(file);
    } else if (kind === "rename") {
      files.set(operation.to, files.get(file) ?? new Content());
      waiting.set(operation.to, waiting.get(file) ?? []);
      files.delete(file);
      waiting.delete(file);
    } else {
      if (!files.has(file)) files.set(file, new Content());
      const others = waiting.get(file);
      if (others === undefined) waiting.set(file, [operation]);
      else others.push(operation);
    }
  }
  for (const [file, operations] of waiting) {
    if (loss === "some sectors")
      waiting.set(
        file,
        operations.flatMap((one) => torn(one, random)),
      );
    settle(file, () => loss !== "nothing" && (loss === "some sectors" || random() < 0.5));
  }
  return new Map([...files].map(([file, content]) => [file, content.bytes()]));
}

/** The content of a file, which grows in place. */
class Content {
  #buffer = Buffer.alloc(4096);
  #size = 0;

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }

  apply(operation: FileOperation): void {
    if (operation.kind === "truncate") {
      this.#reserve(operation.size);
      this.#buffer.fill(0, operation.size);
      this.#size = operation.size;
    } else if (operation.kind === "write") {
      const end = operation.offset + operation.bytes.length;
      this.#reserve(end);
      operation.bytes.copy(this.#buffer, operation.offset);
      this.#size = Math.max(this.#size, end);
    }
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    const grown = Buffer.alloc(2 * size);
    this.#buffer.copy(grown);
    this.#buffer = grown;
  }
}

/** Of a write those sectors that chance lets through. */
function torn(operation: FileOperation, random: () => number): FileOperation[] {
  if (operation.kind !== "write") return random() < 0.5 ? [operation] : [];
  const { file, offset, bytes } = operation;
  const parts: FileOperation[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + sectorBytes - ((offset + at) % sectorBytes));
    if (random() < 0.5) {
      parts.push({ kind: "write", file, offset: offset + at, bytes: bytes.subarray(at, end) });
    }
    at = end;
  }
  return parts;
}
