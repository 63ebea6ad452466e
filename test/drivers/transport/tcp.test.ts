import { createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { inboundSizeBytesMax } from "../../../drivers/transport/inbox.ts";
import { openTcp } from "../../../drivers/transport/tcp.ts";

let server: Server;
let sockets: Socket[] = [];
let port = 0;

beforeEach(async () => {
  sockets = [];
  server = createServer((socket) => {
    sockets.push(socket.on("error", () => undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as { port: number }).port;
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

async function open() {
  const transport = await openTcp({ host: "127.0.0.1", port });
  while (sockets.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  return { transport, device: sockets[0]!, chunks: transport.chunks[Symbol.asyncIterator]() };
}

test("bytes go both ways", async () => {
  const { transport, device, chunks } = await open();
  const heard = new Promise<Buffer>((resolve) => device.once("data", resolve));
  await transport.write(Uint8Array.of(1, 2));
  expect([...(await heard)]).toEqual([1, 2]);
  device.write(Uint8Array.of(3));
  expect([...(await chunks.next()).value]).toEqual([3]);
  await transport.close();
  await transport.close();
  expect((await chunks.next()).done).toBe(true);
});

test("nobody there: DRIVER_PORT_MISSING names the address", async () => {
  await new Promise((resolve) => server.close(resolve));
  await expect(openTcp({ host: "127.0.0.1", port })).rejects.toMatchObject({
    code: "DRIVER_PORT_MISSING",
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

test.each(["end", "destroy", "resetAndDestroy"] as const)(
  "the device's %s: DRIVER_PORT_LOST",
  async (how) => {
    const { transport, device, chunks } = await open();
    device.write("x");
    expect(String((await chunks.next()).value)).toBe("x");
    device[how]();
    await expect(chunks.next()).rejects.toMatchObject({ code: "DRIVER_PORT_LOST" });
    await transport.close();
    await expect(transport.write(Uint8Array.of(1))).rejects.toMatchObject({
      code: "DRIVER_PORT_LOST",
    });
  },
);

test("a flood waits in the network, not in memory, and arrives whole", async () => {
  const { transport, device, chunks } = await open();
  const flood = Buffer.alloc(20 * inboundSizeBytesMax, 7);
  device.write(flood);
  await new Promise((resolve) => setTimeout(resolve, 50));
  let sizeBytes = 0;
  while (sizeBytes < flood.length) sizeBytes += (await chunks.next()).value.length;
  expect(sizeBytes).toBe(flood.length);
  await transport.close();
});
