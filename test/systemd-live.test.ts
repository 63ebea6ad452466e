// Both daemons under a systemd that runs: installed by the installer from a configuration and an enrolment, killed,
// frozen, renewed, removed.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canRunSystemd, SystemdNamespace, until } from "./support/systemd-namespace.ts";

const bridgeYaml = `dataDir: /var/lib/gondola-bridge
broker:
  embedded:
    port: 8883
    tls:
      certFile: /etc/gondola/ca/server.pem
      keyFile: /run/credentials/gondola-bridge.service/server-key
      clientCaFile: /etc/gondola/ca/ca.pem
      revokedFile: /etc/gondola/ca/revoked.pem
      lookIntervalMs: 500`;
const enrolmentFile = "/run/credentials/gondola-edge.service/enrolment";
const edgeYaml = `storeId: s0042
edgeId: edge-1
dataDir: /var/lib/gondola-edge
broker: { url: "mqtts://localhost:8883", enrolmentFile: ${enrolmentFile} }
devices: []`;
const fetchEdges = `fetch("http://127.0.0.1:8080/v1/edges").then(async (r) => console.log(await r.text()))`;
const bridgeCommand = "cd /etc/gondola; node /srv/dist/cloud-bridge/cli.js";

let systemd: SystemdNamespace;
const pidOf = async (unit: string) =>
  Number(await systemd.run(`systemctl show -p MainPID --value gondola-${unit}`));

/** What the bridge knows of the edge. */
async function edge(): Promise<{ state: string; startedAtMs: number }> {
  return JSON.parse(await systemd.run(`node -e '${fetchEdges}'`)).items[0];
}

/** Waits until the edge says so; gives what it said. */
function edgeWhen(what: string, fits: (one: Awaited<ReturnType<typeof edge>>) => boolean) {
  return until(what, 60_000, async () => {
    const one = await edge();
    return fits(one) ? one : undefined;
  });
}

/** Both daemons by the installer, with a watchdog of a few seconds. */
async function install(): Promise<void> {
  const drop = (unit: string, name: string, text: string) =>
    systemd.put(`/etc/systemd/system/gondola-${unit}.service.d/${name}.conf`, `[Service]\n${text}`);
  await drop("bridge", "key", "LoadCredential=server-key:/etc/gondola/ca/server-key.pem");
  await drop("edge", "quick", "WatchdogSec=6\nRestartSec=1");
  await systemd.put("/run/given/bridge.yaml", bridgeYaml);
  await systemd.put("/run/given/edge.yaml", edgeYaml);
  await systemd.run(`mkdir -p /etc/gondola
    ${bridgeCommand} ca init; ${bridgeCommand} ca server localhost
    ${bridgeCommand} enroll s0042 edge-1 --out /run/given/edge-1.json
    /srv/systemd/install.sh bridge --config /run/given/bridge.yaml >&2
    /srv/systemd/install.sh edge --config /run/given/edge.yaml --enrolment /run/given/edge-1.json >&2`);
}

describe.skipIf(!canRunSystemd())("under a running systemd", () => {
  beforeAll(async () => {
    systemd = await SystemdNamespace.open();
    await install();
  }, 240_000);
  afterAll(() => systemd?.close(), 60_000);

  test("both come up, with the key and the enrolment as credentials", async () => {
    await edgeWhen("the edge is online", ({ state }) => state === "online");
    const shown = await systemd.run("systemctl is-active gondola-edge gondola-bridge");
    expect(shown).toBe("active\nactive\n");
  }, 120_000);

  test("no key stands in environment, arguments, configuration, data or journal", async () => {
    const found = await systemd.run(`cd /etc/gondola
      keys() { cat ca/*-key.pem; sed 's/\\\\n/\\n/g' enrolment.json | grep -A3 "PRIVATE KEY"; }
      keys | grep -E '^[A-Za-z0-9+/]{40,}$' >/tmp/keys
      for unit in edge bridge; do
        pid=$(systemctl show -p MainPID --value gondola-$unit)
        cat /proc/$pid/environ /proc/$pid/cmdline | tr '\\0' '\\n' >>/tmp/all
        journalctl -u gondola-$unit >>/tmp/all
      done
      cat *.yaml >>/tmp/all && find /var/lib/private -type f -exec cat {} + >>/tmp/all
      wc -l </tmp/keys; grep -cE 'outbox started|CREDENTIALS_DIRECTORY' /tmp/all
      grep -caFf /tmp/keys /tmp/all || true`);
    const [keyLineCount, seenCount, leakedCount] = found.trim().split("\n").map(Number);
    expect(keyLineCount).toBe(9);
    expect(seenCount).toBeGreaterThan(2);
    expect(leakedCount).toBe(0);
  });

  test.each([
    ["is killed", "KILL", "status=9/KILL"],
    ["stands still", "STOP", "Watchdog timeout"],
  ])(
    "an edge that %s comes back",
    async (_, signal, word) => {
      const [before, { startedAtMs }] = [await pidOf("edge"), await edge()];
      await systemd.run(`kill -${signal} ${before}`);
      await edgeWhen(
        "a new start",
        (one) => one.startedAtMs > startedAtMs && one.state === "online",
      );
      expect(await pidOf("edge")).not.toBe(before);
      expect(await systemd.run("journalctl -u gondola-edge")).toContain(word);
      expect(await systemd.run("systemctl is-active gondola-edge")).toBe("active\n");
    },
    60_000,
  );

  test("a renewed certificate of the broker, and who was revoked, need no restart", async () => {
    const bridge = await pidOf("bridge");
    const serial = () =>
      systemd.run(
        "openssl s_client -connect localhost:8883 </dev/null 2>/dev/null | openssl x509 -noout -serial",
      );
    const before = await serial();
    expect(before).toMatch(/^serial=\w+/);
    await systemd.run(`${bridgeCommand} ca server localhost`);
    await until(
      "the new one is shown",
      20_000,
      async () => (await serial()) !== before || undefined,
    );
    await edgeWhen("the edge is online again", ({ state }) => state === "online");
    await systemd.run(`${bridgeCommand} revoke s0042 edge-1`);
    await edgeWhen("the edge is out", ({ state }) => state === "offline");
    expect(await pidOf("bridge")).toBe(bridge);
  }, 120_000);

  test("removed, nothing runs and nothing is left but the authority", async () => {
    await systemd.run(`/srv/systemd/install.sh edge --remove --purge >&2
      /srv/systemd/install.sh bridge --remove --purge >&2`);
    const left = await systemd.run(`systemctl list-units --all --no-legend 'gondola*'
      find /etc /opt /var/lib -maxdepth 4 -path /etc/gondola/ca -prune -o -name '*gondola*' -print`);
    expect(left).toBe("/etc/gondola\n");
  }, 120_000);
});
