// What a reader says by itself: reports, events, and what follows of them for the driver.

import { GatewayError } from "../../contract/errors.ts";
import { reportFaults } from "../device-faults.ts";
import type { DriverContext } from "../driver.ts";
import { inputNamed } from "../input-names.ts";
import { ReaderFaults } from "../reader-faults.ts";
import {
  type ConnectionStatus,
  type ReaderEvent,
  type RoSpecChange,
  readNotification,
} from "./events.ts";
import type { Message } from "./frame.ts";
import type { LlrpOptions } from "./options.ts";
import { readReport } from "./report.ts";
import { messageName, messageTypes } from "./tables.ts";
import { type ReadContext, tagReading } from "./tag-readings.ts";

/** A warning is over when it was not repeated for this long. */
const warningMs = 60_000;

/** Of one connection. */
export class ReaderMessages {
  readonly faults: ReaderFaults;
  /** Frequencies by channel index from 1, once they are known. */
  channelsMhz: readonly number[] = [];
  /** The reader took us as its client. */
  isGreeted = false;
  /** Our ROSpec was enabled; from then on its end is not of our making. */
  isEnabled = false;
  /** It was seen at work. */
  isReading = false;
  readonly #context: DriverContext;
  readonly #options: LlrpOptions;
  readonly #roSpecId: number;
  #bootAtMs: number | undefined;

  constructor(context: DriverContext, options: LlrpOptions, roSpecId: number) {
    this.#context = context;
    this.#options = options;
    this.#roSpecId = roSpecId;
    this.faults = new ReaderFaults((reason) => reportFaults(context, reason));
  }

  /** A message; what it means is said at once. Throws when the connection or the ROSpec is no longer ours. */
  take(message: Message): void {
    if (message.type === messageTypes.RO_ACCESS_REPORT) this.#takeReport(message);
    else if (message.type === messageTypes.READER_EVENT_NOTIFICATION) this.#takeEvents(message);
    else this.#context.count(`unexpected_${messageName(message.type)?.toLowerCase() ?? "message"}`);
  }

  #takeReport({ content }: Message): void {
    const { clock, count, deviceId, onReading } = this.#context;
    const reads = readReport(content);
    if (reads === undefined) {
      count("malformed_messages");
      return;
    }
    const context: ReadContext = {
      deviceId,
      receivedAtMs: clock.nowMs(),
      channelsMhz: this.channelsMhz,
      bootAtMs: this.#bootAtMs,
    };
    if (reads.length > 0) this.isReading = true;
    for (const read of reads) {
      const reading = tagReading(read, context);
      if (reading === undefined) count("tags_without_epc");
      else onReading(reading);
    }
  }

  #takeEvents({ content }: Message): void {
    const notification = readNotification(content);
    if (notification === undefined) {
      this.#context.count("malformed_messages");
      return;
    }
    const { events, uptimeUs } = notification;
    for (const event of events) {
      if (event.type === "connection_attempt" && uptimeUs !== undefined) {
        this.#bootAtMs = this.#context.clock.nowMs() - Math.floor(uptimeUs / 1000);
      }
      this.#takeEvent(event);
    }
  }

  #takeEvent(event: ReaderEvent): void {
    switch (event.type) {
      case "connection_attempt":
        this.#takeConnectionAttempt(event.status);
        break;
      case "connection_close":
        throw new GatewayError("DRIVER_PORT_LOST", "the reader closed the connection", {
          retryable: true,
        });
      case "gpi":
        this.takeInput(event.port, event.isHigh);
        break;
      case "antenna":
        this.takeAntenna(event.antenna, event.isConnected);
        break;
      case "ro_spec":
        if (event.roSpecId === this.#roSpecId) this.#takeRoSpecChange(event.what);
        break;
      case "buffer_warning":
        this.#warn("buffer_warnings", `its buffer is ${event.percentFull} % full`);
        break;
      case "buffer_overflow":
        this.#warn("buffer_overflows", "its buffer ran over: reads were lost");
        break;
      case "exception":
        this.#warn("reader_exceptions", `it says "${event.text.slice(0, 200)}"`);
        break;
    }
  }

  #warn(counter: string, text: string): void {
    this.#context.count(counter);
    this.faults.set(counter, text, this.#context.clock.monotonicMs() + warningMs);
  }

  #takeRoSpecChange(what: RoSpecChange): void {
    if (what === "started") this.isReading = true;
    else if (this.isEnabled) this.#endReading(what);
  }

  #endReading(what: RoSpecChange): never {
    const message = `the reader's ROSpec ${what === "ended" ? "ended" : "was preempted"}`;
    throw new GatewayError("DRIVER_COMMAND_REFUSED", message, { retryable: true });
  }

  #takeConnectionAttempt(status: ConnectionStatus): void {
    if (status === "success") this.isGreeted = true;
    else if (status === "another_attempted") this.#context.count("other_clients");
    else if (status === "failed") {
      const message = "the reader refused the connection: LLRP may be off in its settings";
      throw new GatewayError("DRIVER_COMMAND_REFUSED", message, { retryable: true });
    } else {
      const whose = status === "reader_initiated_exists" ? "a server it connected to" : "a client";
      const message =
        `the reader already serves ${whose}, and only one: stop the other program, or restart ` +
        "the reader if that program is dead";
      throw new GatewayError("DRIVER_TAKEN", message, { retryable: true });
    }
  }

  /** An antenna is there, or not. */
  takeAntenna(antenna: number, isConnected: boolean): void {
    const name = `antenna ${String(antenna).padStart(3, "0")}`;
    const { antennas } = this.#options;
    // All antennas means those that are plugged in, and not those that never were.
    const isWatched = antennas.length === 0 ? this.isEnabled : antennas.includes(antenna);
    if (isConnected) this.faults.clear(name);
    else if (isWatched) this.faults.set(name, `antenna ${antenna} is not connected`);
  }

  /** An input changed, or is told for the first time. */
  takeInput(port: number, isHigh: boolean): void {
    const { clock, deviceId, onReading } = this.#context;
    const input = inputNamed(this.#options.inputs, port, isHigh);
    onReading({ kind: "input", deviceId, ...input, receivedAtMs: clock.nowMs() });
  }
}
