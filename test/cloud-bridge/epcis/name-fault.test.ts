// Names that are no keys of GS1 though they are written as such, and all those that may be names.

import { expect, test } from "vitest";
import { nameFault, unitFault } from "../../../cloud-bridge/epcis/name-fault.ts";

test.each([
  ["09506000134352", "must be a URI"],
  ["", "must be a URI"],
  ["urn:x:a b", "must be a URI"],
  ["https://id.gs1.org/01/09506000134353", "(01) has a wrong check digit"],
  ["https://id.gs1.org/01/9506000134353", "(01) has a wrong check digit"],
  ["https://id.gs1.org/01/0950600013435", "(01)"],
  ["https://id.gs1.org/00/095060001343520018", "(00) has a wrong check digit"],
  ["https://id.gs1.org/nothing", "no primary key"],
  ["HTTPS://ID.GS1.ORG/414/9506000134360", "(414) has a wrong check digit"],
  ["https://shop.example/folder/01/09506000134353/21/A?x=1", "09506000134353"],
  ["https://shop.example/417/9506000134360", "9506000134360"],
  ["urn:epc:id:sgtin:9506000.13435.A1", "have 13 digits, not 12"],
  ["urn:epc:id:colour:1.2.3", "colour"],
  ["urn:epc:class:lgtin:9506000.13435.L1", "have 13 digits, not 12"],
  ["urn:epc:idpat:sgtin:9506000.13435.*", "have 13 digits, not 12"],
])("%s: %s", (text, reason) => {
  expect(nameFault(text)).toContain(reason);
  expect(nameFault(text)).toContain(text);
});

test.each([
  "urn:x:1",
  "ni:///sha-256;36abb3?ver=CBV2.0",
  "https://id.gs1.org/01/09506000134352",
  "https://id.gs1.org/01/9506000134352/21/A%2F1?17=261231",
  "https://id.gs1.org/gtin/9506000134352/ser/A1",
  "https://shop.example/01/09506000134352/21/A1",
  "https://shop.example/2026/01/0950600013435",
  "https://shop.example/places?link=https://id.example/01/09506000134353",
  "http://shop.example/",
  "urn:epc:id:sgtin:9506000.013435.A1",
  "urn:epc:id:gid:12345.678.9",
  "urn:epc:class:lgtin:9506000.013435.L1",
  "urn:epc:idpat:sgtin:9506000.013435.*",
  "urn:epc:idpat:sgtin:9506000.*.*",
  "urn:epc:raw:96.xE2801160600002054CC2096F",
  "urn:gondola:location:s1:stockroom",
])("%s is a name", (text) => {
  expect(nameFault(text)).toBeUndefined();
});

test("a unit may be the content of its tag", () => {
  expect(unitFault("3034257bf7194e4000001a85")).toBeUndefined();
  expect(nameFault("3034257bf7194e4000001a85")).toContain("must be a URI");
});
