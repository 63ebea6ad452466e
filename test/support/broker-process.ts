// Brokers of MQTT 3.1.1 that are no part of this project, as processes on loopback. Where one is not installed its
// `program` is undefined and its tests are skipped.

import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Where a program is; undefined where it is not. */
function programFile(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** A broker: its program, and what it is started with. Another `round` is a broker that kept nothing. */
export interface Broker {
  readonly program: string | undefined;
  readonly start: (folder: string, port: number, round: number) => Promise<string[]>;
}

/** Those that the tests know. */
export const brokers = {
  mosquitto: {
    program: programFile("mosquitto"),
    start: async (folder, port) => {
      const file = join(folder, "mosquitto.conf");
      const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", "persistence false"];
      await writeFile(file, `${lines.join("\n")}\n`);
      return ["-c", file];
    },
  },
  "nats-server": {
    program: programFile("nats-server"),
    start: async (folder, port, round) => {
      const file = join(folder, "nats.conf");
      const store = JSON.stringify(join(folder, `nats-${round}`));
      const lines = [
        ...["server_name: test", 'listen: "127.0.0.1:-1"', `jetstream { store_dir: ${store} }`],
        `mqtt { listen: "127.0.0.1:${port}" }`,
      ];
      await writeFile(file, `${lines.join("\n")}\n`);
      return ["-c", file];
    },
  },
} satisfies Record<string, Broker>;

const running = new Set<ChildProcess>();

/** Starts a broker and waits until it listens. */
export async function startBroker(
  { program, start }: Broker,
  folder: string,
  port: number,
  round = 1,
): Promise<ChildProcess> {
  const child = spawn(program!, await start(folder, port, round), { stdio: "ignore" });
  running.add(child);
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await isListening(port)) return child;
    await delay(100);
  }
  throw new Error(`${program} does not listen`);
}

/** Kills a broker and waits until it is gone. */
export async function killBroker(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** Kills those that a test left. */
export async function killBrokers(): Promise<void> {
  for (const child of running) await killBroker(child);
}

/** Whether something listens on a port of loopback. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const answer = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  });
  socket.destroy();
  return answer;
}

/**
 * A port that nobody has. Below those that systems give to outgoing connections (32768 and more): a test beside this one
 * may open thousands of them before the port is used.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
