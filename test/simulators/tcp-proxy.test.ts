// The cable that can be cut: through it bytes pass, cut it breaks connections and refuses new ones.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TcpProxy } from "../../simulators/tcp-proxy.ts";

let echo: Server;
let proxy: TcpProxy;

beforeEach(async () => {
  echo = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  proxy = await TcpProxy.open(() => (echo.address() as AddressInfo).port);
});

afterEach(async () => {
  await proxy.close();
  await new Promise((resolve) => echo.close(resolve));
});

async function ping(): Promise<{ answer: string; closed: Promise<unknown> }> {
  const socket = connect(proxy.port, "127.0.0.1");
  await once(socket, "connect");
  const closed = once(socket, "close");
  socket.write("ping");
  const [answer] = await once(socket, "data");
  return { answer: String(answer), closed };
}

test("bytes pass, a cut breaks the connection, and after mending they pass on the same port", async () => {
  const { port } = proxy;
  const first = await ping();
  expect(first.answer).toBe("ping");
  await proxy.cut();
  await first.closed;
  expect(proxy.isCut).toBe(true);
  await expect(ping()).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await proxy.mend();
  expect(proxy.port).toBe(port);
  expect((await ping()).answer).toBe("ping");
});

test("without a target the connection is closed, and the proxy lives", async () => {
  const gone = await TcpProxy.open(() => 1);
  const socket = connect(gone.port, "127.0.0.1");
  socket.on("error", () => socket.destroy());
  await once(socket, "close");
  expect(gone.isCut).toBe(false);
  await gone.close();
});
