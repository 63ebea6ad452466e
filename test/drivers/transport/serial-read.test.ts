import { mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { endReadsAtHangUp } from "../../../drivers/transport/serial-read.ts";

type Read = (buffer: Buffer, offset: number, length: number) => Promise<{ bytesRead: number }>;

/** A binding's port on a real file: at its end read(2) gives 0 bytes for ever, as a hung-up line does. */
function portOn(text: string) {
  const folder = mkdtempSync(join(tmpdir(), "gondola-read-"));
  writeFileSync(join(folder, "line"), text);
  const fd: number | null = openSync(join(folder, "line"), "r");
  rmSync(folder, { recursive: true });
  const poller = { once: () => expect.fail("a closed port's poller must not be asked") };
  const original: Read = () => Promise.reject(new Error("the library's own read"));
  return { fd: fd as number | null, poller, read: original };
}

test("a read of nothing is a hang-up, not a reason to read again", async () => {
  const port = portOn("abc");
  endReadsAtHangUp(port);
  const buffer = Buffer.alloc(8);
  expect((await port.read(buffer, 2, 6)).bytesRead).toBe(3);
  expect(buffer.toString("latin1", 2, 5)).toBe("abc");
  await expect(port.read(buffer, 0, 8)).rejects.toThrow("hang-up");
});

test("a port that was closed is not read any more, nor is its poller asked", async () => {
  const port = portOn("abc");
  endReadsAtHangUp(port);
  port.fd = null;
  await expect(port.read(Buffer.alloc(8), 0, 8)).rejects.toMatchObject({ canceled: true });
});

test("ports without a poller are left as they are", async () => {
  const { poller: _, ...port } = portOn("");
  endReadsAtHangUp(port);
  await expect(port.read(Buffer.alloc(8), 0, 8)).rejects.toThrow("the library's own read");
});
