// A bridge, and a client of its broker as an edge has one, for all tests of a file.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type ApiToken, tokensText } from "../../cloud-bridge/api/tokens.ts";
import { startBridge, type TestBridge } from "./bridge.ts";
import { TestClient } from "./mqtt-client.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** What a file's tests have. */
export interface Opened {
  readonly bridge: TestBridge;
  readonly edge: TestClient;
}

/** Before the tests it is started, with `settings` (made for its folder), and prepared; after them it is gone. */
export function withBridge(
  prepare: (opened: Opened) => Promise<void> | void,
  settings: (
    folder: string,
  ) => Promise<Record<string, unknown>> | Record<string, unknown> = () => ({}),
): void {
  const closers: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    const folder = await temporaryFolder();
    closers.push(folder.remove);
    const bridge = await startBridge(folder.path, await settings(folder.path));
    closers.push(() => bridge.stop());
    const edge = await TestClient.open(bridge.brokerPort);
    closers.push(() => edge.close());
    await prepare({ bridge, edge });
  });
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });
}

/** Settings of a bridge whose HTTP asks for one of these tokens. */
export function withTokens(tokens: readonly ApiToken[]) {
  return async (folder: string) => {
    const tokensFile = join(folder, "tokens");
    await writeFile(tokensFile, tokensText(tokens));
    return { http: { tokensFile } };
  };
}
