import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openInputDevice } from "../../../drivers/transport/input-device.ts";

// A FIFO is read as an event node is: bytes when there are some, the end when the other side went.
test("bytes come, writing is refused, the end is DRIVER_PORT_LOST", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gondola-input-"));
  const path = join(folder, "event0");
  execFileSync("mkfifo", [path]);
  const writer = await open(path, "r+");
  const transport = await openInputDevice({ path });
  const chunks = transport.chunks[Symbol.asyncIterator]();
  await writer.write(Buffer.alloc(48, 7));
  expect((await chunks.next()).value).toHaveLength(48);
  await expect(transport.write(Uint8Array.of(1))).rejects.toMatchObject({
    code: "DRIVER_PORT_FAILED",
  });
  const lost = expect(chunks.next()).rejects.toMatchObject({ code: "DRIVER_PORT_LOST" });
  await writer.close();
  await lost;
  await transport.close();
  rmSync(folder, { recursive: true });
});

test("closed while nothing comes, it is closed at once and leaves nothing behind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gondola-input-"));
  const path = join(folder, "event0");
  execFileSync("mkfifo", [path]);
  const writer = await open(path, "r+");
  const transport = await openInputDevice({ path });
  const next = transport.chunks[Symbol.asyncIterator]().next();
  await transport.close();
  expect(await next).toEqual({ value: undefined, done: true });
  await writer.close();
  rmSync(folder, { recursive: true });
});

test("what is not there is DRIVER_PORT_MISSING", async () => {
  const opening = openInputDevice({ path: "/dev/input/by-id/usb-not-there-event-kbd" });
  await expect(opening).rejects.toMatchObject({ code: "DRIVER_PORT_MISSING" });
});
