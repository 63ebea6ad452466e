// Opens a buffer as the daemon does and reads all of it, checking its chain on the way.

import assert from "node:assert/strict";
import { canonicalEvent, nextDigest } from "../../contract/digest.ts";
import { type StockEvent, stockEventSchema } from "../../contract/event.ts";
import { openPlainOutbox } from "../edge/buffer/plain-outbox.ts";

/** What a buffer turned out to hold; a gap has the serial `gap`. */
export interface Reopened {
  readonly startedAs: string | undefined;
  readonly isSetBack: boolean;
  readonly serials: readonly (string | undefined)[];
}

const limits = { countMax: 500, sizeBytesMax: 256 * 1024 };

/** Throws where the chain does not hold. */
export async function reopenBuffer(file: string): Promise<Reopened> {
  const onFailure = () => undefined;
  const outbox = await openPlainOutbox(file, {}, { synchronous: "OFF", onFailure });
  const serials: (string | undefined)[] = [];
  let digest = (await outbox.digestAt(0)) ?? "";
  for (let rows = await outbox.read(1, limits); rows.length > 0; ) {
    for (const row of rows) {
      const event = stockEventSchema.safeParse(JSON.parse(row.text)).data;
      serials.push(event === undefined ? "gap" : serialOf(event));
      if (event !== undefined) digest = nextDigest(digest, canonicalEvent(event));
      else digest = row.digest;
      assert.equal(row.digest, digest);
    }
    rows = await outbox.read(serials.length + 1, limits);
  }
  const { started, setBack } = outbox;
  await outbox.close();
  return { startedAs: started?.reason, isSetBack: setBack !== undefined, serials };
}

function serialOf(event: StockEvent): string | undefined {
  return event.type === "moved" ? event.item.serial : undefined;
}
