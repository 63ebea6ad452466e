import { expect, test } from "vitest";
import { Actor } from "../../../cloud-bridge/api/actor.ts";
import { newToken } from "../../../cloud-bridge/api/tokens.ts";

const tokenOf = (role: string, stores: string) => newToken({ name: "shop", role, stores }).token;

test("whoever asked for something that lasts may see it while the token says so", async () => {
  let token: ReturnType<typeof tokenOf> | undefined = tokenOf("associate", "s1,s2");
  const actor = new Actor(token, async () => token);
  expect(await actor.stillMay("stock.read", "s1")).toBe(true);
  token = tokenOf("associate", "s2");
  expect(await actor.stillMay("stock.read", "s1")).toBe(false);
  expect(await actor.stillMay("stock.read", "s2")).toBe(true);
  token = undefined;
  expect(await actor.stillMay("stock.read", "s2")).toBe(false);
  expect(await new Actor().stillMay("stock.read", "s2")).toBe(true);
});
