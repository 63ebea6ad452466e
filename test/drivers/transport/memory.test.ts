import { expect, test } from "vitest";
import { MemoryPort } from "../../../drivers/transport/memory.ts";

test("bytes go both ways, and are copies", async () => {
  const port = new MemoryPort("m1");
  const received: Uint8Array[] = [];
  port.plug((bytes) => received.push(bytes));
  const transport = await port.open();
  const sent = Uint8Array.of(1, 2);
  await transport.write(sent);
  sent[0] = 9;
  expect(received).toEqual([Uint8Array.of(1, 2)]);
  expect(port.send(Uint8Array.of(3))).toBe(true);
  const chunks = transport.chunks[Symbol.asyncIterator]();
  expect((await chunks.next()).value).toEqual(Uint8Array.of(3));
});

test("a port without a device is missing, one that is open is busy", async () => {
  const port = new MemoryPort("m1");
  await expect(port.open()).rejects.toMatchObject({ code: "DRIVER_PORT_MISSING" });
  port.plug(() => undefined);
  const transport = await port.open();
  await expect(port.open()).rejects.toMatchObject({ code: "DRIVER_PORT_BUSY" });
  await transport.close();
  await transport.close();
  await (await port.open()).close();
});

test("what is sent while nobody listens is gone", async () => {
  const port = new MemoryPort("m1");
  port.plug(() => undefined);
  expect(port.send(Uint8Array.of(1))).toBe(false);
  const transport = await port.open();
  port.send(Uint8Array.of(2));
  const chunks = transport.chunks[Symbol.asyncIterator]();
  expect((await chunks.next()).value).toEqual(Uint8Array.of(2));
});

test("unplugged: reading and writing are lost, until it is plugged in and opened again", async () => {
  const port = new MemoryPort("m1");
  port.plug(() => undefined);
  const transport = await port.open();
  port.unplug();
  const chunks = transport.chunks[Symbol.asyncIterator]();
  await expect(chunks.next()).rejects.toMatchObject({ code: "DRIVER_PORT_LOST" });
  await expect(transport.write(Uint8Array.of(1))).rejects.toMatchObject({
    code: "DRIVER_PORT_LOST",
  });
  await expect(port.open()).rejects.toMatchObject({ code: "DRIVER_PORT_MISSING" });
  port.plug(() => undefined);
  await (await port.open()).close();
});
