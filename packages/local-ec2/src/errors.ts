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
  /** The port is another program's, or not this user's to take. */
  | 'PORT_UNAVAILABLE'
  /** An option that does not exist, or a value that it cannot have. */
  | 'OPTION_INVALID'
  /** What was asked to go wrong cannot: the message names the member that is wrong. */
  | 'FAULT_INVALID'
  /** A fault was removed before it had struck as often as somebody waited for. */
  | 'FAULT_REMOVED'
  /** Conditions that a link cannot have, or an instance without one: not there, or not powered. */
  | 'LINK_INVALID'
  /** An IAM policy document that AWS would refuse, or that this endpoint could only apply in part. */
  | 'POLICY_INVALID'
  /** A user or a role with a name that IAM does not allow or that is taken; an access key that does not exist. */
  | 'IDENTITY_INVALID'

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
