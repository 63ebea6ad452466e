// An edge whose certificate is renewed from afar: the built programs over mutual TLS, without a restart and after a kill.

import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createServer, type TLSSocket } from "node:tls";
import { Aedes } from "aedes";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { Daemon } from "../support/daemon.ts";

const [storeId, edgeId] = ["s0042", "edge-1"];

test("it shows the renewed one from its next connection on", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gondola-renewed-"));
  const file = (name: string) => join(folder, name);
  const bridge = async (...words: string[]) => {
    const run = Daemon.start("cloud-bridge", ...words);
    const code = await run.exited();
    return { code, reply: run.lines[0], said: run.noise };
  };
  const ok = { code: 0 };
  const ca = ["--ca", file("ca")];
  await bridge("command-key", "--out", file("command.pem"));
  expect(await bridge("ca", "init", ...ca)).toMatchObject(ok);
  expect(await bridge("ca", "server", "127.0.0.1", ...ca)).toMatchObject(ok);
  const key = ["--command-key", file("command.pem.pub"), "--out", file("enrolment.json")];
  expect(await bridge("enroll", storeId, edgeId, ...ca, ...key)).toMatchObject(ok);
  expect(await bridge("enroll", "s9", "operator", ...ca, "--out", file("o.json"))).toMatchObject(
    ok,
  );
  const operator = JSON.parse(readFileSync(file("o.json"), "utf8"));
  writeFileSync(file("o.pem"), operator.certificate);
  writeFileSync(file("o-key.pem"), operator.key);

  // A broker that notes who comes.
  const broker = await Aedes.createBroker();
  const shown: { serial: string; socket: TLSSocket }[] = [];
  const pem = (name: string) => readFileSync(file(`ca/${name}.pem`));
  const tls = { ca: pem("ca"), cert: pem("server"), key: pem("server-key"), requestCert: true };
  const server = createServer(tls, (socket) => {
    const { subject, serialNumber: serial } = socket.getPeerCertificate();
    if (subject.CN?.includes(`${storeId} ${edgeId}`)) shown.push({ serial, socket });
    void broker.handle(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `mqtts://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = {
    ...{ storeId, edgeId, dataDir: "data", devices: [] },
    broker: { url, enrolmentFile: "enrolment.json" },
    link: { reconnectDelayMs: 50, reconnectDelayMsMax: 500 },
  };
  writeFileSync(file("edge.yaml"), stringify(config));
  const start = async () => {
    const edge = Daemon.start("edge", "run", "--config", file("edge.yaml"));
    await edge.line(({ msg }) => msg === "link online");
    return edge;
  };
  const send = (certificate: string) => {
    const own = ["--ca-file", file("ca/ca.pem"), "--cert-file", file("o.pem")];
    const signing = ["--key-file", file("o-key.pem"), "--key", file("command.pem"), "--url", url];
    return bridge("command", storeId, edgeId, "renew-certificate", certificate, ...own, ...signing);
  };
  let edge = await start();
  try {
    // An end that is later by a second at least.
    await delay(1_100);
    const out = ["--out", file("renewed.pem")];
    const renewed = await bridge("renew", storeId, edgeId, ...ca, ...out);
    expect(renewed).toMatchObject(ok);
    expect(await send(file("o.pem"))).toMatchObject({
      code: 1,
      reply: { ok: false, code: "CERTIFICATE_REFUSED" },
    });
    expect(await send(file("renewed.pem"))).toMatchObject({ ...ok, reply: { ok: true } });
    expect(shown).toHaveLength(1);
    shown[0]!.socket.destroy();
    await expect.poll(() => shown.length, { timeout: 10_000 }).toBe(2);
    expect(shown[1]!.serial).not.toBe(shown[0]!.serial);
    await edge.end("SIGKILL");
    edge = await start();
    expect(shown.at(-1)!.serial).toBe(shown[1]!.serial);
  } finally {
    expect(await edge.end("SIGTERM")).toBe(0);
    server.close();
    await new Promise<void>((resolve) => broker.close(() => resolve()));
    rmSync(folder, { recursive: true });
  }
}, 180_000);
