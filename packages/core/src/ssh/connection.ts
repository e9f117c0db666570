/**
 * One ssh connection with the host key pinned. There is no code path that connects without a check, and none that
 * retries a mismatch.
 */
import { setTimeout as sleep } from 'node:timers/promises'

import { BenchawayError } from '../errors.ts'
import type { ChannelOptions, OpenChannel } from './channels.ts'
import { login } from './login.ts'
import { Pauses } from './pauses.ts'

/** Where a machine listens and what both sides must prove. */
export interface SshTarget {
  readonly host: string
  readonly port: number
  readonly user: string
  /** Text of an OpenSSH private key file. Secret. */
  readonly privateKey: string
  /** Wire form of the only host key that is accepted. */
  readonly hostKey: Uint8Array
}

export interface ConnectOptions {
  /**
   * How long refused and silent connections are tried again, in milliseconds.
   * @default 300_000
   */
  timeoutMs?: number | undefined
  signal?: AbortSignal | undefined
}

export interface Connection {
  readonly target: SshTarget
  /** Waits while too many are open; a channel given out counts until it is closed. */
  openChannel(command: string, options?: ChannelOptions): Promise<OpenChannel>
  /** Resolves when the connection is gone, by `close()` or otherwise. Never rejects. */
  readonly closed: Promise<void>
  close(): void
}

// EC2 drops packets to a machine that is not up yet, and TCP asks again after 1, 3, 7 and 15 seconds: a try that was
// begun too early must not outlive the moment when the machine is there.
const loginMs = 5000

/**
 * Logs in, retrying refused and silent connections until the deadline. Each try is a whole login: sshd from 9.8 on
 * locks out addresses that only knock.
 *
 * @throws {BenchawayError} `SSH_UNREACHABLE` once `timeoutMs` has passed; `cause` is the last failure
 * @throws {BenchawayError} `HOST_KEY_MISMATCH` at the first sight of another key
 * @throws {BenchawayError} `SSH_REFUSED` when the client key is refused
 * @throws {BenchawayError} `SSH_UNSUPPORTED` when the far side knows none of our algorithms
 */
export async function connect(
  target: SshTarget,
  options: ConnectOptions = {},
): Promise<Connection> {
  const { timeoutMs = 300_000, signal } = options
  const deadline = performance.now() + timeoutMs
  const pauses = new Pauses()
  for (;;) {
    signal?.throwIfAborted()
    const left = deadline - performance.now()
    let pauseMs: number | undefined
    try {
      return await login(target, Math.min(loginMs, Math.max(left, 1)), signal)
    } catch (error) {
      signal?.throwIfAborted()
      pauseMs = pauses.after(error)
      if (pauseMs === undefined || performance.now() + pauseMs >= deadline) {
        if (error instanceof BenchawayError) throw error
        throw new BenchawayError(
          'SSH_UNREACHABLE',
          `no ssh login at ${target.host} port ${target.port} within ${timeoutMs / 1000} s`,
          {
            hint: 'Look at the console of the machine, and check that your network lets you out to that port.',
            cause: error,
          },
        )
      }
    }
    // An aborted sleep rejects with its own AbortError; the caller is owed `signal.reason`.
    await sleep(pauseMs, undefined, { signal }).catch(() => signal?.throwIfAborted())
  }
}
