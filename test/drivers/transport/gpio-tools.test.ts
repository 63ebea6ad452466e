// The tools' way with real processes: programs that speak as libgpiod 1.x and 2.x do (gpio-tools-kit.ts).

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../drivers/clock.ts";
import { openGpio } from "../../../drivers/transport/gpio.ts";
import { encodeHostRecord, type HostRecord } from "../../../drivers/transport/gpio-record.ts";
import { canBindTools, runTool } from "../../../drivers/transport/gpio-tool-process.ts";
import {
  driveOnceArguments,
  getArguments,
  holdArguments,
  infoArguments,
  monitorArguments,
  parseGeneration,
} from "../../../drivers/transport/gpio-tool-text.ts";
import type { Transport } from "../../../drivers/transport/transport.ts";
import { ToolKit } from "./gpio-tools-kit.ts";

const nowhere = { sysfs: "/nowhere" };
const kits: ToolKit[] = [];
const open: Transport[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((transport) => transport.close()));
  for (const kit of kits.splice(0)) kit.remove();
});

function tools(version: "1.6.3" | "2.2.1" = "2.2.1"): ToolKit {
  const kit = new ToolKit(version);
  kits.push(kit);
  return kit;
}

/** Everything that a transport said, and how it ended. */
async function listen(kit: ToolKit, chip = "pinctrl-bcm2711") {
  const transport = await openGpio({ chip, via: "auto" }, kit.system);
  open.push(transport);
  const said: string[] = [];
  let ended: unknown;
  const reading = (async () => {
    for await (const chunk of transport.chunks) said.push(Buffer.from(chunk).toString().trim());
  })().then(
    () => {
      ended = "closed";
    },
    (error: unknown) => {
      ended = error;
    },
  );
  const ask = (record: HostRecord) => transport.write(encodeHostRecord(record));
  return { transport, said, ask, reading, ended: () => ended };
}

const stampNow = (isSecond: boolean) => {
  const [seconds = "", part = ""] = (systemClock.monotonicMs() / 1000).toFixed(9).split(".");
  return isSecond ? `rising ${seconds}.${part}` : `1 ${seconds} ${Number(part)}`;
};

describe.each(["1.6.3", "2.2.1"] as const)("libgpiod %s", (version) => {
  test("a line is watched: its level, then its edges with the kernel's time", async () => {
    const kit = tools(version);
    kit.setLevel(17, 1);
    const { said, ask } = await listen(kit);
    await ask({ type: "identify" });
    await ask({ type: "watch", offset: 17, bias: "pull_up" });
    await expect.poll(() => said).toEqual(["chip 58 gpiochip0 pinctrl-bcm2711", "level 17 1"]);
    kit.print(17, version === "1.6.3" ? "0 100 5" : "falling 100.000000005");
    kit.print(17, "something else");
    kit.print(17, stampNow(version !== "1.6.3"));
    await expect.poll(() => said.length).toBe(4);
    const [long, short] = said.slice(2).map((line) => line.split(" "));
    expect(long?.slice(0, 3)).toEqual(["edge", "17", "0"]);
    expect(short?.slice(0, 3)).toEqual(["edge", "17", "1"]);
    expect(Number(short?.[3])).toBeLessThan(20_000_000);
    // Kernels before 5.7 stamp by the wall clock.
    const seconds = Math.floor(Date.now() / 1000);
    kit.print(17, version === "1.6.3" ? `0 ${seconds} 0` : `falling ${seconds}.000000000`);
    kit.print(17, version === "1.6.3" ? `1 ${seconds} 0` : `rising ${seconds}.000000000`);
    await expect.poll(() => said.length).toBe(6);
    expect(Number(said[4]?.split(" ")[3])).toBeLessThan(20_000_000);
    // Asked again, the level is the one that the edges left.
    await ask({ type: "watch", offset: 17, bias: "pull_up" });
    await expect.poll(() => said.at(-1)).toBe("level 17 1");
  });

  test("a line is driven, released before it is driven anew, and free after closing", async () => {
    const kit = tools(version);
    const { said, ask, transport } = await listen(kit);
    for (const level of [0, 1, 0] as const) await ask({ type: "drive", offset: 5, level });
    await expect.poll(() => said).toEqual(["driven 5 0", "driven 5 1", "driven 5 0"]);
    expect(kit.driven()).toEqual(["5=0", "5=1", "5=0"]);
    await expect.poll(() => kit.holder(5)).toBeDefined();
    await ask({ type: "drive", offset: 5, level: 1 });
    await transport.close();
    expect(kit.driven().at(-1)).toBe("5=1");
    expect(kit.holder(5)).toBeUndefined();
  });

  test("a tool that dies is a lost port, and says which line", async () => {
    const kit = tools(version);
    const { ask, said, ended } = await listen(kit);
    await ask({ type: "watch", offset: 27, bias: "as_is" });
    await expect.poll(() => said).toEqual(["level 27 0"]);
    await expect.poll(() => kit.holder(27)).toBeDefined();
    process.kill(kit.holder(27)!);
    await expect.poll(ended).toMatchObject({ code: "DRIVER_PORT_LOST" });
    expect(String(ended())).toContain("line 27 of GPIO chip pinctrl-bcm2711 was lost");
  });

  test("a line that is held is busy, with the name of its holder", async () => {
    const kit = tools(version);
    kit.hold(18);
    const { ask, ended } = await listen(kit);
    await ask({ type: "drive", offset: 18, level: 1 });
    await expect.poll(ended).toMatchObject({
      code: "DRIVER_PORT_BUSY",
      message: "line 18 of GPIO chip pinctrl-bcm2711 is held by fan",
    });
  });

  test("a line is found by its name; the message for another lists them", async () => {
    const kit = tools(version);
    const { ask, said, ended } = await listen(kit);
    await ask({ type: "find", lineName: "GPIO17" });
    await ask({ type: "find", lineName: "GPIO99" });
    await expect.poll(ended).toMatchObject({ code: "DRIVER_PORT_MISSING" });
    expect(said).toEqual(["found 17 GPIO17"]);
    expect(String(ended())).toContain("its names: GPIO17");
  });
});

test("a line that chatters while nobody reads is held back, and all of it comes in the end", async () => {
  const kit = tools();
  const transport = await openGpio({ chip: "pinctrl-bcm2711", via: "tools" }, kit.system);
  open.push(transport);
  await transport.write(encodeHostRecord({ type: "watch", offset: 17, bias: "as_is" }));
  const edgeCount = 20_000;
  const edge = (index: number) => `${index % 2 === 0 ? "rising" : "falling"} 1.000000000`;
  kit.print(17, Array.from({ length: edgeCount }, (_, index) => edge(index)).join("\n"));
  await new Promise((resolve) => setTimeout(resolve, 500));
  let count = 0;
  // The level that was found comes first.
  for await (const _ of transport.chunks) {
    count += 1;
    if (count === edgeCount + 1) break;
  }
  expect(count).toBe(edgeCount + 1);
});

describe("a chip that cannot be had", () => {
  const refusal = (kit: ToolKit, chip: string) =>
    openGpio({ chip, via: "auto" }, kit.system).catch((error: unknown) => error);

  test("is missing: the message lists those that are there", async () => {
    const error = await refusal(tools(), "pinctrl-rp1");
    expect(error).toMatchObject({ code: "DRIVER_PORT_MISSING" });
    expect(String(error)).toContain(
      "pinctrl-bcm2711 (gpiochip0, 58 lines), twin (gpiochip1, 8 lines)",
    );
  });

  test("is one of two with the label: their names are told, and a name is taken", async () => {
    const kit = tools();
    const error = await refusal(kit, "twin");
    expect(error).toMatchObject({ code: "CONFIG_INVALID" });
    expect(String(error)).toContain("gpiochip1, gpiochip2");
    const { said, ask } = await listen(kit, "gpiochip2");
    await ask({ type: "identify" });
    await expect.poll(() => said).toEqual(["chip 8 gpiochip2 twin"]);
  });

  test("is not allowed: the message names group and udev rule", async () => {
    const kit = tools();
    kit.deny();
    const error = await refusal(kit, "pinctrl-bcm2711");
    expect(error).toMatchObject({ code: "DRIVER_PORT_DENIED" });
    expect(String(error)).toContain('KERNEL=="gpiochip*"');
  });

  test("has no such line", async () => {
    const { ask, ended } = await listen(tools());
    await ask({ type: "watch", offset: 58, bias: "as_is" });
    await expect.poll(ended).toMatchObject({
      code: "CONFIG_INVALID",
      message: "GPIO chip pinctrl-bcm2711 has lines 0 to 57, no line 58",
    });
  });
});

const isInstalled = await runTool(nowhere, "gpiomon", ["--version"]).then(
  ({ printed }) => parseGeneration(printed),
  () => undefined,
);
test.skipIf(isInstalled === undefined)(
  "the installed tools understand their options: only the chip is missing (apt install gpiod)",
  async () => {
    const generation = isInstalled ?? 1;
    const bias = "pull_up";
    const commands = [
      ["gpioget", getArguments(generation, "gpiochip999", 1, bias)],
      ["gpiomon", monitorArguments(generation, "gpiochip999", 1, bias)],
      ["gpioset", holdArguments(generation, "gpiochip999", 1, 1)],
      ...(generation === 1 ? [["gpioset", driveOnceArguments("gpiochip999", 1, 1)] as const] : []),
      ["gpioinfo", infoArguments(generation, "gpiochip999")],
    ] as const;
    for (const [tool, args] of commands) {
      const end = await runTool(nowhere, tool, args);
      expect(`${tool}: ${end.complaint}`).toMatch(/No such file|cannot find GPIO chip/);
      expect(end.exitCode).toBe(1);
    }
  },
);

test("tools that are not installed are named, with the package", async () => {
  const error = await runTool(nowhere, "gpio-tool-of-nobody", []).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: "DRIVER_NATIVE_MISSING" });
  expect(String(error)).toContain("apt install gpiod");
});

test.skipIf(!(await canBindTools(nowhere)))(
  "a process that is killed takes its tools with it, so that its lines are free (setpriv)",
  async () => {
    const kit = tools();
    const program = fileURLToPath(new URL("gpio-child.ts", import.meta.url));
    const child = fork(program, [kit.folder], { execArgv: ["--import", "tsx"] });
    const [said] = await once(child, "message");
    const holder = kit.holder(5);
    child.kill("SIGKILL");
    await once(child, "close");
    expect([said, holder]).toEqual(["driven 5 1\n", expect.any(Number)]);
    await expect.poll(() => kit.holder(5)).toBeUndefined();
  },
);
