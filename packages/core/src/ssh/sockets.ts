/** Sockets of this computer as the ends of tunnels. */
import { once } from 'node:events'
import net from 'node:net'

import { BenchawayError, messageOf } from '../errors.ts'
import { type Destination, nameOf } from './forward.ts'
import { breakOff } from './join.ts'
import type { Listener } from './listen-there.ts'
import type { Listen, ListenEvents } from './passage.ts'

// Either end may stop sending and go on reading, and a small request never waits for Nagle's algorithm.
const manners = { allowHalfOpen: true, noDelay: true }

/** @throws {BenchawayError} `TARGET_UNREACHABLE` */
export async function dialHere(to: Destination, signal: AbortSignal): Promise<net.Socket> {
  const socket = net.connect({ ...to, ...manners, signal })
  try {
    await once(socket, 'connect')
    return socket
  } catch (error) {
    signal.throwIfAborted()
    throw new BenchawayError(
      'TARGET_UNREACHABLE',
      `this computer cannot connect to ${nameOf(to)}: ${messageOf(error)}`,
      { hint: 'Check that somebody listens there.', cause: error },
    )
  }
}

/** @throws {BenchawayError} `PORT_UNAVAILABLE` */
export function listenHere(host: string, port: number): Listen {
  return (events) => listen(host, port, events)
}

async function listen(host: string, port: number, events: ListenEvents): Promise<Listener> {
  const server = net.createServer({ ...manners, pauseOnConnect: true }, (socket) => {
    // Nobody else hears it until it is led on.
    socket.on('error', () => undefined)
    events.take({
      accept: () => (socket.destroyed ? undefined : socket),
      reject: () => breakOff(socket),
    })
  })
  try {
    await once(server.listen(port, host), 'listening')
  } catch (error) {
    throw unavailable(host, port, error)
  }
  // No more sockets for this process, for one: it goes on when there are some again.
  server.on('error', (error) => events.troubled(unavailable(host, port, error)))
  const address = server.address()
  return {
    host,
    port: typeof address === 'object' && address !== null ? address.port : port,
    async close() {
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}

function unavailable(host: string, port: number, cause: unknown): BenchawayError {
  const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const [why, hint] =
    code === 'EADDRINUSE'
      ? ['somebody else has it', 'Use another port, or 0 for a free one.']
      : code === 'EACCES'
        ? ['it is not for everybody', 'Use a port from 1024 on.']
        : code === 'EADDRNOTAVAIL'
          ? ['it has no such address', "Use '127.0.0.1', or an address of this computer."]
          : [messageOf(cause), undefined]
  return new BenchawayError(
    'PORT_UNAVAILABLE',
    `this computer cannot listen on ${host} port ${port}: ${why}`,
    { hint, cause },
  )
}
