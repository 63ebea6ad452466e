// The words of CBV 2.0 that may stand bare in an event; any other is written as a full URI.

/** CBV 2.0, 7.1. */
export const bizSteps = [
  ...["accepting", "arriving", "assembling", "collecting", "commissioning", "consigning"],
  ...["creating_class_instance", "cycle_counting", "decommissioning", "departing", "destroying"],
  ...["disassembling", "dispensing", "encoding", "entering_exiting", "holding", "inspecting"],
  ...["installing", "killing", "loading", "other", "packing", "picking", "receiving", "removing"],
  ...["repackaging", "repairing", "replacing", "reserving", "retail_selling", "sampling"],
  ...["sensor_reporting", "shipping", "staging_outbound", "stock_taking", "stocking", "storing"],
  ...["transporting", "unloading", "unpacking", "void_shipping"],
];

/** CBV 2.0, 7.2. */
export const dispositions = [
  ...["active", "available", "completeness_inferred", "completeness_verified", "conformant"],
  ...["container_closed", "container_open", "damaged", "destroyed", "dispensed", "disposed"],
  ...["encoded", "expired", "in_progress", "in_transit", "inactive", "mismatch_class"],
  ...["mismatch_instance", "mismatch_quantity", "needs_replacement", "no_pedigree_match"],
  ...["non_conformant", "non_sellable_other", "partially_dispensed", "recalled", "reserved"],
  ...["retail_sold", "returned", "sellable_accessible", "sellable_not_accessible", "stolen"],
  ...["unavailable", "unknown"],
];

/** CBV 2.0, 7.3. */
export const bizTransactionTypes = [
  ...["bol", "cert", "desadv", "inv", "pedigree", "po", "poc", "prodorder", "recadv", "rma"],
  ...["testprd", "testres", "upevt"],
];

/** CBV 2.0, 7.4. */
export const sourceDestinationTypes = ["owning_party", "possessing_party", "location"];

/** CBV 2.0, 7.5. */
export const errorReasons = ["did_not_occur", "incorrect_data"];
