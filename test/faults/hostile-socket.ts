// A client that sends what it likes: bytes over TLS with a certificate of the chain, or over bare TCP, from an address
// of its own.

import { connect as connectTcp, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls, createSecureContext, type SecureContext } from "node:tls";
import { generate, type Packet, parser } from "mqtt-packet";
import { type HostileBridge, hostile, type Papers } from "./hostile-bridge.ts";
import { connectPacket } from "./hostile-packets.ts";

/** Where it comes from: another address than the edge's, as another machine would. */
const localAddress = "127.0.0.2";
const host = "127.0.0.1";
/** Read once: thousands of connections are made with the same papers. */
const contexts = new WeakMap<Papers, SecureContext>();

function contextOf(papers: Papers): SecureContext {
  const { ca, certificate: cert, key } = papers;
  const context = contexts.get(papers) ?? createSecureContext({ ca, cert, key });
  contexts.set(papers, context);
  return context;
}

/** A connection, and what came back. */
export class HostileSocket {
  /** The first thousand. */
  readonly packets: Packet[] = [];
  acknowledgedCount = 0;
  /** Resolves when the connection has ended: how long it was. */
  readonly closed: Promise<number>;
  readonly #socket: Socket;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket, startedMs: number) {
    this.#socket = socket;
    const answers = parser();
    answers.on("packet", (packet) => {
      if (packet.cmd === "puback") this.acknowledgedCount += 1;
      if (this.packets.length < 1000) this.packets.push(packet);
      this.#wake?.();
    });
    answers.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => answers.parse(bytes));
    this.closed = new Promise((resolve) =>
      socket.on("close", () => {
        resolve(performance.now() - startedMs);
        this.#wake?.();
      }),
    );
  }

  /** A TCP connection and nothing more, or what is left of it when it was refused at once. */
  static async bare({ port }: HostileBridge): Promise<HostileSocket> {
    return await HostileSocket.#opened(connectTcp({ port, host, localAddress }), "connect");
  }

  /** A connection with the hostile edge's certificate. */
  static async secure({ port, papers }: HostileBridge): Promise<HostileSocket> {
    const secureContext = contextOf(papers.hostile);
    // The types do not know that the local address reaches the TCP connection.
    const options = { port, host, localAddress, secureContext } as object;
    return await HostileSocket.#opened(connectTls(options), "secureConnect");
  }

  /** The same after a CONNECT that was accepted. */
  static async connected(
    bridge: HostileBridge,
    name = "",
    keepaliveSeconds = 0,
  ): Promise<HostileSocket> {
    const one = await HostileSocket.secure(bridge);
    const { storeId, edgeId } = hostile;
    one.send(connectPacket(`${storeId}:${edgeId}${name}`, keepaliveSeconds));
    const answer = await one.answer("connack");
    if (answer?.cmd !== "connack" || answer.returnCode !== 0) throw new Error("not let in");
    return one;
  }

  static async #opened(socket: Socket, event: string): Promise<HostileSocket> {
    // What the bridge does to it shows in `closed`.
    socket.on("error", () => undefined);
    const one = new HostileSocket(socket, performance.now());
    socket.setNoDelay(true);
    await Promise.race([new Promise((resolve) => socket.once(event, resolve)), one.closed]);
    return one;
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** Sends packets or bytes; whether more can be taken at once. */
  send(...parts: (Packet | Uint8Array)[]): boolean {
    if (!this.isOpen) return false;
    const bytes = parts.map((part) => (part instanceof Uint8Array ? part : generate(part)));
    return this.#socket.write(Buffer.concat(bytes));
  }

  /** Resolves when all that was sent is out of this process, or the connection has ended. */
  async drained(): Promise<void> {
    if (!this.isOpen || !this.#socket.writableNeedDrain) return;
    await Promise.race([
      new Promise((resolve) => this.#socket.once("drain", resolve)),
      this.closed,
    ]);
  }

  /** The first packet of that kind, or undefined when the connection ends or time is up. */
  async answer(cmd: Packet["cmd"], waitMs = 5000): Promise<Packet | undefined> {
    for (const deadlineAtMs = performance.now() + waitMs; ; ) {
      const found = this.packets.find((packet) => packet.cmd === cmd);
      if (found !== undefined || !this.isOpen || performance.now() > deadlineAtMs) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 50);
      });
    }
  }

  /** Whether the bridge ends it within that time. */
  async endsWithin(waitMs: number): Promise<boolean> {
    const late = delay(waitMs, undefined, { ref: false });
    return (await Promise.race([this.closed, late])) !== undefined;
  }

  end(): void {
    this.#socket.destroy();
  }
}
