import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SqliteConnection } from "../../cloud-bridge/ledger/sqlite.ts";
import { epcisDocumentSchema } from "../../contract/epcis/document.ts";
import { topics } from "../../contract/topics.ts";
import { freePort } from "../support/broker-process.ts";
import { TestClient } from "./mqtt-client.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { received, TestOutbox } from "./test-outbox.ts";

const cli = fileURLToPath(new URL("../../cloud-bridge/cli.ts", import.meta.url));
const gtin = "09506000134352";
const closers: (() => Promise<unknown>)[] = [];
let config = "";

beforeEach(async () => {
  const folder = await temporaryFolder();
  closers.push(folder.remove);
  config = join(folder.path, "bridge.yaml");
  // The commands find the running bridge by this port, so it is one that was free a moment ago.
  await writeFile(config, `dataDir: data\nhttp: {port: ${await freePort()}}\n`);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function start(...words: string[]) {
  return watch(spawn(process.execPath, ["--import", "tsx", cli, ...words], { stdio: "pipe" }));
}

function watch(child: ChildProcessWithoutNullStreams) {
  const seen = { out: "", error: "" };
  child.stdout.on("data", (text) => {
    seen.out += text;
  });
  child.stderr.on("data", (text) => {
    seen.error += text;
  });
  const code = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, seen, code };
}

/** Runs a command to its end. */
async function run(...words: string[]) {
  const { seen, code } = start(...words);
  return { code: await code, ...seen };
}

/** Starts the daemon and gives the ports from its log. */
async function startDaemon(daemon = start("run", "--config", config, "--port", "0")) {
  closers.push(async () => {
    daemon.child.kill("SIGTERM");
    return await daemon.code;
  });
  const ready = () => daemon.seen.out.split("\n").find((line) => line.includes('"bridge ready"'));
  let ended: number | null | undefined;
  void daemon.code.then((code) => {
    ended = code;
  });
  const said = () =>
    ready() ?? (ended === undefined ? "" : `ended with ${ended}: ${daemon.seen.error}`);
  await expect.poll(said, { timeout: 40_000 }).toMatch(/bridge ready|^ended/);
  expect(said()).toContain('"bridge ready"');
  return { ...daemon, ...(JSON.parse(ready()!) as { brokerPort: number; httpPort: number }) };
}

test("a day at the bridge: run, receive, look, verify, stop", async () => {
  const { brokerPort, child, code } = await startDaemon();
  const edge = await TestClient.open(brokerPort);
  await edge.subscribe(topics.ack("s1", "e1"));
  const bad = { ...received("s1", gtin), quantity: 0 };
  await new TestOutbox("s1", "e1").send(edge, received("s1", gtin), bad);
  await edge.close();

  const verified = await run("verify", "--config", config, "--json");
  expect(verified.code).toBe(0);
  expect(JSON.parse(verified.out)).toMatchObject({ ok: true, entryCount: 1 });
  expect((await run("verify", "--config", config)).out).toMatch(
    /^the ledger is right: 1 stores, 1 entries/,
  );
  expect((await run("positions", "--config", config)).out).toMatch(
    /^s1 +e1 +aaaaaaaa-0001 +2 .* open$/m,
  );

  const listed = await run("quarantine", "list", "--config", config, "--json");
  const [event] = JSON.parse(listed.out) as { id: string }[];
  const reposted = await run("quarantine", "repost", event!.id, "--config", config);
  expect(reposted).toMatchObject({ code: 1, out: expect.stringContaining("is not posted") });
  const restoring = await run("restore", "--config", config);
  expect(restoring).toMatchObject({ code: 2, error: expect.stringContaining("stop it first") });

  child.kill("SIGTERM");
  expect(await code).toBe(0);
  expect((await run("restore", "--config", config)).out).toMatch(/^the ledger is now of epoch \d+/);
});

test("entries are events of EPCIS, and proven to who has the proof and the public key alone", async () => {
  const { brokerPort } = await startDaemon();
  const edge = await TestClient.open(brokerPort);
  await edge.subscribe(topics.ack("s1", "e1"));
  await new TestOutbox("s1", "e1").send(edge, received("s1", gtin), received("s1", gtin));
  await edge.close();

  const exported = await run("epcis", "--config", config, "--store", "s1", "--after", "1");
  const { epcisBody } = epcisDocumentSchema.parse(JSON.parse(exported.out));
  expect(epcisBody.eventList).toMatchObject([{ bizStep: "receiving", "gondola:entry": "s1/2" }]);

  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const [key, trusted, proof] = ["key", "key.pub", "proof.json"].map((name) => `${config}.${name}`);
  await writeFile(key!, privateKey.export({ type: "pkcs8", format: "pem" }));
  await writeFile(trusted!, publicKey.export({ type: "spki", format: "pem" }));
  const words = ["prove", "--config", config, "--store", "s1", "--key", key!];
  const proven = await run(...words, "--entry", "2", "--since", "1");
  await writeFile(proof!, proven.out);
  expect(await run("check-proof", proof!, "--public-key", trusted!)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^proven: entry 2 of 2 of store s1\n {2}1 x 09506000134352, /),
  });

  await writeFile(proof!, proven.out.replace('"quantity": 1', '"quantity": 2'));
  expect(await run("check-proof", proof!)).toMatchObject({
    code: 1,
    out: "NOT PROVEN: the entry is not what its hash was made of\n",
  });
  await writeFile(proof!, "{}");
  expect((await run("check-proof", proof!)).error).toContain("is no proof: schemaVersion: ");
  expect(await run(...words, "--entry", "3")).toMatchObject({
    code: 2,
    error: expect.stringContaining("--entry 3: store s1 has 2 entries"),
  });
});

test("nobody vouches for an entry that was forged", async () => {
  const { brokerPort, child, code } = await startDaemon();
  const edge = await TestClient.open(brokerPort);
  await edge.subscribe(topics.ack("s1", "e1"));
  await new TestOutbox("s1", "e1").send(edge, received("s1", gtin));
  await edge.close();
  child.kill("SIGTERM");
  await code;
  const forger = await SqliteConnection.open({ path: join(dirname(config), "data", "ledger.db") });
  await forger.run("UPDATE entries SET quantity = 7 WHERE entry_number = 1");
  await forger.close();
  const key = `${config}.key`;
  const { privateKey } = generateKeyPairSync("ed25519");
  await writeFile(key, privateKey.export({ type: "pkcs8", format: "pem" }));
  const words = ["--config", config, "--store", "s1", "--key", key, "--entry", "1"];
  expect(await run("prove", ...words)).toMatchObject({
    ...{ code: 4, out: "" },
    error: expect.stringContaining("the entry is not what its hash was made of"),
  });
});

test("a busy port is one line that names the holder, with an exit code of its own", async () => {
  const { child, httpPort } = await startDaemon();
  const second = await run("run", "--config", config, "--port", "0");
  expect(second.code).toBe(3);
  expect(second.error.trim().split("\n")).toHaveLength(1);
  expect(second.error).toContain(
    `HTTP_PORT_BUSY: port 127.0.0.1:${httpPort} is in use by pid ${child.pid}`,
  );
});

test("a disk that takes no more ends the daemon with an exit code of its own", async () => {
  // A file may not grow past 1.5 MiB here: the write fails as on a full disk (the signal is ignored).
  const script = `trap "" XFSZ; ulimit -f 1500; exec "$@"`;
  const words = [
    process.execPath,
    "--import",
    "tsx",
    cli,
    "run",
    "--config",
    config,
    "--port",
    "0",
  ];
  const daemon = watch(spawn("bash", ["-c", script, "bash", ...words], { stdio: "pipe" }));
  const { brokerPort } = await startDaemon(daemon);
  const edge = await TestClient.open(brokerPort);
  await edge.subscribe(topics.ack("s1", "e1"));
  const outbox = new TestOutbox("s1", "e1");
  let accepted = 0;
  const sending = async () => {
    for (;;) {
      const drafts = Array.from({ length: 100 }, () => received("s1", gtin));
      accepted = (await outbox.send(edge, ...drafts)).throughSequence;
    }
  };
  await Promise.race([sending().catch(() => undefined), daemon.code]);
  expect(await daemon.code).toBe(4);
  expect(daemon.seen.error).toMatch(/^gondola-bridge: LEDGER_FAILED: /);
  await edge.close();
  const report = await run("verify", "--config", config, "--json");
  expect(JSON.parse(report.out)).toMatchObject({ ok: true });
  expect(JSON.parse(report.out).eventCount).toBeGreaterThanOrEqual(accepted);
});

test.each([
  [["run", "--config", "/nowhere.yaml"], "CONFIG_UNREADABLE: ENOENT"],
  [["run", "--config", "CONFIG", "--port", "x"], "a port is 0..65535"],
  [["run"], "required option '-c, --config <file>' not specified"],
  [["verify"], "say which ledger: --config FILE or --ledger FILE"],
  [["verify", "--ledger", "/nowhere.db"], "there is no ledger at /nowhere.db"],
  [["dance"], "unknown command 'dance'"],
])("%j is refused with exit code 2", async (words, message) => {
  const result = await run(...words.map((word) => (word === "CONFIG" ? config : word)));
  expect(result).toMatchObject({ code: 2, error: expect.stringContaining(message) });
});
