// Which configuration runs, over real files: every order of sending, starting, keeping, leaving and editing.

import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { configDigestOf } from "../../edge/applied-config.ts";
import { ConfigKeeper } from "../../edge/config-keeper.ts";
import { portalWeights } from "../../edge/sense/portal-weights.ts";

const nowMs = Date.UTC(2026, 5, 1);
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gondola-keeper-"));
  file = join(folder, "edge.yaml");
  writeFileSync(file, textOf({}));
});
afterEach(() => rmSync(folder, { recursive: true }));

function textOf(changes: object): string {
  const device = { id: "till-1", kind: "serial-scanner", port: { host: "127.0.0.1", port: 9 } };
  return stringify({
    ...{ storeId: "s0042", edgeId: "edge-1", dataDir: ".", broker: { url: "mqtt://127.0.0.1:9" } },
    ...{ devices: [device], commandKeyFile: "command.pub", ...changes },
  });
}
const open = () =>
  ConfigKeeper.open({
    ...{ file, dataDir: undefined, overridden: (config) => config, nowMs: () => nowMs },
  });
const kept = () => join(folder, "applied-config.json");
const [a, b] = [{ healthIntervalMs: 5000 }, { healthIntervalMs: 6000 }].map(textOf) as [
  string,
  string,
];
/** Sent, started, well. */
async function keepOne(text: string): Promise<void> {
  await (await open()).put(text, []);
  await (await open()).keep();
}

test("sent, it runs from the next start, is kept, and returned to", async () => {
  const given = await open();
  expect(given.running()).toEqual({ digest: configDigestOf(textOf({})), origin: "file" });
  expect(given.devicesOnTrial()).toBeUndefined();
  expect(await given.put(a, ["till-1"])).toContain(configDigestOf(a));
  expect(given.isRestartDue).toBe(true);
  const trial = await open();
  expect(trial.running()).toEqual({ digest: configDigestOf(a), origin: "trial" });
  expect(trial.config.healthIntervalMs).toBe(5000);
  expect(trial.devicesOnTrial()).toEqual(["till-1"]);
  await trial.keep();
  expect(trial.running().origin).toBe("applied");
  expect(trial.devicesOnTrial()).toBeUndefined();

  await (await open()).put(b, []);
  const second = await open();
  await second.giveUp("no good");
  expect(second.isRestartDue).toBe(true);
  const back = await open();
  const returned = { digest: configDigestOf(b), reason: "no good", atMs: nowMs };
  expect(back.running()).toEqual({ digest: configDigestOf(a), origin: "applied", returned });
  expect(back.untoldReturn()).toEqual(returned);
  await back.told({ ...returned, digest: configDigestOf(textOf({})) });
  expect(back.untoldReturn()).toEqual(returned);
  await back.told(returned);
  const later = await open();
  expect(later.untoldReturn()).toBeUndefined();
  expect(later.running()).toEqual({ digest: configDigestOf(a), origin: "applied", returned });
});

test("a second start without being kept is a return, and not a third one", async () => {
  await (await open()).put(a, []);
  expect((await open()).running().origin).toBe("trial");
  for (let start = 0; start < 2; start += 1) {
    const back = await open();
    expect(back.running()).toMatchObject({
      origin: "file",
      returned: { digest: configDigestOf(a) },
    });
    expect(back.untoldReturn()?.reason).toContain("the edge ended");
  }
});

/** Reads another file beside it. */
function textWithWeights(): string {
  const weights = { deviceId: "till-1", weightsFile: "weights.yaml" };
  const side = (location: string, antenna: number) => ({ location, antennas: [antenna] });
  const sides = { sideA: side("s0042/a", 1), sideB: side("s0042/b", 2) };
  const portals = [{ ...weights, ...sides, stepAToB: "stocking", stepBToA: "relocating" }];
  return textOf({ portals });
}

test("one on trial that cannot be read any more is left at once", async () => {
  await (await open()).put(a, []);
  const damaged = JSON.parse(readFileSync(kept(), "utf8"));
  const text = textWithWeights();
  damaged.trial.sent = { text, digest: configDigestOf(text) };
  writeFileSync(kept(), JSON.stringify(damaged));
  const back = await open();
  expect(back.running().returned?.reason).toContain("weights.yaml");
  expect(readFileSync(kept(), "utf8")).not.toContain('"trial"');
});

test("a good one that cannot be read is said once, kept, and runs again when it can be", async () => {
  const weightsFile = join(folder, "weights.yaml");
  writeFileSync(weightsFile, stringify(portalWeights));
  const text = textWithWeights();
  await keepOne(text);
  renameSync(weightsFile, `${weightsFile}.away`);
  const without = await open();
  const said = { digest: configDigestOf(text), reason: expect.stringContaining("weights.yaml") };
  expect(without.running()).toMatchObject({ origin: "file", returned: said });
  expect(without.remarks).toEqual([expect.stringMatching(/did well.*weights\.yaml/)]);
  expect(without.untoldReturn()).toMatchObject(said);
  await without.told(without.untoldReturn()!);
  const still = await open();
  expect(still.running()).toEqual(without.running());
  expect(still.untoldReturn()).toBeUndefined();
  expect(still.remarks).toHaveLength(1);
  renameSync(`${weightsFile}.away`, weightsFile);
  expect((await open()).running()).toEqual({ digest: configDigestOf(text), origin: "applied" });
});

test("a good one of newer software is kept while an older one runs", async () => {
  await keepOne(a);
  const newer = JSON.parse(readFileSync(kept(), "utf8"));
  const text = textOf({ settingOfLater: 1 });
  newer.good = { text, digest: configDigestOf(text) };
  writeFileSync(kept(), JSON.stringify(newer));
  expect((await open()).running().origin).toBe("file");
  expect(JSON.parse(readFileSync(kept(), "utf8")).good).toEqual(newer.good);
});

test("another one sent during a trial takes its place, and what was up before both must come back", async () => {
  await (await open()).put(a, ["till-1"]);
  const trial = await open();
  await trial.put(b, ["side"]);
  expect(trial.devicesOnTrial()).toBeUndefined();
  await trial.keep();
  await trial.giveUp("late");
  const next = await open();
  expect(next.running()).toEqual({ digest: configDigestOf(b), origin: "trial" });
  expect(next.devicesOnTrial()).toEqual(["till-1", "side"]);
});

test("a return that nobody was told of outlives whatever is sent and kept after it", async () => {
  await (await open()).put(a, []);
  const trial = await open();
  await trial.giveUp("no good");
  // Before the restart, from which on it is told.
  await trial.put(b, []);
  const next = await open();
  const returned = { digest: configDigestOf(a), reason: "no good", atMs: nowMs };
  expect(next.running()).toEqual({ digest: configDigestOf(b), origin: "trial", returned });
  expect(next.untoldReturn()).toEqual(returned);
  await next.keep();
  expect((await open()).untoldReturn()).toEqual(returned);
  await (await open()).told(returned);
  await keepOne(a);
  expect((await open()).running()).toEqual({ digest: configDigestOf(a), origin: "applied" });
});

test("an edited file goes first, once it can be read; edited back before a start, nothing happened", async () => {
  await keepOne(a);
  const before = readFileSync(file, "utf8");
  writeFileSync(file, "storeId: [");
  await expect(open()).rejects.toMatchObject({ code: "CONFIG_UNREADABLE" });
  writeFileSync(file, before);
  expect((await open()).running().origin).toBe("applied");
  writeFileSync(file, b);
  const edited = await open();
  expect(edited.running()).toEqual({ digest: configDigestOf(b), origin: "file" });
  expect(edited.remarks).toEqual([expect.stringContaining("was edited")]);
  expect(() => readFileSync(kept())).toThrow("ENOENT");
  expect((await open()).remarks).toEqual([]);
});

test("a return that nobody was told of outlives an edited file, and nothing else does", async () => {
  await keepOne(a);
  await (await open()).put(b, []);
  await (await open()).giveUp("no good");
  const edit = textOf({ healthIntervalMs: 7000 });
  writeFileSync(file, edit);
  const returned = { digest: configDigestOf(b), reason: "no good", atMs: nowMs };
  for (const edited of [await open(), await open()]) {
    expect(edited.running()).toEqual({ digest: configDigestOf(edit), origin: "file", returned });
    expect(edited.untoldReturn()).toEqual(returned);
  }
  await (await open()).told(returned);
  expect((await open()).untoldReturn()).toBeUndefined();
  // Told, it goes with the next edit.
  writeFileSync(file, textOf({ healthIntervalMs: 8000 }));
  expect((await open()).running().returned).toBeUndefined();
  expect(() => readFileSync(kept())).toThrow("ENOENT");
});

test("edited and not started yet, nothing is taken", async () => {
  const given = await open();
  writeFileSync(file, b);
  await expect(given.put(a, [])).rejects.toMatchObject({ code: "CONFIG_REFUSED" });
  expect(given.isRestartDue).toBe(false);
});

test("a disk that keeps nothing: nothing is taken, and the start is with the file", async () => {
  const given = await open();
  await given.put(a, []);
  // A folder in the way of the file that is written first.
  mkdirSync(`${kept()}.new`);
  const back = await open();
  expect(back.running()).toMatchObject({ origin: "file", returned: { digest: configDigestOf(a) } });
  expect(back.remarks).toEqual([expect.stringContaining("is not written")]);
  await expect(back.put(b, [])).rejects.toThrow("EISDIR");
  expect(back.isRestartDue).toBe(false);
  rmSync(`${kept()}.new`, { recursive: true });
  expect((await open()).running().origin).toBe("trial");
});

describe("damage", () => {
  test.each(["", "{", "null", '{"good":1}', "\u0000"])("%j: the file runs", async (damage) => {
    await keepOne(a);
    writeFileSync(kept(), damage);
    const back = await open();
    expect(back.running()).toEqual({ digest: configDigestOf(textOf({})), origin: "file" });
    expect(back.remarks).toEqual([expect.stringContaining("is not used")]);
    await back.put(b, []);
    expect((await open()).running()).toEqual({ digest: configDigestOf(b), origin: "trial" });
  });

  test("in any byte or after any byte: what was sent runs whole, or not at all", async () => {
    await keepOne(a);
    const whole = readFileSync(kept());
    const allowed = [configDigestOf(a), configDigestOf(textOf({}))];
    for (let at = 0; at < whole.length; at += 3) {
      writeFileSync(kept(), whole.subarray(0, at));
      expect((await open()).running().digest).toBe(configDigestOf(textOf({})));
      const flipped = Buffer.from(whole);
      flipped[at]! ^= 1;
      writeFileSync(kept(), flipped);
      const { digest } = (await open()).running();
      expect(allowed).toContain(digest);
    }
  });
});

describe("refused", () => {
  test.each<[string, object, string, RegExp]>([
    ["another store", { storeId: "s0043" }, "CONFIG_REFUSED", /^storeId /],
    ["another edge", { edgeId: "edge-2" }, "CONFIG_REFUSED", /^edgeId /],
    ["another buffer", { dataDir: "elsewhere" }, "CONFIG_REFUSED", /^dataDir /],
    ["another broker", { broker: { url: "mqtt://127.0.0.1:8" } }, "CONFIG_REFUSED", /^broker /],
    [
      "another password",
      { broker: { url: "mqtt://127.0.0.1:9", passwordFile: "p" } },
      "CONFIG_REFUSED",
      /^broker /,
    ],
    ["another key", { commandKeyFile: "mine.pub" }, "CONFIG_REFUSED", /^commandKeyFile /],
    ["no key", { commandKeyFile: undefined }, "CONFIG_REFUSED", /^commandKeyFile /],
    [
      "a smaller outbox",
      { outbox: { sizeBytesMax: 255 * 2 ** 20 } },
      "CONFIG_REFUSED",
      /^outbox\.sizeBytesMax /,
    ],
    [
      "a shorter retention",
      { outbox: { retentionMs: 7 * 86_400_000 - 1 } },
      "CONFIG_REFUSED",
      /^outbox\.retentionMs /,
    ],
    [
      "a smaller share for what is acknowledged",
      { outbox: { retainedShareMax: 0.2 } },
      "CONFIG_REFUSED",
      /^outbox\.retainedShareMax /,
    ],
    [
      "a shorter queue",
      { outbox: { queuedEventCountMax: 1 } },
      "CONFIG_REFUSED",
      /^outbox\.queuedEventCountMax /,
    ],
    [
      "a smaller queue",
      { outbox: { queuedSizeBytesMax: 65_536 } },
      "CONFIG_REFUSED",
      /^outbox\.queuedSizeBytesMax /,
    ],
    ["an unknown key", { colour: "red" }, "CONFIG_INVALID", /colour/],
    ["a wrong setting", { configTrialMs: 1 }, "CONFIG_INVALID", /at configTrialMs/],
    ["half a device", { devices: [{ id: "a" }] }, "CONFIG_INVALID", /at devices\[0\].kind/],
    [
      "an unknown option",
      { devices: [{ id: "a", kind: "r2000", port: { path: "/dev/x" }, options: { b: 1 } }] },
      "CONFIG_INVALID",
      /devices\[0\].options \(r2000\)/,
    ],
    ["a plan that is not there", { plan: "none.yaml" }, "CONFIG_UNREADABLE", /none.yaml/],
  ])("%s", async (_name, changes, code, message) => {
    const given = await open();
    const refusal = given.put(textOf(changes), []);
    await expect(refusal).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(given.isRestartDue).toBe(false);
    expect(() => readFileSync(kept())).toThrow("ENOENT");
  });

  test("larger limits of the outbox are taken, and what leaves them out is less than those", async () => {
    const outbox = { sizeBytesMax: 512 * 2 ** 20, retentionMs: 30 * 86_400_000 };
    await keepOne(textOf({ outbox }));
    const larger = await open();
    expect(larger.running().origin).toBe("applied");
    const refusal = larger.put(a, []);
    await expect(refusal).rejects.toThrow(/^outbox\.sizeBytesMax .*536870912/);
  });

  test("what is no YAML; what runs already is taken without a restart", async () => {
    const given = await open();
    await expect(given.put("a: [", [])).rejects.toMatchObject({ code: "CONFIG_UNREADABLE" });
    expect(await given.put(textOf({}), [])).toContain("runs already");
    expect(given.isRestartDue).toBe(false);
  });
});
