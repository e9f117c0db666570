/**
 * Connections that the machine makes for us. Channels of this kind do not count as sessions (sshd's MaxSessions).
 *
 * @see https://www.rfc-editor.org/rfc/rfc4254#section-7.2
 */
import type { Client, ClientChannel } from 'ssh2'

import { BenchawayError } from '../errors.ts'
import type { Connection, SshTarget } from './connection.ts'
import { FarStream } from './far-stream.ts'
import { lost } from './lost.ts'
import { whenLost } from './watch.ts'

/** A port, or a socket in the file system. */
export type Destination =
  | { readonly host: string; readonly port: number }
  | { readonly path: string }

export function nameOf(to: Destination): string {
  return 'path' in to ? to.path : `${to.host} port ${to.port}`
}

/**
 * A connection to where `to` leads as seen from the machine, made anew when the ssh connection was lost.
 *
 * @throws {BenchawayError} `TARGET_UNREACHABLE`, `FORWARDING_REFUSED`, `CONNECTION_LOST`
 */
export async function dial(
  connection: Connection,
  to: Destination,
  signal?: AbortSignal,
): Promise<FarStream> {
  const client = await connection.client(signal)
  try {
    return await openStream(client, connection.target, to, signal)
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof BenchawayError) || error.code !== 'CONNECTION_LOST') throw error
    await whenLost(client)
    // Nothing was sent through it yet, so nothing happens twice. A connection that is gone for good says so again.
    return openStream(await connection.client(signal), connection.target, to, signal)
  }
}

function openStream(
  client: Client,
  target: SshTarget,
  to: Destination,
  signal: AbortSignal | undefined,
): Promise<FarStream> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    let isWanted = true
    const abort = (): void => {
      isWanted = false
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
    const opened = (error: Error | undefined, channel: ClientChannel): void => {
      signal?.removeEventListener('abort', abort)
      if (error) reject(refusal(error, target, to))
      else {
        const stream = new FarStream(client, channel, () => lost(target))
        if (isWanted) resolve(stream)
        else stream.destroy()
      }
    }
    try {
      if ('path' in to) client.openssh_forwardOutStreamLocal(to.path, opened)
      else client.forwardOut('127.0.0.1', 0, to.host, to.port, opened)
    } catch (error) {
      signal?.removeEventListener('abort', abort)
      reject(lost(target, error))
    }
  })
}

// RFC 4254, 5.1.
const prohibited = 1
const connectFailed = 2

function refusal(error: Error, target: SshTarget, to: Destination): BenchawayError {
  const reason: unknown = 'reason' in error ? error.reason : undefined
  if (typeof reason !== 'number') return lost(target, error)
  const said = error.message.replace(/^\(SSH\) Channel open failure: /, '')
  if (reason === prohibited) return prohibition(target, `does not forward to ${nameOf(to)}`, error)
  // sshd says only this of a socket in the file system, whatever the reason.
  const isVague = said === 'open failed' || reason !== connectFailed
  return new BenchawayError(
    'TARGET_UNREACHABLE',
    `${target.host} cannot connect to ${nameOf(to)}: ${said}`,
    {
      hint: isVague
        ? `Check on the machine that somebody listens there, and that user ${target.user} may connect.`
        : 'Check on the machine that somebody listens there; a server that has just been started may need a moment.',
      cause: error,
    },
  )
}

export function prohibition(target: SshTarget, what: string, cause?: unknown): BenchawayError {
  return new BenchawayError('FORWARDING_REFUSED', `sshd on ${target.host} ${what}`, {
    hint: "Allow it in the image's sshd_config: AllowTcpForwarding, DisableForwarding, PermitOpen and PermitListen decide.",
    cause,
  })
}
