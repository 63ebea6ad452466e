// What low trust takes from promises. Pure.

/** The share of what is on hand that is not promised, because the book is not trusted. */
export interface TrustGate {
  readonly storeId: string;
  readonly gtin: string;
  readonly withheldPercent: number;
}

/** Units that a gate keeps; a part of one is one. */
export function distrustedOf(onHand: number, gatePercent: number): number {
  return Math.ceil((Math.max(0, onHand) * gatePercent) / 100);
}
