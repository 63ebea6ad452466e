// Files of facts for a folder that a bridge watches.

import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "./temporary-folder.ts";

export const gtin = "09506000134352";
const at = new Date(Date.now() - 60_000).toISOString();
export const header = "kind,store,occurredAt,gtin,quantity,location,reference\r\n";
export const line = (fields: string) => `${fields}\r\n`;
export const receipt = (store: string, quantity: number) =>
  line(`receipt,${store},${at},${gtin},${quantity},${store}/stockroom,D-1`);

const plan = (storeId: string) => ({
  ...{ schemaVersion: 1, storeId, version: 1, products: [{ gtin, name: "Tea" }] },
  ...{ locations: [{ location: `${storeId}/stockroom`, role: "stockroom" }], facings: [] },
});

/** A folder with a plan of one store, and how to drop a file whole. */
export async function prepareDrops() {
  const { path, remove } = await temporaryFolder();
  onTestFinished(remove);
  const drops = join(path, "drops");
  await mkdir(drops);
  await writeFile(join(path, "s1.json"), JSON.stringify(plan("s1")));
  const drop = async (name: string, text: string | Uint8Array) => {
    await writeFile(join(path, "being-written"), text);
    await rename(join(path, "being-written"), join(drops, name));
  };
  return { path, drops, drop, plans: [join(path, "s1.json")] };
}
