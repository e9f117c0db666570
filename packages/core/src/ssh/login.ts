/** One try of a login, with the host key pinned. */
import { timingSafeEqual } from 'node:crypto'
import type { Duplex } from 'node:stream'

import ssh2, { type Client } from 'ssh2'

import { BenchawayError } from '../errors.ts'
import { fingerprint } from '../keys/openssh.ts'
import { lastLines } from './command.ts'
import type { Connection, SshTarget } from './connection.ts'
import { hearRefusal } from './explain.ts'
import { hearAnything, hurryLogin, socketOf } from './insides.ts'
import { jumpStream } from './jump.ts'
import { hastenCipher } from './swift-cipher.ts'

/**
 * sshd knows the key and ended the login all the same, as PAM has it do while a machine boots or shuts down
 * (`/run/nologin`).
 */
export class TurnedAway extends Error {
  override readonly name: string = 'TurnedAway'
}

/**
 * @throws {BenchawayError} `HOST_KEY_MISMATCH`, `SSH_REFUSED`, `SSH_UNSUPPORTED`
 * @throws {TurnedAway} when the account may not log in now
 * @throws {Error} ssh2's own, when nobody listens or nobody answers
 */
export async function login(
  target: SshTarget,
  options: { timeoutMs: number; keepaliveMs: number; signal?: AbortSignal | undefined },
): Promise<Client> {
  const { timeoutMs, keepaliveMs, signal } = options
  const sock = target.via && (await jump(target.via, target, timeoutMs, signal))
  if (signal?.aborted) sock?.destroy()
  signal?.throwIfAborted()
  const client = new ssh2.Client()
  return new Promise((resolve, reject) => {
    let foreignKey: string | undefined
    let isVerified = false
    let words = ''
    let refusal: (() => string) | undefined
    const fail = (error: Error & { level?: string }): void => {
      signal?.removeEventListener('abort', abort)
      // Not `client.destroy()`, which leaves alone what it can no longer write to.
      socketOf(client).destroy()
      if (foreignKey !== undefined) {
        reject(
          new BenchawayError(
            'HOST_KEY_MISMATCH',
            `${target.host} port ${target.port} proved host key ${foreignKey}, expected ${fingerprint(target.hostKey)}`,
            {
              hint: 'Do not connect again: somebody else answers at that address.',
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
      } else if (isVerified && error.level !== 'client-timeout') {
        reject(
          new TurnedAway(
            `the far side ended the login of user ${target.user}${words && `: ${words}`}`,
            { cause: error },
          ),
        )
      } else {
        const said = refusal?.() ?? ''
        const greeting = `where an ssh server would greet it says: ${said}`
        reject(said === '' ? error : new Error(greeting, { cause: error }))
      }
    }
    const abort = (): void => fail(new Error('aborted'))
    signal?.addEventListener('abort', abort, { once: true })
    // Not `once`: ssh2 reports the end of a connection that it gave up as a second error, which nobody else would hear.
    client.on('error', fail)
    // A peer that hangs up without an error would otherwise never settle this promise.
    client.once('close', () => fail(new Error('the far side closed the connection')))
    client.once('handshake', () => {
      isVerified = true
    })
    client.on('banner', (text: string) => {
      words = lastLines(words + text)
    })
    client.once('ready', () => {
      signal?.removeEventListener('abort', abort)
      client.removeAllListeners('close')
      hearAnything(client)
      resolve(client)
    })
    client.connect({
      ...(sock && { sock }),
      host: target.host,
      port: target.port,
      username: target.user,
      readyTimeout: timeoutMs,
      keepaliveInterval: keepaliveMs,
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
    refusal = hearRefusal(socketOf(client))
    hurryLogin(client)
    hastenCipher(client)
    // Without this each small request waits some 40 ms for Nagle's algorithm and a delayed acknowledgement.
    client.setNoDelay(true)
  })
}

// The machine in between would wait for minutes for one that is silent.
function jump(
  via: Connection,
  { host, port }: SshTarget,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Duplex> {
  const late = AbortSignal.timeout(Math.ceil(timeoutMs))
  return jumpStream(via, host, port, signal ? AbortSignal.any([signal, late]) : late)
}
