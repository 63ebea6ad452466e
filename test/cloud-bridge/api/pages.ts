// Lists that come in pages.

import { expect } from "vitest";
import type { TestBridge } from "../bridge.ts";

/** All pages of a list under /v1/stores/; `path` has a query already. */
export async function allOf(
  bridge: TestBridge,
  path: string,
  limit: number,
): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  let more = "";
  do {
    const { status, body } = await bridge.get(`/v1/stores/${path}&limit=${limit}${more}`);
    expect(status).toBe(200);
    items.push(...(body["items"] as []));
    more = body["next"] === undefined ? "" : `&cursor=${body["next"]}`;
  } while (more !== "");
  return items;
}
