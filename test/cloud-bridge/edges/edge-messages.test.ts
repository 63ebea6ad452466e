// What edges say of themselves, read once for every part of the bridge.

import { expect, test } from "vitest";
import { readHealth, readStatus } from "../../../cloud-bridge/edges/edge-messages.ts";
import { health, status } from "./health-message.ts";

const edge = { storeId: "s0042", edgeId: "e1" };
const bytes = (message: unknown) => Buffer.from(JSON.stringify(message));

test("a status is the edge's own, or tells nobody anything; an empty one says that there is none", () => {
  const own = status("s0042", "e1");
  expect(readStatus(edge, bytes(own))).toEqual(own);
  expect(readStatus(edge, Buffer.alloc(0))).toBeUndefined();
  for (const other of [status("s0042", "e2"), status("s0043", "e1", "offline")]) {
    expect(readStatus(edge, bytes(other))).toBe("foreign");
  }
  for (const text of ["[", "{}", '{"storeId":"s0042"}', " "]) {
    expect(readStatus(edge, Buffer.from(text))).toBe("invalid");
  }
});

test("a report that does not say whose it is is its topic's edge's", () => {
  expect(readHealth(edge, bytes(health()))).toMatchObject({ waitingCount: 0 });
  expect(readHealth(edge, bytes(health({ edgeId: "e2" })))).toBe("foreign");
});
