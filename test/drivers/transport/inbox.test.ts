import { describe, expect, test } from "vitest";
import { GatewayError } from "../../../contract/errors.ts";
import { Inbox, inboundSizeBytesMax } from "../../../drivers/transport/inbox.ts";

const lost = new GatewayError("DRIVER_PORT_LOST", "gone");
const piece = new Uint8Array(1024);

describe("an inbox", () => {
  test("hands out in order, to a reader that waits and to one that comes late", async () => {
    const inbox = new Inbox();
    const waiting = inbox.next();
    inbox.push(Uint8Array.of(1));
    inbox.push(Uint8Array.of(2));
    expect((await waiting).value).toEqual(Uint8Array.of(1));
    expect((await inbox.next()).value).toEqual(Uint8Array.of(2));
  });

  test("what arrived before the device went is handed out before the error", async () => {
    const inbox = new Inbox();
    inbox.push(Uint8Array.of(1));
    inbox.fail(lost);
    inbox.push(Uint8Array.of(2));
    expect((await inbox.next()).value).toEqual(Uint8Array.of(1));
    await expect(inbox.next()).rejects.toBe(lost);
    await expect(inbox.next()).rejects.toBe(lost);
  });

  test("after close nothing comes any more", async () => {
    const inbox = new Inbox();
    const waiting = inbox.next();
    inbox.end();
    inbox.fail(lost);
    expect((await waiting).done).toBe(true);
    for await (const chunk of inbox) expect(chunk).toBeUndefined();
  });

  test("a source is paused at the limit and resumed at half of it", async () => {
    const calls: string[] = [];
    const inbox = new Inbox({
      pause: () => calls.push("pause"),
      resume: () => calls.push("resume"),
    });
    for (let size = 0; size < inboundSizeBytesMax; size += piece.length) {
      expect(calls).toEqual([]);
      inbox.push(piece);
    }
    expect(calls).toEqual(["pause"]);
    for (let size = inboundSizeBytesMax; size > inboundSizeBytesMax / 2; size -= piece.length) {
      await inbox.next();
    }
    expect(calls).toEqual(["pause"]);
    await inbox.next();
    expect(calls).toEqual(["pause", "resume"]);
  });

  test("a source that cannot wait fails at the limit: nothing is cut silently", async () => {
    const inbox = new Inbox();
    const count = inboundSizeBytesMax / piece.length;
    for (let index = 0; index < count + 5; index += 1) inbox.push(piece);
    for (let index = 0; index < count; index += 1) await inbox.next();
    await expect(inbox.next()).rejects.toMatchObject({ code: "DRIVER_PORT_FAILED" });
  });
});
