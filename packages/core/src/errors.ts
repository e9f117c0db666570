import { inspect } from 'node:util'

/**
 * Every failure a caller can act on. A code never changes its meaning once released; the message may.
 */
export type ErrorCode =
  /** An option is unknown, of the wrong type or out of range. */
  | 'OPTION_INVALID'
  /** The AWS SDK's own chain found no credentials. */
  | 'CREDENTIALS_MISSING'
  /** AWS does not take the credentials: they are wrong, disabled or expired. */
  | 'CREDENTIALS_REFUSED'
  /** The AWS SDK's own chain found no region. */
  | 'REGION_MISSING'
  /** Nothing answers at the endpoint's address. */
  | 'ENDPOINT_UNREACHABLE'
  /** The credentials are valid but may not do this; `cause` is AWS's own error. */
  | 'PERMISSION_DENIED'
  /** EC2 or STS refused a call for a reason that has no code of its own here; `cause` is AWS's own error. */
  | 'AWS_REFUSED'
  /** The region knows no such instance type. */
  | 'INSTANCE_TYPE_UNKNOWN'
  /** The type's processor cannot run here: a local machine has this computer's architecture. */
  | 'ARCHITECTURE_UNAVAILABLE'
  /** No image by that name or id in this region for this architecture. */
  | 'IMAGE_NOT_FOUND'
  /** The region has no default VPC to launch into. */
  | 'NO_DEFAULT_VPC'
  /** EC2 has no machine of that type left, for nobody. */
  | 'NO_CAPACITY'
  /** More machines than `maxInstances` allows. */
  | 'TOO_MANY_INSTANCES'
  /** The caller's own public address could not be found out. */
  | 'ADDRESS_UNKNOWN'
  /** The machine ended before it could be used, or while it was: then it is the `cause` of `CONNECTION_LOST`. */
  | 'INSTANCE_ENDED'
  /** No ssh login before the deadline. */
  | 'SSH_UNREACHABLE'
  /** The far side proved another host key than the one we put into user-data. Never retried. */
  | 'HOST_KEY_MISMATCH'
  /** The far side has our host key but refuses our client key. */
  | 'SSH_REFUSED'
  /** The far side's sshd knows none of the algorithms that we allow. */
  | 'SSH_UNSUPPORTED'
  /** The machine answers, but its dead-man switch does not run: it would not end by itself. */
  | 'DEAD_MAN_MISSING'
  /** sshd has no room for another login or session now. */
  | 'SSH_FULL'
  /** The ssh connection is gone. */
  | 'CONNECTION_LOST'
  /** A command ended with a non-zero exit code or by a signal; see `CommandError`. */
  | 'COMMAND_FAILED'
  /** A command never ran: its folder, its variables, sudo or the login shell were in the way; see `CommandError`. */
  | 'COMMAND_NOT_STARTED'
  /** A command did not end in `timeoutMs`, or a server was not ready in `readyTimeoutMs`; see `CommandError`. */
  | 'COMMAND_TIMED_OUT'
  /** A command printed more than `maxOutputBytes`; see `CommandError`. */
  | 'OUTPUT_TOO_LARGE'
  /** What arrived is not what was sent, or could not be read here. */
  | 'TRANSFER_FAILED'
  /** The machine has no room left for what was to be written. */
  | 'DISK_FULL'
  /** The machine has no file or folder of that name. */
  | 'FILE_NOT_FOUND'
  /** The machine does not let the user of the login do that. */
  | 'ACCESS_DENIED'
  /** A port to listen on is taken, or not for everybody. */
  | 'PORT_UNAVAILABLE'
  /** The machine's sshd does not forward, or not there. */
  | 'FORWARDING_REFUSED'
  /** Nobody answers where a tunnel leads. */
  | 'TARGET_UNREACHABLE'
  /** The proof that this run is alive could not be placed on this computer. */
  | 'OWNER_SOCKET_FAILED'
  /** The fleet was closed. */
  | 'FLEET_CLOSED'

/**
 * The one class that Benchaway throws on purpose. Anything else that escapes is a bug of ours.
 *
 * Printed as it is, for example by Node when nobody catches it, it shows its message and hint; `stack` is there for
 * who asks.
 */
export class BenchawayError<Code extends string = ErrorCode> extends Error {
  override readonly name: string = 'BenchawayError'
  readonly code: Code
  /** What to do next, as one sentence; absent when there is nothing to advise. */
  readonly hint: string | undefined

  constructor(
    code: Code,
    message: string,
    options: { hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    // Who wrote an option wrong or has no credentials needs no stack.
    Object.defineProperty(this, inspect.custom, {
      value: () => `${this.name} (${code}): ${describe(this)}`,
    })
  }
}

/** What was thrown, in the words a person needs: message, advice and what caused it; no stack. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const hint = 'hint' in error && typeof error.hint === 'string' ? `\n${error.hint}` : ''
  const cause = error.cause instanceof Error ? `\nCaused by: ${error.cause.message}` : ''
  return `${error.message}${hint}${cause}`
}

/** The words of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Whether it will fail again however often it is tried. */
export function isDenied(error: unknown): boolean {
  return error instanceof BenchawayError && error.code === 'PERMISSION_DENIED'
}
