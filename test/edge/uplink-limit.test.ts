import { describe, expect, test } from "vitest";
import { Harness } from "./uplink-harness.ts";

const sequencesOf = (events: unknown[]) =>
  events.map((event) => (event as { sequence?: number }).sequence);

describe("refusals", () => {
  test("only for the bytes in flight; another's garbage is no answer of ours", async () => {
    const harness = new Harness();
    harness.outbox.append(2);
    await harness.online(0);
    await harness.refuse("BATCH_UNREADABLE", "c".repeat(64));
    await harness.refuse("VERSION_UNSUPPORTED", "c".repeat(64));
    expect(harness.count("uplink_refusals_alien")).toBe(2);
    expect(harness.uplink.state()).toBe("online");
    await harness.after(5_000);
    expect(harness.last.events).toHaveLength(0);
  });

  test("plain first, then halves down to the event, which is set aside; sizes grow again", async () => {
    const harness = new Harness();
    harness.outbox.append(40);
    await harness.online(0);
    const poison = 7;
    const sizes: number[] = [];
    for (let turn = 0; turn < 100 && harness.outbox.acknowledgedSequence < 40; turn += 1) {
      const { events, firstSequence } = harness.last;
      sizes.push(events.length);
      const holdsPoison = sequencesOf(events).includes(poison);
      if (holdsPoison) await harness.refuse("BATCH_UNREADABLE");
      else await harness.acknowledge(firstSequence + events.length - 1);
      if (harness.last.firstSequence === firstSequence && events.length === 1) {
        await harness.after(300_000);
      }
    }
    expect(sizes.slice(0, 5)).toEqual([40, 40, 20, 10, 5]);
    expect(sizes.slice(-4)).toEqual([4, 8, 16, 3]);
    expect(harness.alarms).toEqual(["event_set_aside"]);
    expect(harness.outbox.rows[poison - 1]?.text).toContain("unreadable");
    expect(harness.outbox.acknowledgedSequence).toBe(40);
  });

  test("a bridge that reads nothing at all costs one event, not all of them", async () => {
    const harness = new Harness();
    harness.outbox.append(5);
    await harness.online(0);
    for (let turn = 0; turn < 200; turn += 1) {
      if (harness.last.events.length === 0) await harness.acknowledge(0);
      else await harness.refuse("BATCH_TOO_LARGE");
      await harness.after(1_000);
    }
    expect(harness.alarms.filter((code) => code === "event_set_aside")).toHaveLength(1);
    expect(harness.alarms).toContain("message_refused");
  });

  test("a version that is not spoken holds, with one alarm; a hello request or time tries again", async () => {
    const harness = new Harness();
    harness.outbox.append(2);
    await harness.online(0);
    await harness.refuse("VERSION_UNSUPPORTED");
    expect(harness.uplink.state()).toBe("held");
    harness.uplink.wake();
    await harness.after(299_000);
    expect(harness.sent).toHaveLength(2);
    await harness.after(1_000);
    await harness.refuse("VERSION_UNSUPPORTED");
    harness.uplink.helloRequested();
    await harness.settle();
    expect(harness.sent).toHaveLength(4);
    expect(harness.alarms).toEqual(["version_unsupported"]);
    await harness.acknowledge(0);
    expect(harness.uplink.state()).toBe("online");
    expect(harness.last.events).toHaveLength(2);
  });
});
