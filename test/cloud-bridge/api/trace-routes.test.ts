import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isContinued } from "../../../cloud-bridge/trace/merkle.ts";
import { checkProof } from "../../../cloud-bridge/trace/proof.ts";
import { encodeSgtin96 } from "../../../contract/gs1/epc.ts";
import { proofSchema } from "../../../contract/proof.ts";
import { topics } from "../../../contract/topics.ts";
import type { Gtin } from "../../../contract/units.ts";
import { startBridge, type TestBridge } from "../bridge.ts";
import { TestClient } from "../mqtt-client.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { received, TestOutbox } from "../test-outbox.ts";

const gtin = "09506000134352";
const { privateKey } = generateKeyPairSync("ed25519");
const parts = { gtin: gtin as Gtin, serial: "6789", companyPrefixDigits: 7 };
const encoded = encodeSgtin96(parts);
const tag = encoded.ok ? encoded.epc : "";
let bridge: TestBridge;
const closers: (() => Promise<unknown>)[] = [];
const serial = (name: string) => ({ ...received("s1", gtin), item: { gtin, serial: name } });

beforeAll(async () => {
  const folder = await temporaryFolder();
  closers.push(folder.remove);
  const keyFile = join(folder.path, "trace.key");
  await writeFile(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }));
  bridge = await startBridge(folder.path, { trace: { keyFile } });
  closers.push(() => bridge.stop());
  const edge = await TestClient.open(bridge.brokerPort);
  closers.push(() => edge.close());
  await edge.subscribe(topics.ack("s1", "e1"));
  const others = Array.from({ length: 100 }, () => received("s1", gtin));
  const sold = {
    ...serial("6789"),
    step: "retail_selling",
    to: undefined,
    occurredAtMs: Date.now() + 1000,
  };
  await new TestOutbox("s1", "e1").send(edge, serial("6789"), ...others, serial("A/1"), sold);
});
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

interface Life {
  readonly item: string;
  readonly serial: string;
  readonly stores: { storeId: string; entries?: { reason: string }[]; proofs?: unknown[] }[];
}
async function lifeOf(path: string): Promise<Life> {
  const { status, body } = await bridge.get(path);
  expect(status, JSON.stringify(body)).toBe(200);
  return body as unknown as Life;
}

test.each([
  ["a link of any domain", `link=${encodeURIComponent(`https://shop.example/01/${gtin}/21/6789`)}`],
  ["a URN", "epc=urn:epc:id:sgtin:9506000.013435.6789"],
  ["a tag's content", `epc=${tag}`],
])("the life of a unit is found by %s", async (_name, query) => {
  const life = await lifeOf(`/v1/trace?${query}`);
  expect(life).toMatchObject({ item: gtin, serial: "6789", isWhole: true });
  const [store] = life.stores;
  expect(store?.entries?.map(({ reason }) => reason)).toContain("receiving");
  expect(store?.entries?.map(({ reason }) => reason)).toContain("retail_selling");
});

test("the path of a QR is served as it stands, with proofs that a stranger can check", async () => {
  const life = await lifeOf(`/01/${gtin}/21/A%2F1?proof=true`);
  expect(life).toMatchObject({ serial: "A/1", lastSeen: { location: "s1/stockroom" } });
  const publicKey = createPublicKey(await bridge.text("/v1/trace/key"));
  const [proof] = life.stores[0]!.proofs!;
  expect(checkProof(proofSchema.parse(proof), { publicKey })).toEqual({
    ok: true,
    vouchedBy: "given_key",
  });
});

test("a long life is told by page, with where the unit is on the last one", async () => {
  const path = `/v1/trace?epc=${tag}&limit=1`;
  const first = (await bridge.get(path)).body;
  expect(first).toMatchObject({ isWhole: false, next: expect.any(String) });
  expect(first["lastSeen"]).toBeUndefined();
  const second = (await bridge.get(`${path}&cursor=${first["next"]}`)).body;
  const entriesOf = (body: unknown) => (body as Life).stores.flatMap((store) => store.entries!);
  const whole = await lifeOf(`/v1/trace?epc=${tag}`);
  expect([...entriesOf(first), ...entriesOf(second)]).toEqual(entriesOf(whole).slice(0, 2));
  expect(await bridge.get(`${path}&cursor=x`)).toMatchObject({ status: 400 });
});

test("a proof of an entry, the head, and that it continues an earlier one", async () => {
  const { body: proof } = await bridge.get("/v1/trace/s1/entries/50/proof?since=7");
  const parsed = proofSchema.parse(proof);
  expect(checkProof(parsed, { publicKey: createPublicKey(privateKey) }).ok).toBe(true);
  expect(parsed.consistency?.earlierSize).toBe(7);
  const { body: signed } = await bridge.get("/v1/trace/s1/head");
  const { rootHash, treeSize } = (signed as unknown as typeof parsed).head;
  const { body } = await bridge.get("/v1/trace/s1/consistency?from=7");
  const found = body as { earlierRootHash: string; path: string[]; rootHash: string };
  expect(found.rootHash).toBe(rootHash);
  const earlier = { size: 7, root: found.earlierRootHash };
  expect(isContinued(earlier, { size: treeSize, root: rootHash }, found.path)).toBe(true);
});

test.each([
  ["/v1/trace", 400, "say either link"],
  ["/v1/trace?epc=30&link=x", 400, "say either link"],
  ["/v1/trace?epc=hello", 400, "epc: is no EPC"],
  [`/v1/trace?link=https://id.gs1.org/01/${gtin}`, 400, "a trace is of one unit"],
  ["/01/09506000134353/21/1", 400, "link: is no EPC"],
  ["/v1/trace/s1/entries/5000/proof", 404, "5000: store s1 has"],
  ["/v1/trace/s1/entries/0/proof", 400, "entryNumber"],
  ["/v1/trace/s1/entries/1/proof?since=5000", 404, "5000"],
  ["/v1/trace/s1/consistency?from=9&to=8", 404, "9: store s1 has 8"],
  ["/v1/trace/s9/head", 404, "s9"],
])("%s says what is wrong", async (path, status, detail) => {
  expect(await bridge.get(path)).toMatchObject({
    status,
    body: { detail: expect.stringContaining(detail) },
  });
});

test("a unit that nobody saw has no history", async () => {
  expect(await lifeOf(`/01/${gtin}/21/none`)).toMatchObject({ stores: [], events: [] });
});
