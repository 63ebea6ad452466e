// Who holds a TCP port: read from /proc, so that "port in use" can name the process to look at.

import { readdir, readFile, readlink } from "node:fs/promises";

/** `pid 123 (node bridge.js)` of the process that listens on a port; undefined where /proc does not tell. */
export async function portHolder(port: number): Promise<string | undefined> {
  const inode =
    (await listeningInode("/proc/net/tcp", port)) ?? (await listeningInode("/proc/net/tcp6", port));
  if (inode === undefined) return undefined;
  const names = await readdir("/proc").catch(() => []);
  for (const pid of names.filter((name) => /^\d+$/.test(name))) {
    if (await holds(pid, `socket:[${inode}]`)) return `pid ${pid} (${await commandOf(pid)})`;
  }
  return undefined;
}

// proc(5): the second column is address:port in hex, the fourth the state (0A: listening), the tenth the inode.
async function listeningInode(file: string, port: number): Promise<string | undefined> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const text = await readFile(file, "utf8").catch(() => "");
  for (const line of text.split("\n")) {
    const columns = line.trim().split(/\s+/);
    if (columns[1]?.endsWith(wanted) && columns[3] === "0A") return columns[9];
  }
  return undefined;
}

async function holds(pid: string, socket: string): Promise<boolean> {
  // Another user's process, or one that just ended, cannot be read: it is then not named.
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const descriptor of descriptors) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
    if (target === socket) return true;
  }
  return false;
}

async function commandOf(pid: string): Promise<string> {
  const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return text.split("\0").filter(Boolean).join(" ").slice(0, 120) || "unknown command";
}
