// Where the demo speaks: on a terminal a table that is redrawn in place, elsewhere plain lines.

import type { Plan } from "../../contract/plan.ts";
import { clockText, type Moment, statusLine, stockLines } from "./table.ts";

const noteCount = 5;
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
    if (this.#notes.length > noteCount) this.#notes.shift();
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
    const lines = [
      `${this.#title}   ${head}`,
      statusLine(moment),
      "",
      ...stockLines(this.#plan, moment.truth, moment.ledger, { withVirtual: false }),
      "",
      ...this.#notes,
    ];
    const width = this.#out.columns ?? 80;
    const fitting = lines.slice(0, (this.#out.rows ?? 24) - 1).map((line) => line.slice(0, width));
    // Each line clears its own rest, so that nothing flickers.
    this.#out.write(`\x1b[H${fitting.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
  }

  /** Gives the terminal back as it was; what is printed from now on stays. */
  leaveTable(): void {
    if (this.#isTable) this.#out.write(leaveAlternate);
    this.#isTable = false;
  }
}
