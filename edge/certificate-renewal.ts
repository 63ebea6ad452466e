// A certificate that was sent to this edge: a store is far, and the file of its enrolment may be a copy that only a restart
// renews (a systemd credential). What it is shown for stays as it was: key, name and authority.

import { X509Certificate } from "node:crypto";
import { errorMessageOf, GatewayError } from "../contract/errors.ts";
import { writeKeptFile } from "./kept-file.ts";
import { type BrokerAddress, readCertificates, refusalOfRenewed } from "./link-certificates.ts";

/** Keeps it for the connections to come; says how long it is good. CERTIFICATE_REFUSED where it is not taken. */
export async function keepRenewed(
  broker: BrokerAddress & { readonly renewedFile: string },
  certificate: string,
): Promise<string> {
  try {
    const refusal = refusalOfRenewed(certificate, await readCertificates(broker));
    if (refusal !== undefined) throw new Error(refusal);
    await writeKeptFile(broker.renewedFile, certificate);
    const { validTo } = new X509Certificate(certificate);
    return `good until ${new Date(validTo).toISOString()}, shown from the next connection on`;
  } catch (error) {
    const message = `the certificate is not taken: ${errorMessageOf(error)}`;
    throw new GatewayError("CERTIFICATE_REFUSED", message, { cause: error });
  }
}
