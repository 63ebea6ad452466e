// Programs that stand in for libgpiod's tools, in a folder of their own: they take the options of 1.x or
// 2.x, print what those print, and keep lines as files, so that the transport talks to real processes.

import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GpioSystem } from "../../../drivers/transport/gpio-chip.ts";

const detect = (version: string) => `
[ "$1" = --version ] && { echo "gpiodetect (libgpiod) v${version}"; exit 0; }
cat "$dir/chips"
[ -e "$dir/denied" ] && { echo "unable to open /dev/gpiochip0: Permission denied" >&2; exit 1; }
exit 0`;

// A line that a living tool holds is busy; "$1" is its offset.
const refuseHeld = `
held() { [ -e "$dir/held-$1" ] && kill -0 "$(cat "$dir/held-$1")" 2>/dev/null; }
refuse() { held "$1" && { echo "$tool: error: Device or resource busy" >&2; exit 1; }; }
for last; do :; done`;

const get = `${refuseHeld}
refuse "$last"
cat "$dir/level-$last" 2>/dev/null || echo 0`;

const monitor = (isSecond: boolean) => `${refuseHeld}
refuse "$last"
echo $$ > "$dir/held-$last"
${isSecond ? `echo "Monitoring line '$last'..."` : ":"}
exec tail -n +1 -f "$dir/edges-$last"`;

const set = (isSecond: boolean) => `${refuseHeld}
offset="\${last%%=*}"
refuse "$offset"
echo "\${last##*=}" > "$dir/level-$offset"
echo "$last" >> "$dir/driven"
[ "$1" = --mode=exit ] && exit 0
echo $$ > "$dir/held-$offset"
${isSecond ? `echo "Setting line '$offset'..."` : ":"}
exec sleep 600`;

/** Tools of one generation and the chip that they reach. */
export class ToolKit {
  readonly folder = mkdtempSync(join(tmpdir(), "gondola-gpio-"));
  readonly system: GpioSystem;

  constructor(version: "1.6.3" | "2.2.1", sysfs = "/nowhere") {
    this.system = { sysfs, toolFolder: this.folder };
    const isSecond = version.startsWith("2");
    this.#write(
      "chips",
      "gpiochip0 [pinctrl-bcm2711] (58 lines)\ngpiochip1 [twin] (8 lines)\ngpiochip2 [twin] (8 lines)\n",
    );
    this.#write(
      "info",
      isSecond
        ? '\tline  17:\t"GPIO17"        \tinput\n\tline  18:\tunnamed\toutput consumer="fan"\n'
        : '\tline  17:     "GPIO17"       unused   input  active-high \n\tline  18: unnamed "fan" output active-high [used]\n',
    );
    this.#script("gpiodetect", detect(version));
    this.#script("gpioinfo", 'cat "$dir/info"');
    this.#script("gpioget", get);
    this.#script("gpiomon", monitor(isSecond));
    this.#script("gpioset", set(isSecond));
    for (const offset of [17, 18, 27]) this.#write(`edges-${offset}`, "");
  }

  /** Level that `gpioget` finds. */
  setLevel(offset: number, level: 0 | 1): void {
    this.#write(`level-${offset}`, `${level}\n`);
  }

  level(offset: number): string {
    return readFileSync(join(this.folder, `level-${offset}`), "utf8").trim();
  }

  /** Prints a line of `gpiomon`. */
  print(offset: number, line: string): void {
    appendFileSync(join(this.folder, `edges-${offset}`), `${line}\n`);
  }

  /** Process that holds a line now; undefined when it is free. */
  holder(offset: number): number | undefined {
    const file = join(this.folder, `held-${offset}`);
    const pid = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
    try {
      // A process that ended may lie about until its parent, or init, has looked.
      const [, state] = /\) (\w) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
      return pid > 0 && state !== "Z" ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** A foreign program, this one, holds a line. */
  hold(offset: number): void {
    this.#write(`held-${offset}`, String(process.pid));
  }

  deny(): void {
    this.#write("chips", "");
    this.#write("denied", "");
  }

  /** Everything that was driven, in order; the same again (1.x drives, then holds) once. */
  driven(): string[] {
    const all = readFileSync(join(this.folder, "driven"), "utf8").trim().split("\n");
    return all.filter((each, index) => each !== all[index - 1]);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #script(name: string, body: string): void {
    this.#write(name, `#!/bin/sh\ndir="${this.folder}"\ntool=${name}\n${body}\n`);
    chmodSync(join(this.folder, name), 0o755);
  }

  #write(name: string, content: string): void {
    writeFileSync(join(this.folder, name), content);
  }
}
