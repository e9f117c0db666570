/**
 * A port of the machine whose connections come to us.
 *
 * @see https://www.rfc-editor.org/rfc/rfc4254#section-7.1
 */
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Client, ClientChannel, TcpConnectionDetails } from 'ssh2'

import { BenchawayError } from '../errors.ts'
import type { SshTarget } from './connection.ts'
import { FarStream } from './far-stream.ts'
import { prohibition } from './forward.ts'
import { lost } from './lost.ts'
import { watch } from './watch.ts'

/** A connection that somebody made to a port, and that waits to be led on. */
export interface Incoming {
  /** @returns `undefined` when it is gone */
  accept(): Duplex | undefined
  reject(): void
}

export interface Listener {
  readonly host: string
  readonly port: number
  /** Resolves once the port is free again, the connection lost, or the machine silent for five seconds. */
  close(): Promise<void>
}

// '127.0.0.1' and not 'localhost': of two addresses sshd would be content with one, and the other might be somebody's.
const loopback = '127.0.0.1'

const answerMs = 5000

const listeners = new WeakMap<Client, Map<number, (incoming: Incoming) => void>>()

/**
 * Has sshd listen on the machine's loopback.
 *
 * @param port 0 lets sshd choose
 * @throws {BenchawayError} `PORT_UNAVAILABLE`, `FORWARDING_REFUSED`, `CONNECTION_LOST`
 */
export async function listenThere(
  client: Client,
  target: SshTarget,
  port: number,
  take: (incoming: Incoming) => void,
): Promise<Listener> {
  const ports = listenersOf(client, target)
  // A connection may come in the same packet as the answer: nothing is awaited in between.
  const bound = await forwardIn(client, target, port, (chosen) => ports.set(chosen, take))
  if (bound === undefined) throw await whyNot(client, target, port)
  return {
    host: loopback,
    port: bound,
    async close() {
      ports.delete(bound)
      const patience = sleep(answerMs, undefined, { ref: false })
      await Promise.race([unforwardIn(client, bound), patience])
    },
  }
}

/** One listener for all: of two that hear of a connection, each would answer it. */
function listenersOf(client: Client, target: SshTarget): Map<number, (incoming: Incoming) => void> {
  const known = listeners.get(client)
  if (known) return known
  const ports = new Map<number, (incoming: Incoming) => void>()
  listeners.set(client, ports)
  client.on(
    'tcp connection',
    (details: TcpConnectionDetails, accept: () => ClientChannel, reject: () => void) => {
      const take = ports.get(details.destPort)
      if (take === undefined) {
        reject()
        return
      }
      take({
        accept: () =>
          // ssh2 would make a channel that nobody ever closes.
          watch(client).isLost ? undefined : new FarStream(client, accept(), () => lost(target)),
        reject,
      })
    },
  )
  return ports
}

/** @returns `undefined` when sshd refuses, which it does without a reason */
function forwardIn(
  client: Client,
  target: SshTarget,
  port: number,
  listening?: (port: number) => void,
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(lost(target))
    const { isLost, lost: tell } = watch(client)
    tell.add(gone)
    try {
      if (isLost) throw new Error('Not connected')
      client.forwardIn(loopback, port, (error, bound) => {
        tell.delete(gone)
        if (!error) listening?.(bound)
        resolve(error ? undefined : bound)
      })
    } catch (error) {
      tell.delete(gone)
      reject(lost(target, error))
    }
  })
}

function unforwardIn(client: Client, port: number): Promise<void> {
  return new Promise((resolve) => {
    try {
      client.unforwardIn(loopback, port, () => resolve())
    } catch {
      // sshd stops listening when the connection ends.
      resolve()
    }
  })
}

/** Whoever may listen on some port may not listen on this one. */
async function whyNot(client: Client, target: SshTarget, port: number): Promise<BenchawayError> {
  const other = port === 0 ? undefined : await forwardIn(client, target, 0)
  if (other === undefined) return prohibition(target, 'does not listen for us')
  await unforwardIn(client, other)
  const isLow = port < 1024 && target.user !== 'root'
  return new BenchawayError(
    'PORT_UNAVAILABLE',
    `sshd on ${target.host} cannot listen on port ${port} of the machine`,
    {
      hint: isLow
        ? `Use a port from 1024 on: only root may listen below, and the login is ${target.user}.`
        : 'Use another port, or 0 for a free one: `ss -ltnp` on the machine says who has it.',
    },
  )
}
