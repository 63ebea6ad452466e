// One client for each id, and how many there are. aedes loses count where clients take each other's place while they
// close: some are counted for ever, some are not there for the next who comes under their id.

import type { Aedes, Client } from "aedes";

/** The parts of aedes through which a client comes to be there, and goes. */
interface ClientRegister {
  readonly clients: Record<string, Client | undefined>;
  registerClient(client: Client): void;
  _finishRegisterClient(client: Client): void;
  unregisterClient(client: Client): void;
}

/** The clients of a broker. */
export class ConnectedClients {
  readonly #register: ClientRegister;
  readonly #clients = new Set<Client>();

  constructor(broker: Aedes) {
    this.#register = broker as unknown as ClientRegister;
    const leave = this.#register.unregisterClient.bind(broker);
    this.#register.registerClient = (client) => this.#enter(client);
    this.#register.unregisterClient = (client) => {
      const present = this.#register.clients[client.id];
      leave(client);
      // It went while another had its place already.
      if (present !== undefined && present !== client) {
        this.#register.clients[client.id] = present;
      }
    };
  }

  /** Those whose connection stands. */
  get count(): number {
    return this.#clients.size;
  }

  #enter(client: Client): void {
    const { conn } = client;
    if (client.closed || conn.destroyed) return;
    const present = this.#register.clients[client.id];
    // [MQTT-3.1.4-2]; while it goes others may come, who have to go as well.
    if (present !== undefined && present !== client && !present.closed) {
      present.close(() => this.#enter(client));
      return;
    }
    this.#clients.add(client);
    conn.once("close", () => this.#clients.delete(client));
    this.#register._finishRegisterClient(client);
  }
}
