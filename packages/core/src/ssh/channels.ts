import type { Client, ClientChannel } from 'ssh2'

import { BenchawayError } from '../errors.ts'
import type { Connection, SshTarget } from './connection.ts'
import { Places } from './places.ts'

export interface ChannelOptions {
  /** Gives the channel up before it is open. */
  signal?: AbortSignal | undefined
  /** Does not wait in line: for the last words to a machine whose connection is busy. */
  urgent?: boolean | undefined
}

export interface OpenChannel {
  /** Both of its streams must be read, or its end is never heard. */
  readonly channel: ClientChannel
  /** Both undefined when the connection was lost. Never rejects. */
  readonly exit: Promise<ChannelExit>
}

export interface ChannelExit {
  readonly exitCode: number | undefined
  readonly signal: string | undefined
}

// sshd allows 10 sessions on a connection (MaxSessions); a closed one frees its place only when its process has ended.
// Two stay free for what is urgent.
const maxChannels = 8

/** A connection over a client that is logged in. */
export function connectionOf(client: Client, target: SshTarget): Connection {
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
    async openChannel(command, { signal, urgent = false } = {}) {
      if (!urgent) await places.take(signal)
      if (lost) throw connectionLost(target)
      return openChannel(client, target, command, signal, () => {
        if (!urgent) places.free()
      })
    },
  }
}

function openChannel(
  client: Client,
  target: SshTarget,
  command: string,
  signal: AbortSignal | undefined,
  release: () => void,
): Promise<OpenChannel> {
  return new Promise((resolve, reject) => {
    let settled = false
    const settle = (): void => {
      settled = true
      client.off('close', lost)
      signal?.removeEventListener('abort', aborted)
    }
    const lost = (): void => {
      settle()
      reject(connectionLost(target))
    }
    const aborted = (): void => {
      settle()
      reject(signal?.reason)
    }
    client.once('close', lost)
    signal?.addEventListener('abort', aborted, { once: true })
    try {
      client.exec(command, (error, channel) => {
        if (error) {
          release()
          if (!settled) {
            settle()
            reject(error)
          }
          return
        }
        // `exit` of a quick command comes in this very tick: a listener after an await would miss it.
        const exit = new Promise<ChannelExit>((done) => {
          let seen: ChannelExit = { exitCode: undefined, signal: undefined }
          channel.once('exit', (code: number | null, name?: string) => {
            seen = { exitCode: code ?? undefined, signal: name?.replace(/^SIG/, '') }
          })
          channel.once('close', () => {
            release()
            done(seen)
          })
        })
        if (settled) {
          // Nobody wants it any more.
          channel.resume()
          channel.stderr.resume()
          channel.signal('KILL')
          channel.close()
          return
        }
        settle()
        resolve({ channel, exit })
      })
    } catch (error) {
      release()
      settle()
      reject(connectionLost(target, error))
    }
  })
}

function connectionLost(target: SshTarget, cause?: unknown): BenchawayError {
  return new BenchawayError(
    'CONNECTION_LOST',
    `the ssh connection to ${target.host} port ${target.port} is gone`,
    { cause },
  )
}
