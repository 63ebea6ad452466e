// A Debian kernel in QEMU whose root is the host's, read-only: the project's own checkout and node_modules are
// there. It is spoken to over ports (virtio-serial), each a socket here: one has a shell behind it.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const cache =
  process.env.GONDOLA_GUEST_CACHE ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "gondola/guest");

/** Software emulation on a machine that does other things too. */
const bootTimeoutMs = 240_000;
const commandTimeoutMs = 120_000;
const stopTimeoutMs = 20_000;
/** QEMU may use this much of a processor; a whole run needs a tenth. */
const processorSecondsMax = 1800;
const consoleLengthMax = 20_000;

/** Why there can be no guest here; undefined when there can be one. */
export function whyNoGuest(): string | undefined {
  if (spawnSync("qemu-system-x86_64", ["--version"]).status !== 0) {
    return "skipped: Debian's qemu-system-x86 is not installed";
  }
  if (existsSync(join(cache, "stamp"))) return undefined;
  return "skipped: test/hardware/guest/prepare.sh has not run";
}

/** Whether the kernel's GPIO simulator could be built. */
export function hasGpioChip(): boolean {
  if (whyNoGuest() !== undefined) return false;
  const version = readFileSync(join(cache, "kernel-version"), "utf8").trim();
  return existsSync(join(cache, "lib/modules", version, "extra/gondola-gpio-sim.ko"));
}

/** A device of QEMU's, by its properties. */
export interface MachineDevice {
  readonly driver: string;
  readonly id: string;
  readonly [property: string]: string;
}

/** How a guest is made. */
export interface MachineParts {
  /** For sockets; a short path, as theirs may not be longer than 107 bytes. */
  readonly folder: string;
  /** Names of ports, of which each becomes /dev/virtio-ports/gondola.NAME. */
  readonly ports: readonly string[];
  /** Further sockets, for the chardevs that `devices` name. */
  readonly sockets: readonly string[];
  /** Devices that are plugged from the start. */
  readonly devices: readonly MachineDevice[];
}

/** A guest that runs. */
export class Machine {
  /** The other ends, by name. */
  readonly sockets: ReadonlyMap<string, Socket>;
  /** What it said when it was ready: kernel and seconds since its start. */
  ready = "";
  readonly #qemu: ChildProcess;
  readonly #ended: Promise<unknown>;
  #console = "";
  #said = "";
  #wake: () => void = () => undefined;
  #endCount = 0;

  private constructor(qemu: ChildProcess, sockets: ReadonlyMap<string, Socket>) {
    this.#qemu = qemu;
    this.sockets = sockets;
    this.#ended = once(qemu, "exit");
    for (const stream of [qemu.stdout!, qemu.stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#console = (this.#console + text).slice(-consoleLengthMax);
      });
    }
    this.socket("command")
      .setEncoding("utf8")
      .on("data", (text: string) => {
        this.#said += text;
        this.#wake();
      });
  }

  /** Boots; rejects with the console's end when it does not come up in time. */
  static async boot(parts: MachineParts): Promise<Machine> {
    const names = ["command", "monitor", ...parts.ports, ...parts.sockets];
    const servers = await Promise.all(names.map((name) => listen(join(parts.folder, name))));
    const connected = servers.map((server) => once(server, "connection"));
    const qemu = startQemu(parts);
    const failed = once(qemu, "exit").then(() => undefined);
    const sockets = await Promise.race([Promise.all(connected), failed]);
    for (const server of servers) server.close();
    if (sockets === undefined) {
      throw new Error(`QEMU did not start: ${qemu.stderr?.read() ?? "not found"}`);
    }
    const machine = new Machine(
      qemu,
      new Map(names.map((name, index) => [name, (sockets[index] as [Socket])[0]])),
    );
    try {
      machine.ready = await machine.#until(/^ready (.*)\n/m, bootTimeoutMs, "boot");
      machine.#monitor({ execute: "qmp_capabilities" });
    } catch (error) {
      await machine.stop();
      throw error;
    }
    return machine;
  }

  /** The other end of a port or a chardev. */
  socket(name: string): Socket {
    const socket = this.sockets.get(name);
    if (socket === undefined) throw new Error(`no port ${name}`);
    return socket;
  }

  /** Runs a command in the guest's shell; gives what it printed, rejects when it failed. */
  async run(command: string, timeoutMs = commandTimeoutMs): Promise<string> {
    this.#endCount += 1;
    const mark = `--end-${this.#endCount}`;
    this.#said = "";
    this.socket("command").write(`{ ${command}\n} </dev/null; echo "${mark} $?"\n`);
    const status = await this.#until(new RegExp(`^${mark} (\\d+)\n`, "m"), timeoutMs, command);
    const output = this.#said.slice(0, this.#said.lastIndexOf(mark));
    if (status !== "0") throw new Error(`status ${status} of: ${command}\n${output}`);
    return output;
  }

  /** Plugs a device of QEMU's. */
  plug(device: MachineDevice): void {
    this.#monitor({ execute: "device_add", arguments: device });
  }

  /** Unplugs a device of QEMU's. */
  unplug(id: string): void {
    this.#monitor({ execute: "device_del", arguments: { id } });
  }

  /** Types on QEMU's keyboard: small letters, digits, and Enter at the end. */
  type(text: string): void {
    for (const data of [...text, "ret"]) {
      const keys = [{ type: "qcode", data }];
      this.#monitor({ execute: "send-key", arguments: { keys, "hold-time": 20 } });
    }
  }

  /** Ends it: by its own will, or by force. */
  async stop(): Promise<void> {
    const isRunning = () => this.#qemu.exitCode === null && this.#qemu.signalCode === null;
    const timer = setTimeout(() => isRunning() && this.#qemu.kill("SIGKILL"), stopTimeoutMs);
    // The shell ends with its port.
    for (const socket of this.sockets.values()) socket.destroy();
    if (isRunning()) await this.#ended;
    clearTimeout(timer);
  }

  #monitor(command: object): void {
    this.socket("monitor").write(`${JSON.stringify(command)}\n`);
  }

  /** The first group of a pattern, once it was said. */
  async #until(pattern: RegExp, timeoutMs: number, what: string): Promise<string> {
    const deadlineMs = Date.now() + timeoutMs;
    for (;;) {
      const found = pattern.exec(this.#said)?.[1];
      if (found !== undefined) return found;
      const leftMs = deadlineMs - Date.now();
      const isOver = this.#qemu.exitCode !== null || this.#qemu.signalCode !== null;
      if (leftMs <= 0 || isOver) {
        const why = isOver ? "the guest ended" : `nothing in ${timeoutMs} ms`;
        throw new Error(`${what}: ${why}\nsaid: ${this.#said}\nconsole: ${this.#console}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(leftMs, 1000));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

async function listen(path: string): Promise<Server> {
  const server = createServer();
  server.listen(path);
  await once(server, "listening");
  return server;
}

function startQemu({ folder, ports, sockets, devices }: MachineParts): ChildProcess {
  const chardev = (name: string) => [
    "-chardev",
    `socket,id=${name},path=${join(folder, name)},server=off`,
  ];
  const words = [
    ...["-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"],
    ...["-m", "1024", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"],
    ...["-kernel", join(cache, "vmlinuz"), "-initrd", join(cache, "initramfs.gz")],
    "-append",
    `console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off gondola.main=${join(here, "main.sh")} gondola.cache=${cache}`,
    "-virtfs",
    "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
    ...["-device", "qemu-xhci,id=xhci", "-device", "virtio-serial-pci,max_ports=31"],
    ...[...sockets, "monitor"].flatMap(chardev),
    ...["-mon", "chardev=monitor,mode=control"],
    ...["command", ...ports].flatMap((name) => [
      ...chardev(name),
      ...["-device", `virtserialport,chardev=${name},name=gondola.${name}`],
    ]),
    ...devices.flatMap(({ driver, ...properties }) => {
      const set = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
      return ["-device", [driver, ...set].join(",")];
    }),
  ];
  // Its work is great and none of it urgent: other tests run beside it.
  const shell = `ulimit -t ${processorSecondsMax}; exec nice -n 10 qemu-system-x86_64 "$@"`;
  const stdio = ["ignore", "pipe", "pipe"] as const;
  const started = spawn("sh", ["-c", shell, "qemu", ...words], { stdio: [...stdio] });
  process.once("exit", () => started.kill("SIGKILL"));
  return started;
}
