/** An answer that is an error: AWS's own code, AWS's own words, AWS's own HTTP status. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: string
  readonly status: number

  constructor(code: string, message: string, status: number = statusOf[code] ?? 400) {
    super(message)
    this.code = code
    this.status = status
  }
}

/** Everything else is 400. */
const statusOf: Record<string, number> = {
  AccessDenied: 403,
  AuthFailure: 401,
  BandwidthLimitExceeded: 503,
  DryRunOperation: 412,
  ExpiredToken: 403,
  InsufficientAddressCapacity: 500,
  InsufficientInstanceCapacity: 500,
  InsufficientVolumeCapacity: 500,
  InternalError: 500,
  InternalFailure: 500,
  InvalidClientTokenId: 403,
  MissingAuthenticationToken: 403,
  OptInRequired: 403,
  RequestEntityTooLarge: 413,
  RequestLimitExceeded: 503,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  Unavailable: 503,
  UnauthorizedOperation: 403,
}

/** Thrown where there is to be no answer at all: the connection is closed instead. */
export class Hangup extends Error {
  override readonly name = 'Hangup'
}
