// Signal strengths that are not known.

/** RSSI of a read whose reader tells none: the lowest that LLRP can say, below any that is real. */
export const rssiUnknownDbm = -128;
