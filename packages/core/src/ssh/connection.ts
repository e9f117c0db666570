/**
 * One ssh connection with the host key pinned. There is no code path that connects without a check, and none that
 * retries a mismatch.
 */
import { timingSafeEqual } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import ssh2 from 'ssh2'
import type { Client, ClientChannel } from 'ssh2'

import { BenchawayError } from '../errors.ts'
import { fingerprint } from '../keys/openssh.ts'

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
  openChannel(command: string): Promise<OpenChannel>
  /** Resolves when the connection is gone, by `close()` or otherwise. Never rejects. */
  readonly closed: Promise<void>
  close(): void
}

export interface OpenChannel {
  readonly channel: ClientChannel
  /** Both undefined when the connection was lost. Never rejects. */
  readonly exit: Promise<ChannelExit>
}

export interface ChannelExit {
  readonly exitCode: number | undefined
  readonly signal: string | undefined
}

// sshd allows 10 sessions on a connection (MaxSessions); a closed one frees its place only when its process has ended.
const maxChannels = 8
// pam_nologin refuses logins for a moment while systemd is still booting; more failures than this trip sshd's penalties.
const maxRefusals = 3

/**
 * Logs in, retrying refused and silent connections until the deadline. Each try is a whole login: sshd from 9.8 on
 * locks out addresses that only knock.
 *
 * @throws {BenchawayError} `SSH_UNREACHABLE` once `timeoutMs` has passed; `cause` is the last failure
 * @throws {BenchawayError} `HOST_KEY_MISMATCH` at the first sight of another key
 * @throws {BenchawayError} `SSH_REFUSED` when the client key is refused
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
      return await login(target, Math.min(20_000, Math.max(left, 1)), signal)
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

function connectionOf(client: Client, target: SshTarget): Connection {
  let lost = false
  const places = new Places(maxChannels)
  const closed = new Promise<void>((resolve) => {
    client.once('close', () => {
      lost = true
      places.close()
      resolve()
    })
  })
  return {
    target,
    closed,
    close: () => client.end(),
    async openChannel(command) {
      await places.take()
      if (lost) throw connectionLost(target)
      return new Promise((resolve, reject) => {
        const onLost = (): void => {
          reject(connectionLost(target))
        }
        client.once('close', onLost)
        try {
          client.exec(command, (error, channel) => {
            client.off('close', onLost)
            if (error) {
              places.free()
              reject(lost ? connectionLost(target, error) : error)
              return
            }
            // `exit` of a quick command comes in this very tick: a listener after an await would miss it.
            const exit = new Promise<ChannelExit>((settle) => {
              let seen: ChannelExit = { exitCode: undefined, signal: undefined }
              channel.once('exit', (code: number | null, name?: string) => {
                seen = { exitCode: code ?? undefined, signal: name?.replace(/^SIG/, '') }
              })
              channel.once('close', () => {
                places.free()
                settle(seen)
              })
            })
            resolve({ channel, exit })
          })
        } catch (error) {
          client.off('close', onLost)
          places.free()
          reject(connectionLost(target, error))
        }
      })
    },
  }
}

export function connectionLost(target: SshTarget, cause?: unknown): BenchawayError {
  return new BenchawayError(
    'CONNECTION_LOST',
    `the ssh connection to ${target.host} port ${target.port} is gone`,
    { cause },
  )
}

/** So many at a time; who comes later waits in line. */
class Places {
  readonly #waiting: (() => void)[] = []
  #left: number

  constructor(count: number) {
    this.#left = count
  }

  async take(): Promise<void> {
    if (this.#left > 0) this.#left--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  free(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#left++
  }

  /** Lets everybody through: what they wait for is gone. */
  close(): void {
    this.#left = Number.POSITIVE_INFINITY
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
