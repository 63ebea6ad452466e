// The machine under the edge: its clock, the disk below the buffer, and the buffer itself.

import { constants } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCodeOf, errorMessageOf } from "../../contract/errors.ts";
import { exists } from "../buffer/identity.ts";
import { inspectOutbox } from "../buffer/inspect.ts";
import type { EdgeConfig } from "../config.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

/** No true clock shows less: the software was not written before. */
const notBeforeAtMs = Date.UTC(2026, 0, 1);
/** Events that wait longer than this mean that something is wrong with link or ledger. */
const waitingMsMax = 3_600_000;
/** File systems in memory, by their magic number (statfs(2)): tmpfs and ramfs. */
const volatileTypes = [0x01021994, 0x858458f6];
const mib = 1024 * 1024;

/** Whether the time can be believed; `root` is `/` but in tests. */
export async function checkClock(nowMs: number, root: string): Promise<Finding> {
  const check = "clock";
  const time = new Date(nowMs).toISOString();
  if (nowMs < notBeforeAtMs) {
    return fail(check, `it is not ${time}`, "let the network set it: timedatectl set-ntp true");
  }
  const isSynchronized = await exists(join(root, "run/systemd/timesync/synchronized"));
  if (isSynchronized) return ok(check, `${time}, set by the network`);
  if (await exists(join(root, "run/chrony/chronyd.pid")))
    return ok(check, `${time}, kept by chrony`);
  const remedy = "timedatectl set-ntp true; the edge stores when it learns the time (clock_set)";
  return warn(check, `${time}, and no time service says that it is right`, remedy);
}

/** The partition of the data directory, which need not exist yet. */
export async function checkDisk({ dataDir, outbox }: EdgeConfig): Promise<Finding[]> {
  const check = "disk";
  const folder = await existingParent(dataDir);
  const findings: Finding[] = [];
  const isWritable = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!isWritable) {
    const remedy = `chown it to the edge's user: chown gondola ${folder}`;
    findings.push(fail(check, `${folder} may not be written`, remedy));
  }
  const { bavail, bsize, type } = await statfs(folder);
  if (volatileTypes.includes(type)) {
    const remedy = "set dataDir to a folder on flash or disk";
    findings.push(fail(check, `${folder} is in memory: a power cut loses the buffer`, remedy));
  }
  const freeMib = Math.floor((bavail * bsize) / mib);
  const wantedMib = Math.ceil((outbox.sizeBytesMax + outbox.ballastSizeBytes) / mib);
  const room = `${freeMib} MiB free at ${folder}, the buffer may take ${wantedMib} MiB`;
  const remedy = "make room, or lower outbox.sizeBytesMax";
  findings.push(freeMib < wantedMib ? warn(check, room, remedy) : ok(check, room));
  return findings;
}

async function existingParent(folder: string): Promise<string> {
  return (await exists(folder)) || dirname(folder) === folder
    ? folder
    : await existingParent(dirname(folder));
}

/** The buffer, as it lies on the disk. */
export async function checkOutbox(dataDir: string, nowMs: number): Promise<Finding> {
  const check = "buffer";
  const file = join(dataDir, "outbox.db");
  if (!(await exists(file))) return ok(check, `none at ${file} yet; the first start makes it`);
  try {
    const { waitingCount, oldestWaitingAtMs } = await inspectOutbox(file);
    if (waitingCount === 0) return ok(check, "nothing waits for the ledger");
    const sinceMs = oldestWaitingAtMs === undefined ? 0 : nowMs - oldestWaitingAtMs;
    const text = `${waitingCount} events wait for the ledger, the oldest for ${Math.round(sinceMs / 60_000)} minutes`;
    if (sinceMs < waitingMsMax) return ok(check, text);
    return warn(
      check,
      text,
      "see the line of the broker; nothing is lost until the buffer is full",
    );
  } catch (error) {
    const remedy = "the edge sets a damaged file aside at its next start; keep it for the support";
    return fail(check, `${errorCodeOf(error) ?? "unexpected"}: ${errorMessageOf(error)}`, remedy);
  }
}
