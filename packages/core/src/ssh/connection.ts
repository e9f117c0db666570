/**
 * One ssh connection with the host key pinned. There is no code path that connects without a check, and none that
 * retries a mismatch.
 */
import { timingSafeEqual } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import ssh2 from 'ssh2'

import { BenchawayError } from '../errors.ts'
import { fingerprint } from '../keys/openssh.ts'
import { type ChannelOptions, connectionOf, type OpenChannel } from './channels.ts'

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
// pam_nologin refuses logins for a moment while systemd is still booting; more failures than this trip sshd's penalties.
const maxRefusals = 3

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
  let refusals = 0
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 1.5, 1000)) {
    signal?.throwIfAborted()
    const left = deadline - performance.now()
    try {
      return await login(target, Math.min(loginMs, Math.max(left, 1)), signal)
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof BenchawayError) {
        if (error.code !== 'SSH_REFUSED' || ++refusals >= maxRefusals) throw error
        pauseMs = 1000
      }
      if (performance.now() + pauseMs >= deadline) {
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

function login(target: SshTarget, timeoutMs: number, signal?: AbortSignal): Promise<Connection> {
  const client = new ssh2.Client()
  return new Promise((resolve, reject) => {
    let foreignKey: string | undefined
    const fail = (error: Error & { level?: string }): void => {
      signal?.removeEventListener('abort', abort)
      client.destroy()
      if (foreignKey !== undefined) {
        reject(
          new BenchawayError(
            'HOST_KEY_MISMATCH',
            `${target.host} port ${target.port} proved host key ${foreignKey}, expected ${fingerprint(target.hostKey)}`,
            {
              hint: 'Do not connect again: somebody else answers at that address. The machine is being terminated.',
            },
          ),
        )
      } else if (error.level === 'client-authentication') {
        reject(
          new BenchawayError(
            'SSH_REFUSED',
            `${target.host} port ${target.port} refused the key of user ${target.user}`,
            { hint: `Check that the image logs in as '${target.user}'.`, cause: error },
          ),
        )
      } else if (error.message.startsWith('Handshake failed: no matching')) {
        reject(
          new BenchawayError(
            'SSH_UNSUPPORTED',
            `${target.host} port ${target.port} shares no algorithm with us: ${error.message}`,
            {
              hint: 'Use an image whose sshd knows ed25519, curve25519 and AES-GCM.',
              cause: error,
            },
          ),
        )
      } else {
        reject(error)
      }
    }
    const abort = (): void => fail(new Error('aborted'))
    signal?.addEventListener('abort', abort, { once: true })
    // Not `once`: ssh2 reports the end of a connection that it gave up as a second error, which nobody else would hear.
    client.on('error', fail)
    // A peer that hangs up without an error would otherwise never settle this promise.
    client.once('close', () => fail(new Error('the far side closed the connection')))
    client.once('ready', () => {
      signal?.removeEventListener('abort', abort)
      client.removeAllListeners('close')
      resolve(connectionOf(client, target))
    })
    client.connect({
      host: target.host,
      port: target.port,
      username: target.user,
      readyTimeout: timeoutMs,
      keepaliveInterval: 5000,
      keepaliveCountMax: 4,
      // Asking for `none` first, as ssh2 does by default, costs a round trip.
      authHandler: ['publickey'],
      privateKey: target.privateKey,
      algorithms: {
        serverHostKey: ['ssh-ed25519'],
        kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org'],
        // GCM works with and without ssh2's native addon; chacha20 breaks with the addon on Node 24.
        cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'],
      },
      // Must stay synchronous and return a real boolean: ssh2 accepts the key for anything that is not `false`.
      hostVerifier: (key: Buffer): boolean => {
        const ours = key.length === target.hostKey.length && timingSafeEqual(key, target.hostKey)
        if (!ours) foreignKey = fingerprint(key)
        return ours
      },
    })
    // Without this each small request waits some 40 ms for Nagle's algorithm and a delayed acknowledgement.
    client.setNoDelay(true)
  })
}
