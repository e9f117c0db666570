/**
 * Connections to one machine, with the host key pinned. There is no code path that connects without a check, and none
 * that retries a mismatch.
 */
import type { Client } from 'ssh2'

import type { ChannelOptions, OpenChannel } from './channels.ts'
import { reach } from './reach.ts'
import { Sessions } from './sessions.ts'

/** Where a machine listens and what both sides must prove. */
export interface SshTarget {
  readonly host: string
  readonly port: number
  readonly user: string
  /** Text of an OpenSSH private key file. Secret. */
  readonly privateKey: string
  /** Wire form of the only host key that is accepted. */
  readonly hostKey: Uint8Array
  /** The machine that `host` is reached through; `host` is as that one sees it. @default none */
  readonly via?: Connection | undefined
}

export interface ConnectOptions {
  /**
   * How long refused and silent connections are tried again, in milliseconds.
   * @default 300_000
   */
  timeoutMs?: number | undefined
  /**
   * When no connection is left, one is made anew for so long, in milliseconds; 0 gives up at once. Commands that ran
   * over it have failed all the same: none is run twice.
   * @default 0
   */
  reconnectMs?: number | undefined
  /**
   * After so many milliseconds without a word the machine is asked whether it is still there; one that does not answer
   * four times in a row is lost.
   * @default 5000
   */
  keepaliveMs?: number | undefined
  /**
   * A connection besides the first one is closed when nothing has used it for so many milliseconds.
   * @default 60_000
   */
  lingerMs?: number | undefined
  signal?: AbortSignal | undefined
}

export interface Connection {
  readonly target: SshTarget
  /**
   * Starts a command. Waits while too many run; a channel given out counts until it is closed.
   *
   * @throws {BenchawayError} `CONNECTION_LOST` when there is no connection and there will be none, or when it broke
   *   before the command had begun; `COMMAND_NOT_STARTED` when sshd gives no terminal; `SSH_FULL` when it allows no
   *   command at all
   */
  openChannel(command: string, options?: ChannelOptions): Promise<OpenChannel>
  /**
   * ssh2's side of a connection that is logged in, for what is no command.
   *
   * @throws {BenchawayError} `CONNECTION_LOST`
   */
  client(signal?: AbortSignal): Promise<Client>
  /** Resolves when there is no connection any more and there will be none. Never rejects. */
  readonly closed: Promise<void>
  close(): void
}

/**
 * Logs in, retrying refused and silent connections until the deadline. Each try is a whole login: sshd from 9.8 on
 * locks out addresses that only knock.
 *
 * @throws {BenchawayError} `SSH_UNREACHABLE` once `timeoutMs` has passed, or `SSH_FULL` when sshd had no room for a
 *   login until then; `cause` is the last failure
 * @throws {BenchawayError} `HOST_KEY_MISMATCH` at the first sight of another key
 * @throws {BenchawayError} `SSH_REFUSED` when the client key is refused three times
 * @throws {BenchawayError} `SSH_UNSUPPORTED` when the far side knows none of our algorithms
 */
export async function connect(
  target: SshTarget,
  options: ConnectOptions = {},
): Promise<Connection> {
  const { timeoutMs = 300_000, reconnectMs = 0, keepaliveMs = 5000, lingerMs = 60_000 } = options
  const client = await reach(target, { timeoutMs, keepaliveMs, signal: options.signal })
  return new Sessions(target, client, { reconnectMs, keepaliveMs, lingerMs })
}
