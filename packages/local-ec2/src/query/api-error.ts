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
  AuthFailure: 401,
  DryRunOperation: 412,
  InsufficientInstanceCapacity: 500,
  InternalError: 500,
  InvalidClientTokenId: 403,
  MissingAuthenticationToken: 403,
  RequestEntityTooLarge: 413,
  SignatureDoesNotMatch: 403,
}

/** Thrown where there is to be no answer at all: the connection is closed instead. */
export class Hangup extends Error {
  override readonly name = 'Hangup'
}
