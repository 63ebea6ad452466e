// What must be true. The oracle knows every event that was ever handed to an outbox and which of them
// were accepted, hears every word of the ledger, and compares the ledger with what it knows: accepted
// events are there exactly once and in order, or in a declared loss where the world allows one.

import { createHash } from "node:crypto";
import type { Acknowledgement } from "../../contract/delivery.ts";
import type { EventDraft } from "../../contract/event.ts";
import type { OutboxPosition } from "../../edge/buffer/outbox.ts";
import type { ScenarioKind } from "./plan.ts";

/** An event handed to an outbox. Its quantity is its number, unique in the world. */
export interface Attempt {
  readonly number: number;
  readonly line: string;
  readonly draft: Extract<EventDraft, { type: "moved" }>;
  /** When it happened, whatever the edge's clock says. */
  readonly trueAtMs: number;
  /** Known once it is accepted. */
  accepted?: { outboxId: string; sequence: number };
  /** Its only copy was destroyed with a card: it may be in the ledger, at most once. */
  isDoomed: boolean;
  /** The disk was full: whoever handed it in was told that it is not stored. */
  isRefused: boolean;
  /** The ledger's database refuses it: its place is in quarantine. */
  readonly isPoison: boolean;
}

/** What the oracle asks of a ledger. */
export interface JudgedLedger {
  verify(): Promise<{ ok: boolean; problems: unknown[] }>;
  entries(query: {
    storeId: string;
    afterEntryNumber: number;
    countMax: number;
  }): Promise<{ quantity: number }[]>;
  stockLevels(query: {
    storeId: string;
    countMax: number;
    nowMs: number;
  }): Promise<{ gtin: string; balances: { location: string; quantity: number }[] }[]>;
  declaredLosses(
    query: object,
  ): Promise<{ outboxId: string; firstSequence: number; lastSequence: number; reason: string }[]>;
  quarantine(): Promise<{ code: string; text: string }[]>;
  positions(): Promise<{ outboxId: string; frozen: boolean }[]>;
}

/** Where the ledger places what it has posted, by the number of the event. */
export type Placements = ReadonlyMap<number, number>;

/** Alarms that a kind of world may bring; any other is a failure. */
const alarmsOf: Partial<Record<ScenarioKind, string[]>> = {
  ledger_restored: ["ledger_behind"],
  ledger_restored_behind_trimmed: ["ledger_behind"],
  edge_cloned: ["outbox_diverged"],
  edge_set_back: ["outbox_diverged"],
  unreadable_row: ["event_set_aside"],
};

/** Kinds in which accepted events may be in a declared loss instead of the ledger. */
const lossyKinds: readonly ScenarioKind[] = ["overflow", "ledger_restored_behind_trimmed"];

/** The number of an event as the ledger has it in quarantine. */
function numberOf(text: string): number {
  return Number((JSON.parse(text) as { quantity?: unknown }).quantity);
}

/** The judge of one world. */
export class Oracle {
  readonly kind: ScenarioKind;
  readonly problems: string[] = [];
  readonly attempts: Attempt[] = [];
  /** What happened, to see that the faults are not in vain. */
  readonly happened = new Map<string, number>();
  /** A card was copied to be a clone, or to be put back later, after this event. */
  #copied: { line: string; number: number } | undefined;
  readonly #byNumber = new Map<number, Attempt>();
  /** What the ledger ever said: epoch, outbox, sequence and digest. */
  readonly #said = new Set<string>();
  readonly #trace = createHash("sha256");
  readonly #onTrace: ((line: string) => void) | undefined;

  /** `onTrace` is told every line of the trace, for whoever looks into one seed. */
  constructor(kind: ScenarioKind, onTrace?: (line: string) => void) {
    this.kind = kind;
    this.#onTrace = onTrace;
  }

  /** Notes something that has to happen the same way in every run of the seed. */
  trace(...words: (string | number)[]): void {
    const line = words.join(" ");
    this.#trace.update(`${line}\n`);
    this.#onTrace?.(line);
  }

  traceHash(): string {
    return this.#trace.copy().digest("hex");
  }

  fail(problem: string): void {
    if (this.problems.length < 20) this.problems.push(problem);
  }

  attempted(attempt: Attempt): void {
    this.attempts.push(attempt);
    this.#byNumber.set(attempt.number, attempt);
  }

  happens(what: string): void {
    this.happened.set(what, (this.happened.get(what) ?? 0) + 1);
  }

  /** The card of a line is copied as it is now. */
  cardCopied(line: string): void {
    this.happens("card copied");
    this.#copied = { line, number: this.#lastNumberOf(line) };
  }

  /** The card of a line is replaced by the copy: what came after it is destroyed. */
  cardSetBack(): void {
    this.happens("card set back");
    for (const attempt of this.attempts) if (this.#isAfterCopy(attempt)) attempt.isDoomed = true;
  }

  alarm(line: string, code: string): void {
    this.happens(code);
    this.trace("alarm", line, code);
    if (!alarmsOf[this.kind]?.includes(code)) this.fail(`${line} raised ${code}`);
  }

  /** Whether a failure is one of a disk that is full in this world; then it is not seen as one. */
  mayFail(error: unknown): boolean {
    const isFull = this.kind.endsWith("_disk_full") && String(error).includes("SQLITE_FULL");
    if (isFull) this.happens("disk full");
    return isFull;
  }

  /** The ledger answers. */
  ledgerSaid({ ledgerEpoch, outboxId, throughSequence, throughDigest }: Acknowledgement): void {
    this.#said.add(`${ledgerEpoch} ${outboxId} ${throughSequence} ${throughDigest}`);
  }

  /** An edge moves its position: only where the ledger said so, back only where it may have lost something. */
  moved(line: string, from: OutboxPosition, to: { sequence: number; digest: string }): void {
    const words = `${from.outboxId} ${to.sequence} ${to.digest}`;
    const epochs = [...this.#said].filter((said) => said.endsWith(` ${words}`));
    if (!epochs.some((said) => Number(said.split(" ")[0]) >= from.ledgerEpoch)) {
      this.fail(`${line} moved to ${to.sequence}, which the ledger never said`);
    }
    const mayRewind = this.kind.startsWith("ledger_restored");
    if (to.sequence < from.acknowledgedSequence && !mayRewind) {
      this.fail(`${line} went back from ${from.acknowledgedSequence} to ${to.sequence}`);
    }
  }

  /** A message promises that nothing older than `claimAtMs` follows after `endSequence`. */
  claimed(line: string, outboxId: string, endSequence: number, claimAtMs: number): void {
    if (this.kind === "wrong_clocks") return;
    for (const { accepted, draft, line: other, isDoomed } of this.attempts) {
      if (other !== line || accepted?.outboxId !== outboxId || isDoomed) continue;
      if (accepted.sequence > endSequence && draft.occurredAtMs < claimAtMs) {
        this.fail(
          `${line} claimed ${claimAtMs} at ${endSequence}, but ${accepted.sequence} is older`,
        );
      }
    }
  }

  /** Everything came to rest: compares the ledger with what was accepted. */
  async judge(
    ledger: JudgedLedger,
    storeIds: readonly string[],
    placements: Placements,
  ): Promise<void> {
    const report = await ledger.verify();
    if (!report.ok) this.fail(`verify: ${JSON.stringify(report.problems.slice(0, 3))}`);
    const posted: number[] = [];
    for (const storeId of storeIds) {
      const entries = await ledger.entries({ storeId, afterEntryNumber: 0, countMax: 100_000 });
      posted.push(...entries.map((entry) => entry.quantity));
      await this.#judgeBalances(ledger, storeId, new Set(entries.map((entry) => entry.quantity)));
    }
    this.trace("posted", ...posted);
    this.#judgeOrder(posted);
    await this.#judgePresence(ledger, posted);
    await this.#judgeAside(ledger);
    await this.#judgeFrozen(ledger, new Set(posted));
    this.#judgePlacements(placements);
  }

  #lastNumberOf(line: string): number {
    const numbers = this.attempts.filter((attempt) => attempt.line === line);
    return numbers.at(-1)?.number ?? 0;
  }

  #isAfterCopy({ line, number }: Attempt): boolean {
    if (this.#copied === undefined) return false;
    return line === this.#copied.line && number > this.#copied.number;
  }

  #judgeOrder(posted: readonly number[]): void {
    const last = new Map<string, number>();
    for (const number of posted) {
      const attempt = this.#byNumber.get(number);
      if (attempt === undefined) {
        this.fail(`the ledger has ${number}, which nobody handed in`);
      } else if (!attempt.isDoomed) {
        const before = last.get(attempt.line) ?? 0;
        if (before >= number) this.fail(`${attempt.line}: ${number} was posted after ${before}`);
        last.set(attempt.line, number);
      }
    }
  }

  async #judgePresence(ledger: JudgedLedger, posted: readonly number[]): Promise<void> {
    const losses = await ledger.declaredLosses({});
    const aside = (await ledger.quarantine()).map(({ text }) => numberOf(text));
    const counts = new Map<number, number>();
    for (const number of [...posted, ...aside]) counts.set(number, (counts.get(number) ?? 0) + 1);
    for (const { number, accepted, isDoomed, isRefused, line } of this.attempts) {
      const count = counts.get(number) ?? 0;
      if (isRefused && count > 0) this.fail(`${line}: ${number} was refused, and is posted`);
      if (count > 1) this.fail(`${line}: ${number} is in the ledger ${count} times`);
      if (accepted === undefined || isDoomed) continue;
      const { outboxId, sequence } = accepted;
      const isLost = losses.some(
        (loss) =>
          loss.outboxId === outboxId &&
          loss.firstSequence <= sequence &&
          sequence <= loss.lastSequence,
      );
      if (count === 0 && !isLost) this.fail(`${line}: ${number} (${outboxId}/${sequence}) is lost`);
      if (isLost) this.happens("event declared lost");
      if (isLost && !lossyKinds.includes(this.kind))
        this.fail(`${line}: ${number} is declared lost`);
      if (count > 0 && isLost) this.fail(`${line}: ${number} is posted and declared lost`);
    }
  }

  async #judgeBalances(
    ledger: JudgedLedger,
    storeId: string,
    posted: ReadonlySet<number>,
  ): Promise<void> {
    const expected = new Map<string, number>();
    const add = (key: string, quantity: number) =>
      expected.set(key, (expected.get(key) ?? 0) + quantity);
    for (const { number, draft } of this.attempts) {
      if (!posted.has(number)) continue;
      add(`${draft.item.gtin} ${draft.from?.location}`, -number);
      add(`${draft.item.gtin} ${draft.to?.location}`, number);
    }
    const actual = new Map<string, number>();
    for (const { gtin, balances } of await ledger.stockLevels({
      storeId,
      countMax: 100,
      nowMs: 0,
    })) {
      for (const { location, quantity } of balances) actual.set(`${gtin} ${location}`, quantity);
    }
    for (const key of new Set([...expected.keys(), ...actual.keys()])) {
      if (!key.includes(` ${storeId}/`)) continue;
      const [want, have] = [expected.get(key) ?? 0, actual.get(key) ?? 0];
      if (want !== have) this.fail(`balance of ${key}: ${have} instead of ${want}`);
    }
  }

  /** Each event has its true time, also where the edge did not know it yet. */
  #judgePlacements(placements: Placements): void {
    if (this.kind === "wrong_clocks") return;
    for (const { number, line, trueAtMs } of this.attempts) {
      const placedAtMs = placements.get(number) ?? trueAtMs;
      if (placedAtMs === trueAtMs) continue;
      this.fail(`${line}: ${number} is placed at ${placedAtMs} instead of ${trueAtMs}`);
    }
  }

  /** Bad rows end where they belong: quarantine for one that breaks the schema, a gap for one that blocks. */
  async #judgeAside(ledger: JudgedLedger): Promise<void> {
    const aside = await ledger.quarantine();
    if (this.kind === "poison_batch") {
      for (const { code, text } of aside) {
        const isPoison = this.#byNumber.get(numberOf(text))?.isPoison === true;
        if (code !== "LEDGER_RULE" || !isPoison) this.fail(`quarantine: ${code} ${text}`);
      }
      return;
    }
    const quarantined = aside.map((event) => event.code);
    const expected = this.kind === "bad_row" ? ["EVENT_INVALID"] : [];
    if (quarantined.join() !== expected.join()) this.fail(`quarantine: ${quarantined.join()}`);
    if (this.kind !== "unreadable_row") return;
    const reasons = (await ledger.declaredLosses({})).map((loss) => loss.reason);
    if (reasons.join() !== "unreadable") this.fail(`declared losses: ${reasons.join()}`);
  }

  /** An outbox is frozen only where a card was cloned or set back; and there it is found out. */
  async #judgeFrozen(ledger: JudgedLedger, posted: ReadonlySet<number>): Promise<void> {
    const frozen = (await ledger.positions()).filter((position) => position.frozen);
    const mayFreeze = this.kind === "edge_cloned" || this.kind === "edge_set_back";
    if (!mayFreeze && frozen.length > 0) this.fail(`frozen: ${frozen[0]?.outboxId}`);
    if (!mayFreeze || frozen.length > 0) return;
    const isClone = ({ line }: Attempt) => line.endsWith("clone");
    const parted = this.attempts.some((attempt) => {
      if (!posted.has(attempt.number)) return false;
      if (this.kind === "edge_set_back") return attempt.isDoomed;
      return isClone(attempt) || this.#isAfterCopy(attempt);
    });
    if (parted) this.fail("a copied card was not found out");
  }
}
