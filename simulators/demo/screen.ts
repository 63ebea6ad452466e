// Where the demo speaks: on a terminal a table that is redrawn in place, elsewhere plain lines.

import type { Plan } from "../../contract/plan.ts";
import { clockText, type Moment, statusLine, stockLines } from "./table.ts";

/** Notes kept; as many of the newest are shown as the terminal has room for. */
const noteCountMax = 20;
const rowCountDefault = 24;
/** Without a terminal the state is told this often. */
const plainIntervalMs = 5000;
const enterAlternate = "\x1b[?1049h\x1b[?25l";
const leaveAlternate = "\x1b[?25h\x1b[?1049l";

/** The part of a terminal stream that is used. */
export interface Out {
  readonly isTTY?: boolean;
  readonly rows?: number;
  readonly columns?: number;
  write(text: string): unknown;
}

/** The demo's output. */
export class Screen {
  readonly #out: Out;
  readonly #plan: Plan;
  readonly #title: string;
  readonly #notes: string[] = [];
  #isTable = false;
  #plainAtMs = 0;

  constructor(out: Out, plan: Plan, title: string) {
    this.#out = out;
    this.#plan = plan;
    this.#title = title;
  }

  /** Something happened in the store or to the machines. */
  note(text: string): void {
    this.#notes.push(text);
    if (this.#notes.length > noteCountMax) this.#notes.shift();
    if (!this.#out.isTTY) this.print(text);
  }

  /** A line that stays. */
  print(text: string): void {
    this.#out.write(`${text}\n`);
  }

  /** Shows a moment: redraws the table, or now and then says a line. */
  show(moment: Moment): void {
    const head = `${clockText(moment.elapsedMs)}  ${moment.happening}`;
    if (!this.#out.isTTY) {
      if (moment.elapsedMs < this.#plainAtMs) return;
      this.#plainAtMs = moment.elapsedMs + plainIntervalMs;
      this.print(`[${head}]  ${statusLine(moment)}`);
      return;
    }
    if (!this.#isTable) this.#out.write(enterAlternate);
    this.#isTable = true;
    const stock = stockLines(this.#plan, moment.truth, moment.ledger, { withVirtual: false });
    const lines = [`${this.#title}   ${head}`, statusLine(moment), "", ...stock, ""];
    const rowCount = (this.#out.rows ?? rowCountDefault) - 1;
    const notes = this.#notes.slice(-Math.max(rowCount - lines.length, 1));
    const width = this.#out.columns ?? 80;
    const shown = [...lines, ...notes]
      .slice(0, rowCount)
      .map((line, index) => emphasised(line.slice(0, width), index === 0));
    // Each line clears its own rest, so that nothing flickers.
    this.#out.write(`\x1b[H${shown.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
  }

  /** Gives the terminal back as it was; what is printed from now on stays. */
  leaveTable(): void {
    if (this.#isTable) this.#out.write(leaveAlternate);
    this.#isTable = false;
  }
}

/** The head in bold, what differs and what is broken in yellow. */
function emphasised(line: string, isHead: boolean): string {
  const isOdd = /\d {2}[+-]\d+$|^\*\*\*|, (broker cut|edge killed)$/.test(line);
  if (!isHead && !isOdd) return line;
  return `\x1b[${isHead ? "1" : ""}${isOdd ? ";33" : ""}m${line}\x1b[0m`;
}
