// Shipments of a supplier, captured as EPCIS.

import { prepareEvents } from "../../../../cloud-bridge/epcis/captured-event.ts";
import { Places } from "../../../../cloud-bridge/epcis/places.ts";
import type { SqlLedger } from "../../../../cloud-bridge/ledger/sql-ledger.ts";
import { coffee, startAtMs } from "../fake-edge.ts";

const gln = "https://id.gs1.org/414/9506000134369";
const places = new Places({ [gln]: "s0042/stockroom" });

/** The name of the delivery that a shipment is. */
export const shipmentName = (id: string) => `urn:epcglobal:cbv:bt:95060:${id}`;

/** What a shipment brings: so many units, or units with these serials, or of a lot; nameless without an id. */
export interface Sent {
  readonly id?: string;
  readonly quantity?: number;
  readonly lot?: string;
  readonly serials?: readonly string[];
  readonly atMs?: number;
}

export function shipment({ id, quantity, lot, serials = [], atMs = startAtMs }: Sent) {
  const epcClass = `https://id.gs1.org/01/${coffee}${lot === undefined ? "" : `/10/${lot}`}`;
  const type = "desadv";
  return {
    ...{ type: "ObjectEvent", action: "OBSERVE", bizStep: "shipping" },
    ...{ eventTime: new Date(atMs).toISOString(), eventTimeZoneOffset: "+00:00" },
    ...(quantity === undefined ? {} : { quantityList: [{ epcClass, quantity }] }),
    epcList: serials.map((serial) => `https://id.gs1.org/01/${coffee}/21/${serial}`),
    ...(id === undefined
      ? {}
      : { bizTransactionList: [{ type, bizTransaction: shipmentName(id) }] }),
    destinationList: [{ type: "location", destination: gln }],
  };
}

/** The same event, declared wrong. */
export function declared(event: object, reason?: string) {
  const declarationTime = new Date(startAtMs).toISOString();
  const errorDeclaration = { declarationTime, ...(reason === undefined ? {} : { reason }) };
  return { ...event, errorDeclaration };
}

let captureCount = 0;

export async function capture(
  ledger: SqlLedger,
  nowMs: number,
  ...events: object[]
): Promise<string[]> {
  captureCount += 1;
  const prepared = prepareEvents(events, { places });
  const by = { behaviour: "rollback", by: "ada", captureId: `c${captureCount}` } as const;
  const { job, alerts } = await ledger.epcis.captureAndTell({ ...prepared, ...by, nowMs });
  if (!job.success) throw new Error(JSON.stringify(job.errors));
  return alerts.map(({ code }) => code);
}
