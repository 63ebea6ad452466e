// What `gondola-bridge enroll` gives to an edge, in one file: a secret, for that edge alone.

import { z } from "zod";
import { edgeIdSchema, idSchema } from "./units.ts";

const pem = (kind: string) =>
  z
    .string()
    .max(100_000)
    .regex(new RegExp(`^-----BEGIN ${kind}-----`), `${kind} as PEM`);

/** An enrolment. */
export const enrolmentSchema = z.strictObject({
  storeId: idSchema,
  edgeId: edgeIdSchema,
  /** The authority of the broker's certificate. */
  ca: pem("CERTIFICATE"),
  certificate: pem("CERTIFICATE"),
  key: pem("PRIVATE KEY"),
  /** The public key of whoever commands this edge; with one, commands that change something must be signed. */
  commandKey: pem("PUBLIC KEY").optional(),
});
export type Enrolment = z.infer<typeof enrolmentSchema>;
