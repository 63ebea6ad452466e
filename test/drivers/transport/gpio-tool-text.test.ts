import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  driveOnceArguments,
  getArguments,
  holdArguments,
  infoArguments,
  isBanner,
  monitorArguments,
  parseChips,
  parseEdge,
  parseGeneration,
  parseLevel,
  parseLines,
} from "../../../drivers/transport/gpio-tool-text.ts";

test.each([
  ["gpiodetect (libgpiod) v1.6.3\nCopyright (C) 2017-2018", 1],
  ["gpiodetect (libgpiod) v2.2.1\nCopyright (C) 2017-2023", 2],
  ["gpiodetect (libgpiod) v2.1-devel", 2],
  ["gpiodetect (libgpiod) v3.0", undefined],
  ["BusyBox", undefined],
])("%j", (text, generation) => {
  expect(parseGeneration(text)).toBe(generation);
});

test("chips, among what else is printed", () => {
  const text =
    "gpiochip0 [pinctrl-bcm2711] (58 lines)\ngpiochip1 [raspberrypi-exp-gpio] (8 lines)\n" +
    "unable to open /dev/gpiochip2: Permission denied\ngpiochip3 [] (1 line)\n";
  expect(parseChips(text)).toEqual([
    { name: "gpiochip0", label: "pinctrl-bcm2711", lineCount: 58 },
    { name: "gpiochip1", label: "raspberrypi-exp-gpio", lineCount: 8 },
    { name: "gpiochip3", label: "", lineCount: 1 },
  ]);
});

describe("gpioinfo", () => {
  test("1.x", () => {
    const text = [
      "gpiochip0 - 58 lines:",
      '\tline   0:     "ID_SDA"       unused   input  active-high ',
      "\tline   1:      unnamed       unused  output  active-high ",
      '\tline  42: "RGMII_MDIO" "led0" output active-low [used]',
      "\tline  43:      unnamed       kernel   input  active-high [used]",
      '\tline  44:      unnamed      "sysfs"  output  active-high [used open-drain]',
    ].join("\n");
    expect(parseLines(text)).toEqual([
      { offset: 0, lineName: "ID_SDA" },
      { offset: 1 },
      { offset: 42, lineName: "RGMII_MDIO", consumer: "led0" },
      { offset: 43, consumer: "the kernel" },
      { offset: 44, consumer: "sysfs" },
    ]);
  });

  test("2.x", () => {
    const text = [
      "gpiochip0 - 58 lines:",
      '\tline   0:\t"ID_SDA"        \tinput',
      "\tline   1:\tunnamed         \toutput",
      '\tline  42:\t"STATUS_LED"    \toutput active-low consumer="ACT"',
      '\tline  43:\tunnamed         \tinput bias=pull-up edges=both consumer="gpiomon"',
    ].join("\n");
    expect(parseLines(text)).toEqual([
      { offset: 0, lineName: "ID_SDA" },
      { offset: 1 },
      { offset: 42, lineName: "STATUS_LED", consumer: "ACT" },
      { offset: 43, consumer: "gpiomon" },
    ]);
  });
});

describe("edges", () => {
  test.each([
    ["1 4711 5000000", { level: 1, stampUs: 4_711_005_000 }],
    ["0 1763888000 999999999", { level: 0, stampUs: 1_763_888_000_999_999 }],
    // %n of 1.x has no leading zeros.
    ["1 4711 5000", { level: 1, stampUs: 4_711_000_005 }],
    ["rising 4711.000005000", { level: 1, stampUs: 4_711_000_005 }],
    ["falling 4711.500000000\r", { level: 0, stampUs: 4_711_500_000 }],
  ])("%s", (line, edge) => {
    expect(parseEdge(line)).toEqual(edge);
  });

  test.each([
    "",
    "2 1 1",
    "rising 4711.5",
    "rising",
    "1 4711",
    "Monitoring line '17'...",
    "event:  RISING EDGE",
  ])("none: %j", (line) => {
    expect(parseEdge(line)).toBeUndefined();
  });

  test("any text is an edge or none", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const edge = parseEdge(text);
        expect(edge === undefined || Number.isSafeInteger(edge.stampUs)).toBe(true);
      }),
    );
  });
});

test("levels and banners", () => {
  expect([parseLevel("1\n"), parseLevel("0"), parseLevel('"17"=active'), parseLevel("")]).toEqual([
    1,
    0,
    undefined,
    undefined,
  ]);
  expect(isBanner("Monitoring line '17'...")).toBe(true);
  expect(isBanner("Setting line '5'...")).toBe(true);
  expect(isBanner("rising 1.000000000")).toBe(false);
});

describe("command lines", () => {
  test("1.x, as its --help has them", () => {
    expect(getArguments(1, "gpiochip0", 17, "as_is")).toEqual(["gpiochip0", "17"]);
    expect(monitorArguments(1, "gpiochip0", 17, "disabled")).toEqual([
      "--line-buffered",
      "--format=%e %s %n",
      "--bias=disable",
      "gpiochip0",
      "17",
    ]);
    expect(holdArguments(1, "gpiochip0", 5, 1)).toEqual(["--mode=signal", "gpiochip0", "5=1"]);
    expect(driveOnceArguments("gpiochip0", 5, 0)).toEqual(["--mode=exit", "gpiochip0", "5=0"]);
    expect(infoArguments(1, "gpiochip0")).toEqual(["gpiochip0"]);
  });

  test("2.x, as its --help has them", () => {
    const target = "--chip gpiochip0 --consumer gondola";
    expect(getArguments(2, "gpiochip0", 17, "pull_up").join(" ")).toBe(
      `${target} --numeric --bias pull-up 17`,
    );
    const monitor = monitorArguments(2, "gpiochip0", 17, "disabled");
    expect(monitor).toContain("%E %S");
    expect(monitor.join(" ")).toContain(`--bias disabled ${target} 17`);
    expect(monitor.join(" ")).toContain("--banner --edges both --event-clock monotonic");
    expect(holdArguments(2, "gpiochip0", 5, 0).join(" ")).toBe(`--banner ${target} 5=0`);
    expect(infoArguments(2, "gpiochip0")).toEqual(["--chip", "gpiochip0"]);
  });
});
