// The protocol-control word before an EPC in a tag's memory (TDS 9.3): how long the EPC is, and whether it
// is one of GS1 or of an ISO application family. Never part of the identity.

/** What a PC word says. */
export interface PcWord {
  /** Words of 16 bits in the EPC, 0 to 31. */
  readonly epcWordCount: number;
  /** Whether user memory holds data. */
  readonly hasUserMemory: boolean;
  /** Whether a second control word stands behind the EPC. */
  readonly hasExtension: boolean;
  /** The ISO application family of a tag that carries no EPC; absent for one of GS1. */
  readonly afi?: number;
}

/** Takes a PC word apart. */
export function parsePcWord(word: number): PcWord {
  return {
    epcWordCount: (word >> 11) & 0x1f,
    hasUserMemory: (word & 0x0400) !== 0,
    hasExtension: (word & 0x0200) !== 0,
    ...((word & 0x0100) === 0 ? {} : { afi: word & 0xff }),
  };
}

/** The PC word of a GS1 EPC of so many words, nothing else said. */
export function pcWordOf(epcWordCount: number): number {
  return (epcWordCount & 0x1f) << 11;
}
