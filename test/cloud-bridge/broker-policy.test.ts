import { expect, test } from "vitest";
import {
  connectRefusal,
  isBridgeLogin,
  publishRefusal,
  subscribeRefusal,
} from "../../cloud-bridge/broker-policy.ts";
import { topics } from "../../contract/topics.ts";

const limits = { smallPayloadSizeBytesMax: 100 };
const login = { clientId: "bridge-x", username: "bridge", password: "secret" };
const publication = (topic: string, length = 10) => ({ topic, payload: { length } });

test.each([
  topics.events("s0042", "edge-1"),
  topics.status("s0042", "edge-1"),
  topics.health("s0042", "edge-1"),
  topics.reply("s0042", "edge-1"),
  topics.command("s0042", "edge-1"),
])("a client may publish on %s", (topic) => {
  expect(publishRefusal(publication(topic), limits)).toBeUndefined();
});

test.each([
  topics.ack("s0042", "edge-1"),
  topics.plan("s0042"),
  topics.sold("s0042"),
  topics.stock("s0042", "09506000134352"),
  topics.entries("s0042"),
  topics.alerts("s0042"),
])("the bridge alone publishes on %s", (topic) => {
  expect(publishRefusal(publication(topic), limits)).toMatchObject({ code: "TOPIC_FOREIGN" });
});

test.each([
  "other",
  "gondola/2/s0042/edge-1/status",
  "gondola/1/p/63/s0042/edge-1/events",
  "gondola/1/S0042/edge-1/status",
  "$SYS/broker",
  "gondola/1/__proto__/constructor/status",
  topics.events("s0042", "feed-till"),
])("%s is no topic of ours", (topic) => {
  expect(publishRefusal(publication(topic), limits)).toMatchObject({ code: "TOPIC_FOREIGN" });
});

test("only events may be large", () => {
  expect(publishRefusal(publication(topics.events("s1", "e1"), 101), limits)).toBeUndefined();
  const refusal = publishRefusal(publication(topics.status("s1", "e1"), 101), limits);
  expect(refusal).toMatchObject({
    code: "BROKER_LIMIT",
    message: expect.stringContaining("at most 100"),
  });
});

test("shared subscriptions, $SYS and endless filters are not served", () => {
  expect(subscribeRefusal("gondola/1/#")).toBeUndefined();
  expect(subscribeRefusal("$share/group/gondola/1/#")).toMatchObject({ code: "TOPIC_FOREIGN" });
  expect(subscribeRefusal("$SYS/#")).toMatchObject({ code: "TOPIC_FOREIGN" });
  expect(subscribeRefusal("a".repeat(257))).toMatchObject({ code: "BROKER_LIMIT" });
});

test("a CONNECT needs an id or a clean session, not the bridge's id, and a will of the contract", () => {
  const foreign = publication("elsewhere");
  const own = publication(topics.status("s1", "e1"));
  expect(connectRefusal({ clientId: "a", clean: false, will: own }, login, limits)).toBeUndefined();
  expect(connectRefusal({ clientId: "", clean: true }, login, limits)).toBeUndefined();
  expect(connectRefusal({ clientId: "", clean: false }, login, limits)?.returnCode).toBe(2);
  expect(connectRefusal({ clientId: "x".repeat(129) }, login, limits)?.returnCode).toBe(2);
  expect(connectRefusal({ clientId: "bridge-x" }, login, limits)?.returnCode).toBe(4);
  expect(connectRefusal({ clientId: "a", will: foreign }, login, limits)?.code).toBe(
    "TOPIC_FOREIGN",
  );
});

test("the bridge is known by id, name and password together", () => {
  const password = Buffer.from("secret");
  expect(isBridgeLogin({ ...login, password }, login)).toBe(true);
  expect(isBridgeLogin({ ...login, password: Buffer.from("secreT") }, login)).toBe(false);
  expect(isBridgeLogin({ ...login, password: undefined }, login)).toBe(false);
  expect(isBridgeLogin({ ...login, clientId: "other", password }, login)).toBe(false);
});
