// A whole bridge in the test's own process.

import { bridgeConfigSchema } from "../../cloud-bridge/config.ts";
import { createLog } from "../../cloud-bridge/log.ts";
import { type BridgeReady, runBridge } from "../../cloud-bridge/main.ts";

/** A running bridge. */
export interface TestBridge extends BridgeReady {
  readonly brokerPort: number;
  /** Asks over HTTP; status and parsed body. */
  get(path: string): Promise<{ status: number; type: string; body: Record<string, unknown> }>;
  text(path: string): Promise<string>;
  /** Stops it; rejects with what made it stop by itself. */
  stop(): Promise<void>;
}

/** Starts a bridge on free ports. `settings` as in the configuration file. */
export async function startBridge(
  dataDir: string,
  settings: Record<string, unknown> = {},
): Promise<TestBridge> {
  const parsed = bridgeConfigSchema.parse({ dataDir, logLevel: "silent", ...settings });
  const { embedded } = parsed.broker;
  const broker = embedded === undefined ? parsed.broker : { embedded: { ...embedded, port: 0 } };
  const config = {
    ...parsed,
    broker: { ...parsed.broker, ...broker },
    http: { ...parsed.http, port: 0 },
  };
  const stop = new AbortController();
  const log = createLog(config.logLevel);
  const ready = withResolvers<BridgeReady>();
  const done = runBridge(config, { log, signal: stop.signal, onReady: ready.resolve });
  done.catch(ready.reject);
  const { httpPort, brokerUrl, brokerPort = 0 } = await ready.promise;
  const url = `http://127.0.0.1:${httpPort}`;
  return {
    ...{ httpPort, brokerUrl, brokerPort },
    text: async (path) => await (await fetch(url + path)).text(),
    get: async (path) => {
      const response = await fetch(url + path);
      const type = response.headers.get("content-type") ?? "";
      return { status: response.status, type, body: (await response.json()) as never };
    },
    stop: () => {
      stop.abort();
      return done;
    },
  };
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
