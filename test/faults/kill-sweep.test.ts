// Edge and bridge killed, the link cut, at random points under load: of what was accepted (committed
// to the outbox, read from the edge's log) nothing is lost, nothing stands twice, the ledger verifies.

import { expect, test } from "vitest";
import { seededRandom } from "../../simulators/random.ts";
import { StoreProcesses } from "./store-processes.ts";
import { judgeStore } from "./store-verdict.ts";

const faultCount = Number(process.env["GONDOLA_KILLS"] ?? 50);
const seed = Number(process.env["GONDOLA_SEED"] ?? 1);
const scansPerSecond = 200;

type Pause = (msMax: number) => Promise<void>;
type Fault = (store: StoreProcesses, pause: Pause) => Promise<void>;

const faults: Record<string, Fault> = {
  async killEdge(store) {
    await store.killEdge();
    await store.startEdge();
  },
  async killBridge(store, pause) {
    await store.killBridge();
    await pause(200);
    await store.startBridge();
  },
  async killBoth(store) {
    await Promise.all([store.killBridge(), store.killEdge()]);
    await Promise.all([store.startBridge(), store.startEdge()]);
  },
  async cutLink(store, pause) {
    await store.proxy.cut();
    await pause(400);
    await store.proxy.mend();
  },
};

test(`${faultCount} faults at random points, seed ${seed}`, { timeout: 300_000 }, async () => {
  const random = seededRandom(seed);
  const pause: Pause = (msMax) => new Promise((resolve) => setTimeout(resolve, random() * msMax));
  const store = await StoreProcesses.open();
  try {
    store.source.start(scansPerSecond);
    const names = Object.keys(faults);
    for (let index = 0; index < faultCount; index += 1) {
      await pause(400);
      await faults[names[Math.floor(random() * names.length)]!]!(store, pause);
    }
    await pause(500);
    store.source.stop();
    const { acceptedCount, postedCount, ...found } = await judgeStore(store, 60_000);
    process.stdout.write(
      `${faultCount} faults: ${acceptedCount} accepted, ${found.lost.length} lost, ${found.repeated.length} twice\n`,
    );
    expect(postedCount).toBeGreaterThan(faultCount * 5);
    expect(found).toEqual({ lost: [], repeated: [], problems: [] });
  } finally {
    await store.close();
  }
});
