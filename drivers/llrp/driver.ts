// An LLRP reader: say hello, know it, set it, hand it a ROSpec that never ends, and take what it reports. It
// goes on reading and keeps its reports while the network is away, where it can; a client that comes back
// with the same configuration finds its ROSpec at work and gets what was kept, with the times it was read.

import { errorCodeOf, GatewayError } from "../../contract/errors.ts";
import { defineDevice } from "../device-module.ts";
import type { DriverContext } from "../driver.ts";
import { untilAborted } from "../frame-feed.ts";
import { type Capabilities, readCapabilities } from "./capabilities.ts";
import { supportedVersion } from "./codec.ts";
import { type LlrpOptions, llrpOptionsSchema, searchModes } from "./options.ts";
import { type Parameter, parametersOf } from "./parameter.ts";
import { type ReaderState, readState } from "./reader-config.ts";
import { ReaderMessages } from "./reader-messages.ts";
import { encodeRoSpec, type RoSpec, storedRoSpecs } from "./ro-spec.ts";
import { LlrpSession } from "./session.ts";
import { impinj } from "./tables.ts";

/** Our ROSpec's number. The reader is ours alone, so any will do. */
const roSpecId = 1;
/** A reader that said nothing for this many keepalives is asked. */
const missedKeepaliveCountMax = 3;
/** Antenna number that means all of them. */
const allAntennas = 0;

const makers: Readonly<Record<number, string>> = {
  161: "Zebra",
  17996: "Alien",
  21336: "CAEN RFID",
  25882: "Impinj",
  26554: "ThingMagic",
};

/** Kind `llrp`. */
export const device = defineDevice({
  optionsSchema: llrpOptionsSchema,
  // Never used, as a reader of this kind is on the network.
  baudRateDefault: 115_200,
  isOnNetwork: true,
  createDriver: (options) => ({
    run: (context) => untilAborted(context.signal, () => new ReaderRun(context, options).run()),
  }),
});

class ReaderRun {
  readonly #context: DriverContext;
  readonly #options: LlrpOptions;
  readonly #session: LlrpSession;
  readonly #messages: ReaderMessages;

  constructor(context: DriverContext, options: LlrpOptions) {
    this.#context = context;
    this.#options = options;
    this.#messages = new ReaderMessages(context, options, roSpecId);
    this.#session = new LlrpSession(context, options.answerTimeoutMs, (message) =>
      this.#messages.take(message),
    );
  }

  async run(): Promise<void> {
    try {
      await this.#greet();
      await this.#negotiate();
      const capabilities = await this.#identify();
      const hasExtensions = await this.#enableExtensions(capabilities);
      const state = await this.#configure(capabilities);
      await this.#ensureRoSpec(this.#roSpec(capabilities, state, hasExtensions));
      await this.#stayAwake(capabilities);
    } catch (error) {
      // One that never greeted us, or that serves another client, has nothing to close.
      if (this.#messages.isGreeted && errorCodeOf(error) !== "DRIVER_PORT_LOST") this.#sayGoodbye();
      throw error;
    }
  }

  // Without it the next client, ourselves perhaps, is told that this one still holds the reader.
  #sayGoodbye(): void {
    this.#session.send({ type: "CLOSE_CONNECTION" });
  }

  async #greet(): Promise<void> {
    if (await this.#session.until(this.#options.answerTimeoutMs, () => this.#messages.isGreeted))
      return;
    throw this.#session.unanswered("the connection");
  }

  // 1.0.1 answers the question with an error; the headers stay at version 1 then.
  async #negotiate(): Promise<void> {
    if (this.#options.protocolVersion === "1.0.1") return;
    const { message, status } = await this.#session.ask({ type: "GET_SUPPORTED_VERSION" });
    if (status.code !== 0 || (supportedVersion(message) ?? 1) < 2) {
      this.#context.count("version_refusals");
      return;
    }
    this.#session.version = 2;
    await this.#session.command({ type: "SET_PROTOCOL_VERSION", version: 2 });
  }

  async #identify(): Promise<Capabilities> {
    const { parameters } = await this.#session.command({ type: "GET_READER_CAPABILITIES" });
    const capabilities = readCapabilities(parameters);
    if (capabilities === undefined) {
      const message = "GET_READER_CAPABILITIES: the answer does not say what the reader is";
      throw new GatewayError("DRIVER_NOT_IDENTIFIED", message);
    }
    this.#messages.channelsMhz = capabilities.channelsMhz;
    const { antennaCount, firmware, manufacturerId, modelId, modeIds } = capabilities;
    const maker = makers[manufacturerId] ?? `maker ${manufacturerId}`;
    const missing = this.#options.antennas.filter((antenna) => antenna > antennaCount);
    const text =
      `LLRP reader of ${maker}, model ${modelId}, firmware ${firmware}, ` +
      `${antennaCount} antennas, modes ${modeIds.slice(0, 20).join(", ")}`;
    this.#context.onIdentified(text);
    if (missing.length === 0) return capabilities;
    const message = `the reader has ${antennaCount} antennas; antennas names ${missing.join(", ")}`;
    throw new GatewayError("CONFIG_INVALID", message);
  }

  async #enableExtensions({ manufacturerId }: Capabilities): Promise<boolean> {
    if (manufacturerId !== impinj.vendorId) return false;
    const { status } = await this.#session.ask({ type: "IMPINJ_ENABLE_EXTENSIONS" });
    if (status.code !== 0) this.#context.count("extension_refusals");
    return status.code === 0;
  }

  async #configure({ isHoldingSupported }: Capabilities): Promise<ReaderState> {
    const { keepaliveMs } = this.#options;
    const settings = { keepaliveMs, isHolding: isHoldingSupported };
    await this.#session.command({ type: "SET_READER_CONFIG", settings });
    const { parameters } = await this.#session.command({ type: "GET_READER_CONFIG" });
    const state = readState(this.#parse(parameters));
    for (const [antenna, { isConnected }] of state.antennas)
      this.#messages.takeAntenna(antenna, isConnected);
    for (const [port, { isHigh }] of state.inputs) this.#messages.takeInput(port, isHigh);
    // What it kept for us is taken before its ROSpec is touched.
    this.#session.send({ type: "ENABLE_EVENTS_AND_REPORTS" });
    return state;
  }

  #roSpec(capabilities: Capabilities, state: ReaderState, hasExtensions: boolean): RoSpec {
    const { antennas, modeId, powerDbm, reportEveryReadCount, searchMode, session, tagCount } =
      this.#options;
    const { hopTableId, isHopping } = capabilities;
    return {
      roSpecId,
      antennas: antennas.length === 0 ? [allAntennas] : antennas,
      ...(powerDbm === undefined
        ? {}
        : {
            powerIndex: powerIndexOf(powerDbm, capabilities),
            ...(state.transmitter ?? { hopTableId, channelIndex: isHopping ? 0 : 1 }),
          }),
      modeIndex: modeId,
      session,
      tagPopulation: tagCount,
      searchMode: searchMode && hasExtensions ? searchModes.indexOf(searchMode) : undefined,
      reportEveryReadCount,
      hasImpinjContent: hasExtensions,
      hasTid: this.#options.hasTid,
    };
  }

  // Left as it is where the reader has it already and nothing else; else made anew.
  async #ensureRoSpec(spec: RoSpec): Promise<void> {
    const wanted = encodeRoSpec(spec);
    const stored = await this.#stored();
    const [first] = stored;
    const isSame = stored.length === 1 && Buffer.compare(first!.bytes, wanted) === 0;
    if (isSame && first!.state === "active") {
      this.#context.count("ro_specs_kept");
      this.#messages.isEnabled = true;
      return;
    }
    if (!isSame) {
      await this.#session.command({ type: "DELETE_ROSPEC", roSpecId: 0 });
      // What another program left to be written into tags. Readers without AccessSpecs may refuse.
      await this.#session.ask({ type: "DELETE_ACCESSSPEC", accessSpecId: 0 });
      await this.#session.command({ type: "ADD_ROSPEC", spec: wanted });
    }
    this.#messages.isReading = false;
    this.#messages.isEnabled = true;
    const isStopped = isSame && first!.state === "inactive";
    await this.#session.command({ type: isStopped ? "START_ROSPEC" : "ENABLE_ROSPEC", roSpecId });
    await this.#verifyStart();
  }

  // By its event, by a read, or by the reader's word; a reader that does not start at once is told to.
  async #verifyStart(): Promise<void> {
    const { startTimeoutMs } = this.#options;
    const hasStarted = async () =>
      this.#messages.isReading ||
      (await this.#session.until(startTimeoutMs, () => this.#messages.isReading));
    if (await hasStarted()) return;
    if ((await this.#stored()).some(({ state }) => state === "active")) {
      this.#context.count("start_events_missing");
      return;
    }
    await this.#session.command({ type: "START_ROSPEC", roSpecId });
    if (await hasStarted()) return;
    const message = `the ROSpec was started and did not begin within ${startTimeoutMs} ms`;
    throw new GatewayError("DRIVER_COMMAND_REFUSED", message, { retryable: true });
  }

  async #stored() {
    const { parameters } = await this.#session.command({ type: "GET_ROSPECS" });
    return storedRoSpecs(this.#parse(parameters));
  }

  // Messages come by themselves from now on. A reader that forgot its keepalives is set anew, which also
  // shows that it is still there.
  async #stayAwake(capabilities: Capabilities): Promise<never> {
    const { clock, count } = this.#context;
    const { keepaliveMs } = this.#options;
    const settings = { keepaliveMs, isHolding: capabilities.isHoldingSupported };
    const silenceMs = missedKeepaliveCountMax * keepaliveMs;
    let heardAtMs = clock.monotonicMs();
    for (;;) {
      const nowMs = clock.monotonicMs();
      this.#messages.faults.expire(nowMs);
      const waitMs = Math.min(heardAtMs + silenceMs, this.#messages.faults.nextExpiryMs) - nowMs;
      if (await this.#session.until(Math.max(0, waitMs), () => true))
        heardAtMs = clock.monotonicMs();
      if (clock.monotonicMs() - heardAtMs < silenceMs) continue;
      count("keepalives_missing");
      await this.#session.command({ type: "SET_READER_CONFIG", settings });
      heardAtMs = clock.monotonicMs();
    }
  }

  #parse(bytes: Uint8Array): Parameter[] {
    const parameters = parametersOf(bytes);
    if (parameters === undefined) this.#context.count("malformed_messages");
    return parameters ?? [];
  }
}

/** Index of the highest power not above the wanted one; CONFIG_INVALID where all are. */
export function powerIndexOf(powerDbm: number, { powersDbm }: Capabilities): number {
  const steps = [...powersDbm].sort(([, left], [, right]) => left - right);
  const step = steps.findLast(([, dbm]) => dbm <= powerDbm);
  if (step !== undefined) return step[0];
  const [least] = steps;
  const message =
    least === undefined
      ? "the reader lists no powers: leave powerDbm out"
      : `powerDbm ${powerDbm} is below the reader's least of ${least[1]} dBm`;
  throw new GatewayError("CONFIG_INVALID", message);
}
