// A child process for the tests: drives a line through the tools of the folder it is given, and holds it
// until it is killed.

import { openGpio } from "../../../drivers/transport/gpio.ts";
import { encodeHostRecord } from "../../../drivers/transport/gpio-record.ts";

const [toolFolder = ""] = process.argv.slice(2);
const settings = { chip: "pinctrl-bcm2711", via: "tools" } as const;
const transport = await openGpio(settings, { sysfs: "/nowhere", toolFolder });
await transport.write(encodeHostRecord({ type: "drive", offset: 5, level: 1 }));
for await (const chunk of transport.chunks) process.send?.(Buffer.from(chunk).toString());
