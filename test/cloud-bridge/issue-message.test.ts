import { expect, test } from "vitest";
import { z } from "zod";
import { issueMessage } from "../../cloud-bridge/issue-message.ts";

const schema = z.strictObject({ name: z.string(), lot: z.string({ error: "must be a lot" }) });
const messagesOf = (value: unknown) => schema.safeParse(value).error?.issues.map(issueMessage);

test("a field that is missing has to be given", () => {
  expect(messagesOf({ lot: "L1" })).toEqual(["must be given"]);
});

test("a field of another type is told both types", () => {
  expect(messagesOf({ name: 1, lot: "L1" })).toEqual([
    "must be of type string, and is of type number",
  ]);
});

test("a schema's own words stay", () => {
  expect(messagesOf({ name: "a" })).toEqual(["must be a lot"]);
});
