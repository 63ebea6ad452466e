import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { anyDocumentSchema } from "../../../contract/epcis/document.ts";
import { epcisEventSchema } from "../../../contract/epcis/event.ts";
import { describeVectors, vectorFolder } from "../gs1/vectors.ts";

describeVectors("EPCIS documents", () => {
  const { documents } = JSON.parse(
    readFileSync(`${vectorFolder}/epcis-documents.json`, "utf8"),
  ) as { documents: { id: string; expected: "valid" | "invalid"; document: unknown }[] };

  test.each(documents)("$id is $expected", ({ document, expected }) => {
    const result = anyDocumentSchema.safeParse(document);
    expect(result.success, result.error?.message).toBe(expected === "valid");
  });
});

const moment = { eventTime: "2026-03-04T11:00:30+01:00", eventTimeZoneOffset: "+01:00" };
const unit = "https://id.gs1.org/01/04012345111118/21/1";

/** Where the first fault is, and what it is. */
function faultOf(event: object): string {
  const [issue] = epcisEventSchema.safeParse({ ...moment, ...event }).error?.issues ?? [];
  return issue === undefined ? "none" : `${issue.path.join(".")}: ${issue.message}`;
}

describe("an event", () => {
  test.each([
    [{ type: "ObjectEvent", action: "ADD", epcList: [unit], "ext:a": 1 }, "none"],
    [{ type: "ObjectEvent", action: "ADD", epcList: [unit], a: 1 }, "a: a is no field"],
    [{ type: "ObjectEvent", action: "ADD", epcList: [unit, unit] }, "epcList: names a unit twice"],
    [{ type: "ObjectEvent", action: "OBSERVE", epcList: [], ilmd: {} }, "ilmd: stands with action"],
    [{ type: "AggregationEvent", action: "DELETE", parentID: unit }, "none"],
    [{ type: "AggregationEvent", action: "OBSERVE", childEPCs: [unit] }, "none"],
    [{ type: "AggregationEvent", action: "ADD", childEPCs: [unit] }, "parentID: is needed"],
    [{ type: "AssociationEvent", action: "OBSERVE", childEPCs: [unit] }, "parentID: is needed"],
    [{ type: "TransactionEvent", action: "ADD", epcList: [unit] }, "bizTransactionList: "],
    [{ type: "TransformationEvent", inputEPCList: [unit] }, "inputEPCList: needs inputs"],
    [{ type: "TransformationEvent", inputEPCList: [unit], transformationID: "urn:x:1" }, "none"],
    [{ type: "TransformationEvent", transformationID: "urn:x:1" }, "inputEPCList: needs inputs"],
    [{ type: "SaleEvent" }, "type: "],
  ])("%j: %s", (event, fault) => {
    expect(faultOf(event).startsWith(fault), faultOf(event)).toBe(true);
  });
});
