// Why a connection to a device or a broker on the network was not made, and what to do.

import { errorMessageOf, GatewayError } from "../../contract/errors.ts";

/** Of Node's TLS: the peer's certificate is not believed. */
const certificateCodes = /SELF_SIGNED_CERT|UNABLE_TO_|CERT_|ERR_TLS_CERT/;

/** DRIVER_PORT_DENIED for a certificate that is not believed, else DRIVER_PORT_MISSING. */
export function connectError(url: string, cause: unknown): GatewayError {
  const why = errorMessageOf(cause);
  const code = String((cause as { code?: unknown }).code ?? "");
  if (certificateCodes.test(code)) {
    const message = `the certificate of ${url} is not believed (${why}): name that of its authority as caFile, and the device as its certificate does`;
    return new GatewayError("DRIVER_PORT_DENIED", message, { cause, retryable: true });
  }
  const message = `nothing answers at ${url} (${why}): is it on, and is this its address?`;
  return new GatewayError("DRIVER_PORT_MISSING", message, { cause, retryable: true });
}
