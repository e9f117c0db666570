/** Every failure a caller of this package can act on. A code never changes its meaning; the message may. */
export type LocalEc2ErrorCode =
  /** This computer lacks something that machines need; the hint says how to get it. */
  | 'MACHINE_UNAVAILABLE'
  /** No OpenSSH server to put into a machine. */
  | 'SSHD_MISSING'
  /** The Debian root file system for rootless machines could not be built. */
  | 'ROOTFS_FAILED'
  /** The process that holds the machines did not start or is gone. */
  | 'FABRIC_FAILED'
  /** Every address of the machines' network is in use. */
  | 'NO_FREE_ADDRESS'

/** The one class that this package throws on purpose. */
export class LocalEc2Error extends Error {
  override readonly name: string = 'LocalEc2Error'
  readonly code: LocalEc2ErrorCode
  /** What to do next, as one sentence; absent when there is nothing to advise. */
  readonly hint: string | undefined

  constructor(
    code: LocalEc2ErrorCode,
    message: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}
