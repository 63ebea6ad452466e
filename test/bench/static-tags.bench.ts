// A night in a stockroom: 5,000 tags that stand in view of a portal, 1,000 reads a second and nothing
// to tell. What the edge needs of processor and memory, and what it writes to its card: the kernel's own count of
// bytes, the first minute (in which it learns the scene) beside the steady state, extrapolated to a day. Beside its
// share of a core stands that of a process which only takes as many chunks from sockets and counts them.
// As two serial readers (a frame a read, two times what one line carries), and as one reader on the network.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { stringify } from "yaml";
import { startDevice } from "../../simulators/device-process.ts";
import { Daemon } from "../support/daemon.ts";

/** Readers that read 1,000 tags a second together. */
interface Scene {
  readonly kind: "r2000" | "llrp";
  readonly readerCount: number;
  readonly tagCount: number;
  /** Of the simulator. */
  readonly options?: Record<string, unknown>;
}

/** Two portals of 500 reads a second each: what two of the serial readers can do. */
const serialReaders: Scene = { kind: "r2000", readerCount: 2, tagCount: 5_000 };
/** One portal of two antennas; each reads its half of the tags once in its turn. */
const networkReader: Scene = {
  kind: "llrp",
  readerCount: 1,
  tagCount: 5_000,
  options: { dwellMs: 2_500, antennaCount: 2 },
};
const learnMs = 75_000;
const steadyMs = 60_000;
const dayMs = 86_400_000;

/** Processor, memory and disk writes of an edge in a static scene. */
export function benchStaticTags(): Promise<object> {
  return measure(serialReaders);
}

/** The same with a reader whose reports carry many reads. */
export function benchStaticTagsLlrp(): Promise<object> {
  return measure(networkReader);
}

async function measure(scene: Scene): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), "gondola-static-"));
  const readers = await Promise.all(
    Array.from({ length: scene.readerCount }, (_, at) => startReader(scene, at)),
  );
  const addresses = readers.map((one) => one.address);
  await writeFile(join(folder, "edge.yaml"), stringify(config(scene.kind, addresses)));
  const edge = Daemon.start("edge", "run", "--config", join(folder, "edge.yaml"));
  try {
    await edge.line((line) => line.msg === "edge ready");
    await delay(learnMs);
    const learnBytes = await writtenBytes(edge.pid);
    const before = await health(edge);
    const beforeCpuMs = await cpuMs(edge.pid);
    const startedAtMs = performance.now();
    await delay(steadyMs);
    const after = await health(edge);
    const spanMs = performance.now() - startedAtMs;
    const busyMs = (await cpuMs(edge.pid)) - beforeCpuMs;
    const steadyBytes = (await writtenBytes(edge.pid)) - learnBytes;
    const readCount =
      (after.counters["readings_tag"] ?? 0) - (before.counters["readings_tag"] ?? 0);
    return {
      tagCount: scene.tagCount,
      readsPerSecond: Math.round((readCount * 1000) / spanMs),
      coreSharePercent: Math.round((busyMs * 1000) / spanMs) / 10,
      // A reader on the network sends many reads in a chunk: nothing to set beside it.
      ...(scene.kind === "r2000"
        ? { bareCoreSharePercent: await bareSharePercent(scene, readCount / spanMs) }
        : {}),
      aimCoreSharePercent: 5,
      rssMiB: Math.round(after.rssBytes / 1024 / 1024),
      aimRssMiB: 100,
      eventCount: after.lastSequence,
      learnWrittenMiB: mib(learnBytes),
      steadyWrittenBytes: steadyBytes,
      dayWrittenMiB: mib(learnBytes + (steadyBytes * dayMs) / spanMs),
      aimDayWrittenMiB: 100,
    };
  } finally {
    await edge.end("SIGTERM");
    await Promise.all(readers.map((reader) => reader.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

async function startReader(scene: Scene, index: number) {
  const { kind, options = {}, tagCount, readerCount } = scene;
  // Each read of a serial reader takes 2 ms on the air: about 500 a second.
  const reader = await startDevice({ kind, options, tcpPort: 0, seed: index + 1 });
  const tags = Array.from({ length: tagCount / readerCount }, (_, tag) => ({
    epc: `3034257BF7194E40${(index * tagCount + tag).toString(16).toUpperCase().padStart(8, "0")}`,
    antenna: 1 + (tag % 2),
    rssiDbm: -55,
  }));
  reader.control({ type: "field", tags });
  return reader;
}

function config(kind: Scene["kind"], addresses: string[]) {
  const ids = addresses.map((_, at) => `portal-${at + 1}`);
  return {
    storeId: "s0042",
    edgeId: "edge-1",
    dataDir: "data",
    // Nobody listens there: a night without a link.
    broker: { url: "mqtt://127.0.0.1:9" },
    logLevel: "debug",
    healthIntervalMs: 1000,
    devices: addresses.map((address, at) => ({
      id: ids[at],
      kind,
      port: { host: "127.0.0.1", port: Number(address.split(":")[1]) },
      options: { antennas: [1, 2] },
    })),
    portals: ids.map((deviceId) => ({
      deviceId,
      sideA: { location: "s0042/stockroom", antennas: [1] },
      sideB: { location: "s0042/floor", antennas: [2] },
    })),
  };
}

interface HealthLine {
  readonly rssBytes: number;
  readonly lastSequence: number;
  readonly counters: Record<string, number>;
}

async function health(edge: Daemon): Promise<HealthLine> {
  const isHealth = (line: Record<string, unknown>) => line["msg"] === "health";
  return (await edge.line(isHealth, 5_000, edge.lines.length)) as unknown as HealthLine;
}

/** Bytes that the process had the kernel write to a disk. */
async function writtenBytes(pid: number): Promise<number> {
  const bytes = /^write_bytes: (\d+)$/m.exec(await readFile(`/proc/${pid}/io`, "utf8"))?.[1];
  assert(bytes !== undefined);
  return Number(bytes);
}

/** Processor time of a process and its threads, as the scheduler has it to the nanosecond. */
async function cpuMs(pid: number): Promise<number> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const times = tasks.map(async (task) => {
    const text = await readFile(`/proc/${pid}/task/${task}/schedstat`, "utf8");
    return Number(text.split(" ")[0]) / 1e6;
  });
  return (await Promise.all(times)).reduce((sum, each) => sum + each, 0);
}

/** What a process costs that takes so many chunks of a frame's size from sockets, and nothing else. */
async function bareSharePercent({ readerCount }: Scene, chunksPerMs: number): Promise<number> {
  const frame = Buffer.alloc(23, 1);
  const server = createServer((socket) => {
    const startedAtMs = performance.now();
    let sentCount = 0;
    const timer = setInterval(() => {
      const dueCount = ((performance.now() - startedAtMs) * chunksPerMs) / readerCount;
      for (; sentCount < dueCount; sentCount += 1) socket.write(frame);
    }, 1);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => clearInterval(timer));
    socket.setNoDelay(true);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const program = `for (let at = 0; at < ${readerCount}; at += 1) require("net").connect(${port}, "127.0.0.1").on("data", () => {})`;
  const child = spawn(process.execPath, ["--max-semi-space-size=2", "-e", program]);
  try {
    await delay(3_000);
    const [beforeMs, startedAtMs] = [await cpuMs(child.pid!), performance.now()];
    await delay(10_000);
    const busyMs = (await cpuMs(child.pid!)) - beforeMs;
    return Math.round((busyMs * 1000) / (performance.now() - startedAtMs)) / 10;
  } finally {
    child.kill();
    server.close();
  }
}

function mib(bytes: number): number {
  return Math.round((bytes / 1024 / 1024) * 100) / 100;
}
