// The class of a product that neither a catalogue nor a plan has classified.

/** Counted least often, and with the most tolerance. */
export const unclassified = "C";
