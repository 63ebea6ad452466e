// Events of EPCIS 2.0 in JSON (EPCIS 2.0, 7.4 and 10): one schema per shape, with the rules of GS1's JSON Schema.
// Names that the standard does not know must have a namespace; their values are the sender's business.

import { z } from "zod";
import {
  bizSteps,
  bizTransactionTypes,
  dispositions,
  errorReasons,
  sourceDestinationTypes,
} from "./words.ts";

/** Units, classes or members that one list of an event may have. */
export const memberCountMax = 20_000;

const uri = z
  .string()
  .max(8192)
  .regex(/^[A-Za-z][A-Za-z\d+.-]*:\S+$/, "must be a URI");
const time = z.iso.datetime({ offset: true });
const decimal = z.number();

const word = (words: readonly string[]) =>
  uri.or(z.enum(words, { error: "is no word of CBV 2.0, nor a URI" }));
const bizStep = word(bizSteps);
const disposition = word(dispositions);

/** A name with a namespace, as extensions have. */
const extensionName = /^[^\s:]+:\S+$/;

// Names of the standard, and names with a namespace.
function extensible<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.looseObject(shape).check(({ value, issues }) => {
    for (const name of Object.keys(value)) {
      if (Object.hasOwn(shape, name) || extensionName.test(name)) continue;
      const message = `${name} is no field of the standard here, and has no namespace`;
      issues.push({ code: "custom", message, path: [name], input: value });
    }
  });
}

const epcs = z
  .array(uri)
  .max(memberCountMax)
  .refine((list) => new Set(list).size === list.length, "names a unit twice");

/** Units of a class, counted; measured where there is a unit of measure (UN/CEFACT Recommendation 20). */
const quantityElement = z.strictObject({
  epcClass: uri,
  quantity: decimal.optional(),
  uom: z
    .string()
    .regex(/^[A-Z0-9]{2,3}$/)
    .optional(),
});
const quantities = z.array(quantityElement).max(memberCountMax);

const place = extensible({ id: uri });

const sensorReport = extensible({
  type: z.string().optional(),
  exception: z.string().optional(),
  deviceID: uri.optional(),
  deviceMetadata: uri.optional(),
  rawData: uri.optional(),
  dataProcessingMethod: uri.optional(),
  time: time.optional(),
  microorganism: uri.optional(),
  chemicalSubstance: uri.optional(),
  value: decimal.optional(),
  component: z.string().optional(),
  stringValue: z.string().optional(),
  booleanValue: z.boolean().optional(),
  hexBinaryValue: z
    .string()
    .regex(/^[A-Fa-f0-9]+$/)
    .optional(),
  uriValue: uri.optional(),
  minValue: decimal.optional(),
  maxValue: decimal.optional(),
  meanValue: decimal.optional(),
  sDev: decimal.optional(),
  percRank: decimal.optional(),
  percValue: decimal.optional(),
  uom: z.string().optional(),
  // Of the metadata by the standard's table; GS1's examples have it here too.
  bizRules: uri.optional(),
  coordinateReferenceSystem: uri.optional(),
});
const sensorMetadata = extensible({
  time: time.optional(),
  startTime: time.optional(),
  endTime: time.optional(),
  deviceID: uri.optional(),
  deviceMetadata: uri.optional(),
  rawData: uri.optional(),
  dataProcessingMethod: uri.optional(),
  bizRules: uri.optional(),
});

/** Says that an event with this ID, and otherwise this content, was wrong (7.4.1.4). */
const errorDeclaration = extensible({
  declarationTime: time,
  reason: word(errorReasons).optional(),
  correctiveEventIDs: z.array(uri).max(memberCountMax).optional(),
});

const common = {
  "@context": z.unknown().optional(),
  eventID: uri.optional(),
  eventTime: time,
  eventTimeZoneOffset: z.string().regex(/^[+-]((0\d|1[0-3]):[0-5]\d|14:00)$/),
  recordTime: time.optional(),
  errorDeclaration: errorDeclaration.optional(),
  certificationInfo: uri.or(z.array(uri)).optional(),
  bizStep: bizStep.optional(),
  disposition: disposition.optional(),
  persistentDisposition: z
    .strictObject({
      set: z.array(disposition).optional(),
      unset: z.array(disposition).optional(),
    })
    .optional(),
  readPoint: place.optional(),
  bizLocation: place.optional(),
  bizTransactionList: z
    .array(z.strictObject({ type: word(bizTransactionTypes).optional(), bizTransaction: uri }))
    .optional(),
  sourceList: z
    .array(z.strictObject({ type: word(sourceDestinationTypes), source: uri }))
    .optional(),
  destinationList: z
    .array(z.strictObject({ type: word(sourceDestinationTypes), destination: uri }))
    .optional(),
  sensorElementList: z
    .array(
      extensible({
        sensorMetadata: sensorMetadata.optional(),
        sensorReport: z.array(sensorReport).min(1),
      }),
    )
    .optional(),
};
const action = z.enum(["OBSERVE", "ADD", "DELETE"]);
const ilmd = extensible({});

/** What happened to things that are named or counted. */
export const objectEventSchema = extensible({
  ...common,
  type: z.literal("ObjectEvent"),
  action,
  epcList: epcs.optional(),
  quantityList: quantities.optional(),
  ilmd: ilmd.optional(),
}).check(({ value, issues }) => {
  const isSensed = value.sensorElementList !== undefined && value.readPoint !== undefined;
  if (value.epcList === undefined && value.quantityList === undefined && !isSensed) {
    const message = "needs epcList, quantityList, or sensorElementList with readPoint";
    issues.push({ code: "custom", message, path: ["epcList"], input: value });
  }
  if (value.ilmd !== undefined && value.action !== "ADD") {
    const message = "stands with action ADD only";
    issues.push({ code: "custom", message, path: ["ilmd"], input: value });
  }
});

const membership = {
  ...common,
  action,
  parentID: uri.optional(),
  childEPCs: epcs.optional(),
  childQuantityList: quantities.optional(),
};

interface Membership {
  readonly action: z.infer<typeof action>;
  readonly parentID?: string | undefined;
  readonly childEPCs?: unknown;
  readonly childQuantityList?: unknown;
}

// Without children, DELETE takes everything out of the parent (7.4.3).
function missingOf(value: Membership, isParentAlwaysNamed: boolean): string | undefined {
  const hasChildren = value.childEPCs !== undefined || value.childQuantityList !== undefined;
  if (!hasChildren && value.action !== "DELETE") return "childEPCs";
  const needsParent = isParentAlwaysNamed || value.action !== "OBSERVE";
  return needsParent && value.parentID === undefined ? "parentID" : undefined;
}

function membershipCheck(isParentAlwaysNamed: boolean) {
  return ({ value, issues }: { value: Membership; issues: z.core.$ZodRawIssue[] }) => {
    const missing = missingOf(value, isParentAlwaysNamed);
    if (missing === undefined) return;
    const message = `is needed with action ${value.action}`;
    issues.push({ code: "custom", message, path: [missing], input: value });
  };
}

/** Things put into, seen in, or taken out of another. */
export const aggregationEventSchema = extensible({
  ...membership,
  type: z.literal("AggregationEvent"),
}).check(membershipCheck(false));

/** Things that are linked for long: a sensor to a shelf, a tray to a crate. */
export const associationEventSchema = extensible({
  ...membership,
  type: z.literal("AssociationEvent"),
}).check(membershipCheck(true));

/** Things that are linked to business transactions. */
export const transactionEventSchema = extensible({
  ...common,
  type: z.literal("TransactionEvent"),
  action,
  bizTransactionList: common.bizTransactionList.unwrap().min(1),
  parentID: uri.optional(),
  epcList: epcs.optional(),
  quantityList: quantities.optional(),
}).check(({ value, issues }) => {
  if (value.epcList !== undefined || value.quantityList !== undefined) return;
  const message = "needs epcList or quantityList";
  issues.push({ code: "custom", message, path: ["epcList"], input: value });
});

/** Things that became others. */
export const transformationEventSchema = extensible({
  ...common,
  type: z.literal("TransformationEvent"),
  inputEPCList: epcs.optional(),
  inputQuantityList: quantities.optional(),
  outputEPCList: epcs.optional(),
  outputQuantityList: quantities.optional(),
  transformationID: uri.optional(),
  ilmd: ilmd.optional(),
}).check(({ value, issues }) => {
  const hasInputs = value.inputEPCList !== undefined || value.inputQuantityList !== undefined;
  const hasOutputs = value.outputEPCList !== undefined || value.outputQuantityList !== undefined;
  const isWhole = value.transformationID === undefined ? hasInputs && hasOutputs : true;
  if (isWhole && (hasInputs || hasOutputs)) return;
  const message = "needs inputs and outputs, or one of them with transformationID";
  issues.push({ code: "custom", message, path: ["inputEPCList"], input: value });
});

/** Any event of the standard. */
export const epcisEventSchema = z.discriminatedUnion("type", [
  objectEventSchema,
  aggregationEventSchema,
  associationEventSchema,
  transactionEventSchema,
  transformationEventSchema,
]);
export type EpcisEvent = z.infer<typeof epcisEventSchema>;
