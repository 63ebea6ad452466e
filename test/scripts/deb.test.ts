// The Debian packages, built and installed by dpkg below a folder: the programs run from what is in the package alone, and a
// purge leaves nothing but events that the ledger has not got.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { moved } from "../edge/buffer/draft-kit.ts";
import { acknowledge, openOutbox } from "../edge/buffer/outbox-kit.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const hasDpkg = spawnSync("dpkg-deb", ["--version"]).status === 0;
const as = "(needs dpkg-deb)";

let folder = "";
let packages: string[] = [];
// Two packages are compressed, and unpacked a few times.
const waitMs = 300_000;
beforeAll(() => {
  if (!hasDpkg) return;
  packages = execFileSync(process.execPath, [`${root}scripts/deb.mjs`], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.split(": ")[0]!)
    .filter((file) => file !== "");
  folder = mkdtempSync(join(tmpdir(), "gondola-deb-test-"));
  for (const part of ["info", "updates"])
    mkdirSync(join(folder, "var/lib/dpkg", part), { recursive: true });
  writeFileSync(join(folder, "var/lib/dpkg/status"), "");
}, waitMs);
afterAll(() => rmSync(folder || "nothing", { recursive: true, force: true }));

const dpkg = (...words: string[]) => {
  const force = ["script-chrootless", "depends", "not-root"].map((what) => `--force-${what}`);
  const options = [`--root=${folder}`, "--log=/dev/null", ...force];
  const { status, stdout, stderr } = spawnSync("dpkg", [...options, ...words], {
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  return stdout;
};
const packageOf = (role: string) => packages.find((file) => file.includes(`gondola-${role}_`))!;
const cliOf = (role: string) => {
  const program = role === "edge" ? role : "cloud-bridge";
  return join(folder, `usr/lib/gondola/${role}/dist/${program}/cli.js`);
};
/** Starts the daemon of a package, waits until it says that it is ready, and ends it. */
async function runs(role: string, config: object, ...words: string[]): Promise<void> {
  const file = join(folder, `${role}.yaml`);
  writeFileSync(file, JSON.stringify(config));
  const command = [cliOf(role), "run", "--config", file, ...words];
  const daemon = spawn(process.execPath, command, { cwd: tmpdir() });
  let said = "";
  const isReady = () => said.includes(`"msg":"${role} ready"`);
  for (const stream of [daemon.stdout, daemon.stderr])
    stream.on("data", (bytes) => {
      const wasReady = isReady();
      said += bytes;
      // A second signal would not let it finish.
      if (!wasReady && isReady()) daemon.kill("SIGTERM");
    });
  const [code] = await once(daemon, "close");
  expect([code, isReady()], said).toEqual([0, true]);
}
const stateDir = () => join(folder, "var/lib/private/gondola-edge");

test.skipIf(!hasDpkg)(
  `both packages hold all that their programs need ${as}`,
  async () => {
    expect(dpkg("-i", ...packages)).toContain("write /etc/gondola/bridge.yaml");
    for (const role of ["edge", "bridge"]) {
      const version = execFileSync(process.execPath, [cliOf(role), "--version"], {
        encoding: "utf8",
      });
      expect(version).toMatch(/^\d+\.\d+\.\d+/);
    }
    const broker = { url: "mqtt://127.0.0.1:9" };
    const edge = { storeId: "s0042", edgeId: "edge-1", broker, devices: [] };
    await runs("edge", { ...edge, dataDir: join(folder, "buffer") });
    const anyPorts = ["--port", "0", "--http-port", "0"];
    await runs("bridge", { dataDir: join(folder, "ledger") }, ...anyPorts);
    const listing = execFileSync("dpkg-deb", ["-c", packageOf("edge")], { encoding: "utf8" });
    expect(listing).toContain("./usr/lib/systemd/system/gondola-edge.service");
    expect(listing).not.toMatch(/node_modules\/(pg|fastify|aedes)\//);
    dpkg("--purge", "gondola-bridge");
    expect(existsSync(join(folder, "usr/lib/gondola/bridge"))).toBe(false);
  },
  waitMs,
);

test.skipIf(!hasDpkg)(
  `a purge deletes data and configuration, but no event that waits ${as}`,
  async () => {
    dpkg("-i", packageOf("edge"));
    mkdirSync(stateDir(), { recursive: true });
    const config = join(folder, "etc/gondola/edge.yaml");
    writeFileSync(config, "storeId: s0042\n");
    const first = await openOutbox(stateDir());
    await first.outbox.append([moved(1), moved(2)], []);
    await first.outbox.close();
    const kept = dpkg("--purge", "gondola-edge");
    expect(kept).toContain("3 events wait for the ledger: buffer and configuration stay");
    expect([existsSync(join(stateDir(), "outbox.db")), existsSync(config)]).toEqual([true, true]);

    dpkg("-i", packageOf("edge"));
    const again = await openOutbox(stateDir());
    await acknowledge(again.outbox, 3);
    await again.outbox.close();
    expect(dpkg("--remove", "gondola-edge")).toContain("its data stays");
    expect(dpkg("--purge", "gondola-edge")).toContain("deleting");
    for (const path of [stateDir(), join(folder, "etc/gondola"), join(folder, "usr")])
      expect(existsSync(path), path).toBe(false);
  },
  waitMs,
);
