// Tags that pass the door together say the same: a tag of which a movement is likely votes for it, and the
// votes of those that were nearest at about the same time sway a tag of which too little was read.

import type { Sight } from "./passage.ts";
import { chancesOf } from "./portal-model.ts";

/** How much the others sway a tag. */
const swayShare = 0.3;
/** From this probability on a tag votes. */
const voteConfidenceMin = 0.8;
/** Tags on one cart are nearest within this time. */
const togetherMs = 800;
/** A vote is remembered for so long after it was given. */
const keepMs = 6_000;
const voteCountMax = 256;

interface Vote {
  nearestAtMs: number;
  givenAtMs: number;
  readonly scores: readonly number[];
}

/** The votes at one portal. */
export class GroupVotes {
  /** In the order in which they were last given. */
  readonly #votes = new Map<string, Vote>();

  /** Takes a tag's own scores, which may be a vote, and gives them swayed by the others'. */
  sway(epc: string, scores: readonly number[], { nearestAtMs, atMs }: Sight): readonly number[] {
    this.#dropOld(atMs);
    const others = [...this.#votes].filter(
      ([other, vote]) => other !== epc && Math.abs(vote.nearestAtMs - nearestAtMs) <= togetherMs,
    );
    const { in: inChance, out: outChance } = chancesOf(scores);
    if (Math.max(inChance, outChance) > voteConfidenceMin) {
      this.#votes.delete(epc);
      this.#votes.set(epc, { nearestAtMs, givenAtMs: atMs, scores });
    }
    const weight = swayShare / Math.sqrt(others.length + 1);
    return scores.map((score, index) =>
      others.reduce((sum, [, vote]) => sum + weight * vote.scores[index]!, score),
    );
  }

  /** Forgets all. */
  clear(): void {
    this.#votes.clear();
  }

  /** Moves all times. */
  shiftTime(byMs: number): void {
    for (const vote of this.#votes.values()) {
      vote.nearestAtMs += byMs;
      vote.givenAtMs += byMs;
    }
  }

  #dropOld(atMs: number): void {
    for (const [epc, vote] of this.#votes) {
      if (vote.givenAtMs + keepMs >= atMs && this.#votes.size < voteCountMax) break;
      this.#votes.delete(epc);
    }
  }
}
