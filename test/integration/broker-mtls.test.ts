// A bridge on a broker that is not its own, over TLS with an authority of the chain's own and a certificate on both sides.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { CertificateAuthority } from "../../cloud-bridge/certificate-authority.ts";
import { topics } from "../../contract/topics.ts";
import { TestClient } from "../cloud-bridge/mqtt-client.ts";
import { received, TestOutbox } from "../cloud-bridge/test-outbox.ts";
import { brokers, freePort, killBrokers, startBroker } from "../support/broker-process.ts";
import { Daemon } from "../support/daemon.ts";

const { program } = brokers.mosquitto;
afterEach(killBrokers);

test.skipIf(program === undefined)(
  "over mqtts:// with an own authority and a certificate; without the right one it says so and tries again (needs mosquitto)",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "gondola-mtls-"));
    const of = (name: string) => join(folder, name);
    let bridge: Daemon | undefined;
    try {
      const nowMs = Date.now();
      const authority = await CertificateAuthority.create(of("ca"), nowMs);
      const other = await CertificateAuthority.create(of("other"), nowMs);
      const server = await authority.issueServer(["127.0.0.1"], nowMs);
      const own = await authority.issueClient({ kind: "consumer", name: "bridge" }, nowMs);
      const files = {
        ...{ "server.pem": server.certificate, "server-key.pem": server.key },
        ...{ "bridge.pem": own.certificate, "bridge-key.pem": own.key },
        "broker-ca.pem": other.certificate,
      };
      for (const [name, text] of Object.entries(files)) await writeFile(of(name), text);
      const port = await freePort();
      const start = async () => {
        const lines = [
          ...[`listener ${port} 127.0.0.1`, "persistence false", "allow_anonymous true"],
          ...[`cafile ${of("ca/ca.pem")}`, `certfile ${of("server.pem")}`],
          ...[`keyfile ${of("server-key.pem")}`, "require_certificate true"],
          // As root it would become another user, who cannot read the key.
          `user ${userInfo().username}`,
        ];
        await writeFile(of("mosquitto.conf"), `${lines.join("\n")}\n`);
        return ["-c", of("mosquitto.conf")];
      };
      const broker = { url: `mqtts://127.0.0.1:${port}`, caFile: "broker-ca.pem" };
      const shown = { certFile: "bridge.pem", keyFile: "bridge-key.pem" };
      const config = { dataDir: "data", broker: { ...broker, ...shown }, http: { port: 1 } };
      await writeFile(of("bridge.yaml"), stringify(config));
      await startBroker({ program, start }, folder, port);
      const words = ["run", "--config", of("bridge.yaml"), "--http-port", "0"];
      bridge = Daemon.start("cloud-bridge", ...words);
      const lost = await bridge.line(({ msg }) => msg === "link lost");
      expect(String(lost["reason"])).toMatch(/certificate/i);
      // The right one is taken without a restart.
      await writeFile(of("broker-ca.pem"), authority.certificate);
      await bridge.line(({ msg }) => msg === "link online", 20_000);
      const tls = { protocol: "mqtts", ca: authority.certificate } as const;
      const edge = await TestClient.open(port, {
        ...{ ...tls, clientId: "s1:e1", cert: own.certificate, key: own.key },
      });
      await edge.subscribe(topics.ack("s1", "e1"));
      const answer = await new TestOutbox("s1", "e1").send(edge, received("s1", "09506000134352"));
      expect(answer).toMatchObject({ throughSequence: 1 });
      await edge.close();
      expect(await bridge.end("SIGTERM")).toBe(0);
    } finally {
      await bridge?.end("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    }
  },
  60_000,
);
