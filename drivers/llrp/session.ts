// One connection to a reader: requests with their answers matched by id, keepalives answered, and everything
// else handed on in the order it came, also while an answer is waited for (a reader under a flood of tags
// answers late). A request is sent once: TCP loses nothing, and a second ADD would be another one.

import { GatewayError } from "../../contract/errors.ts";
import type { DriverContext } from "../driver.ts";
import { FrameFeed } from "../frame-feed.ts";
import { answerParameters, encodeRequest, isAnswerTo, type Request } from "./codec.ts";
import { encodeMessage, type LlrpVersion, type Message, MessageDecoder } from "./frame.ts";
import { readStatus, refusalText, type Status } from "./status.ts";
import { messageTypes } from "./tables.ts";

/** An answer. */
export interface Answer {
  readonly message: Message;
  readonly status: Status;
  /** What it carries, its status included. */
  readonly parameters: Uint8Array;
}

/** The connection. */
export class LlrpSession {
  readonly #context: DriverContext;
  readonly #feed: FrameFeed<Message>;
  readonly #timeoutMs: number;
  readonly #take: (message: Message) => void;
  #version: LlrpVersion = 1;
  #lastId = 0;

  /** `take` gets what nobody asked for; what it throws ends the wait under way. */
  constructor(context: DriverContext, timeoutMs: number, take: (message: Message) => void) {
    this.#context = context;
    this.#feed = new FrameFeed(context, new MessageDecoder());
    this.#timeoutMs = timeoutMs;
    this.#take = take;
  }

  /** The version of the headers that are sent. */
  set version(version: LlrpVersion) {
    this.#version = version;
  }

  /** Sends without waiting for an answer. */
  send(request: Request, id = this.#nextId()): void {
    this.#feed.send(encodeMessage(encodeRequest(request, id, this.#version)));
  }

  /** Asks. DRIVER_SILENT without an answer in time; whatever the answer's status is, it is given. */
  async ask(request: Request): Promise<Answer> {
    const id = this.#nextId();
    const { type } = encodeRequest(request, id, this.#version);
    this.send(request, id);
    const message = await this.#feed.nextThat(this.#timeoutMs, (found) =>
      isAnswerTo(found, type, id) ? found : this.#pass(found),
    );
    if (message === undefined) {
      this.#context.count("timeouts");
      throw this.#feed.unanswered(request.type);
    }
    const parameters = answerParameters(message);
    const status = parameters && readStatus(parameters);
    if (parameters === undefined || status === undefined) {
      throw new GatewayError("DRIVER_NOT_IDENTIFIED", `${request.type}: the answer has no status`, {
        retryable: true,
      });
    }
    return { message, status, parameters };
  }

  /** Asks for what must be done. DRIVER_COMMAND_REFUSED with the reader's words. */
  async command(request: Request): Promise<Answer> {
    const answer = await this.ask(request);
    if (answer.status.code === 0) return answer;
    const message = `${request.type}: ${refusalText(answer.status)}`;
    throw new GatewayError("DRIVER_COMMAND_REFUSED", message, { retryable: true });
  }

  /** Hands messages on until `isDone` says so; false after `timeoutMs`. */
  async until(timeoutMs: number, isDone: () => boolean): Promise<boolean> {
    const done = await this.#feed.nextThat(timeoutMs, (message) => {
      this.#pass(message);
      return isDone() ? true : undefined;
    });
    return done ?? false;
  }

  /** Why the other side said nothing. */
  unanswered(what: string): GatewayError {
    return this.#feed.unanswered(what);
  }

  #pass(message: Message): undefined {
    if (message.type === messageTypes.KEEPALIVE) {
      this.#context.count("keepalives");
      this.send({ type: "KEEPALIVE_ACK" }, message.id);
    } else {
      this.#take(message);
    }
    return undefined;
  }

  #nextId(): number {
    this.#lastId = (this.#lastId + 1) % 0x1_0000_0000;
    return this.#lastId;
  }
}
