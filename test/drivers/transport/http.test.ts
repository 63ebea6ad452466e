// Real sockets: a server of the test's own, and the simulated reader behind its HTTP face.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Reading } from "../../../contract/reading.ts";
import { systemClock } from "../../../drivers/clock.ts";
import { device } from "../../../drivers/impinj-iot/driver.ts";
import { encodeRequest } from "../../../drivers/transport/exchange.ts";
import { openHttp } from "../../../drivers/transport/http.ts";
import {
  openPort,
  portConfigSchema,
  portKey,
  portWarning,
} from "../../../drivers/transport/port.ts";
import { startDevice } from "../../../simulators/device-process.ts";

let server: Server;
let url = "";
let folder = "";
let streams: ServerResponse[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "gondola-http-"));
  streams = [];
  server = createServer((request, response) => {
    const isKnown = request.headers.authorization === `Basic ${btoa("root:s3cret")}`;
    if (!isKnown) response.writeHead(401).end();
    else if (request.url === "/stream") {
      response.writeHead(200).flushHeaders();
      streams.push(response);
    } else if (request.url === "/state") response.end('{"is":"well"}');
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}/stream`;
  writeFileSync(join(folder, "password"), "s3cret\n");
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const open = async () => {
  const transport = await openHttp({ url, user: "root", passwordFile: join(folder, "password") });
  return { transport, chunks: transport.chunks[Symbol.asyncIterator]() };
};
const textOf = async (chunks: AsyncIterator<Uint8Array>) =>
  Buffer.from((await chunks.next()).value).toString();

test("an answer comes between two lines, not within one", async () => {
  const { transport, chunks } = await open();
  streams[0]!.write('{"a":');
  expect(await textOf(chunks)).toBe('{"a":');
  await transport.write(encodeRequest({ method: "GET", path: "/state" }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  streams[0]!.write('1}\n{"b"');
  expect(await textOf(chunks)).toBe("1}\n");
  expect(JSON.parse(await textOf(chunks))).toEqual({
    answerTo: "/state",
    statusCode: 200,
    body: { is: "well" },
  });
  expect(await textOf(chunks)).toBe('{"b"');
  await transport.close();
  await transport.close();
  expect((await chunks.next()).done).toBe(true);
});

test("a stream that ends, and one that is cut, are lost", async () => {
  for (const cut of [() => streams.at(-1)!.end(), () => streams.at(-1)!.destroy()]) {
    const { transport, chunks } = await open();
    cut();
    await expect(chunks.next()).rejects.toMatchObject({ code: "DRIVER_PORT_LOST" });
    await expect(transport.write(encodeRequest({ method: "GET", path: "/" }))).rejects.toThrow();
    await transport.close();
  }
});

test("what is no request is refused", async () => {
  const { transport } = await open();
  const written = transport.write(Uint8Array.of(1));
  await expect(written).rejects.toMatchObject({ code: "DRIVER_PORT_FAILED" });
  await transport.close();
});

test("why it does not open", async () => {
  const access = { user: "root", passwordFile: join(folder, "password") };
  const code = (options: Parameters<typeof openHttp>[0]) =>
    openHttp(options).catch((error: { code: string }) => error.code);
  expect(await code({ url })).toBe("DRIVER_PORT_DENIED");
  expect(await code({ url: `${url}/other`, ...access })).toBe("DRIVER_PORT_FAILED");
  expect(await code({ url: "http://127.0.0.1:1/" })).toBe("DRIVER_PORT_MISSING");
  expect(await code({ url, caFile: join(folder, "none") })).toBe("DRIVER_PORT_DENIED");
});

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
test.skipIf(!hasOpenssl)(
  "TLS: a certificate of its own is believed where it is named",
  async () => {
    const [key, cert] = [join(folder, "key"), join(folder, "cert")];
    const subject = ["-subj", "/CN=reader", "-addext", "subjectAltName=IP:127.0.0.1"];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    execFileSync("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", cert, ...subject], {
      stdio: "ignore",
    });
    const secure = createSecureServer(
      { key: readFileSync(key), cert: readFileSync(cert) },
      (_, to) => to.end('{"a":1}\n'),
    );
    await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
    const at = `https://127.0.0.1:${(secure.address() as { port: number }).port}/`;
    await expect(openHttp({ url: at })).rejects.toMatchObject({
      code: "DRIVER_PORT_DENIED",
      message: expect.stringContaining("caFile"),
    });
    const transport = await openHttp({ url: at, caFile: cert });
    expect(await textOf(transport.chunks[Symbol.asyncIterator]())).toBe('{"a":1}\n');
    await transport.close();
    secure.closeAllConnections();
    await new Promise((resolve) => secure.close(resolve));
  },
);

test("the configuration", () => {
  const port = portConfigSchema.parse({ http: { url } });
  expect(portKey(port)).toBe(url);
  expect(portWarning(port)).toBeUndefined();
  for (const wrong of ["ftp://reader/", "reader", "http://root:impinj@reader/"]) {
    expect(portConfigSchema.safeParse({ http: { url: wrong } }).success).toBe(false);
  }
});

test("the simulated Impinj reader, from its process to readings", async () => {
  const simulated = await startDevice({ kind: "impinj-iot", tcpPort: 0, options: { roundMs: 10 } });
  const epc = "3034257BF7194E4000001A85";
  simulated.control({ type: "field", tags: [{ epc, antenna: 1, rssiDbm: -40 }] });
  const transport = await openPort(portConfigSchema.parse({ http: { url: simulated.address } }), 0);
  const readings: Reading[] = [];
  let identified = "";
  const running = device.createDriver({}).run({
    deviceId: "portal-1",
    transport,
    clock: systemClock,
    onReading: (reading) => readings.push(reading),
    onIdentified: (text) => {
      identified = text;
    },
    count: () => undefined,
    signal: new AbortController().signal,
  });
  const ended = running.catch((error: unknown) => error);
  while (readings.length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(identified).toContain("Impinj reader");
  expect(readings[0]).toMatchObject({ kind: "tag", epc });
  await simulated.stop();
  expect(await ended).toMatchObject({ code: "DRIVER_PORT_LOST" });
  await transport.close();
});
