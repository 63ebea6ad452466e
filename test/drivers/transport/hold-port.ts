// A child process for the tests: opens the serial port it is given and holds it, or says why it cannot.

import { errorCodeOf, errorMessageOf } from "../../../contract/errors.ts";
import { openSerial } from "../../../drivers/transport/serial.ts";

const [path = ""] = process.argv.slice(2);
const settings = { path, baudRate: 115_200, dataBits: 8, parity: "none", stopBits: 1 } as const;
try {
  await openSerial(settings);
  process.send?.({ code: "open" });
} catch (error) {
  process.send?.({ code: errorCodeOf(error), message: errorMessageOf(error) });
}
