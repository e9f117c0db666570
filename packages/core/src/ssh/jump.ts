import type { Duplex } from 'node:stream'

import { BenchawayError } from '../errors.ts'
import type { Connection } from './connection.ts'
import { dial } from './forward.ts'

/**
 * The way to an sshd that only `via` reaches. What runs over it is proved as everywhere: `via` could read and change it
 * no more than the network could.
 *
 * @throws {Error} with the code `ECONNREFUSED` when nobody listens yet, as a socket does: a login is tried again
 * @throws {BenchawayError} `FORWARDING_REFUSED`, `CONNECTION_LOST`: trying again does not help
 */
export async function jumpStream(
  via: Connection,
  host: string,
  port: number,
  signal?: AbortSignal,
): Promise<Duplex> {
  try {
    const stream = await dial(via, { host, port }, signal)
    // An sshd that has said its last word is gone: ssh2 would wait for its socket to close.
    stream.allowHalfOpen = false
    return stream
  } catch (error) {
    if (!(error instanceof BenchawayError) || error.code !== 'TARGET_UNREACHABLE') throw error
    const { message } = error
    const isRefused = message.endsWith('Connection refused')
    throw Object.assign(new Error(message, { cause: error }), isRefused && { code: 'ECONNREFUSED' })
  }
}
