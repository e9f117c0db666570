/** A way to a machine that takes its time, and that can be cut. */
import { once } from 'node:events'
import net from 'node:net'

import type { Connection, SshTarget } from '../../src/ssh/connection.ts'

export interface FarAway extends AsyncDisposable {
  readonly target: SshTarget
  /** Every connection over it is gone at once, on both sides. */
  cut(): void
  /** The same, and the machine does not notice. */
  cutHere(): void
  /** The connection that was made last is gone. */
  cutNewest(): void
  /** The one that was made first. */
  cutOldest(): void
  /** Nobody gets through any more; who is there stays. */
  refuse(): void
  /** Bytes that have gone towards the machine. */
  sent: number
  /** Bytes that have come from it. */
  received: number
  /** Cuts it when so many more have gone; the next one does not. */
  cutAfter(bytes: number, tell?: () => void): void
  /** The same for bytes from the machine; 0 waits for the first of them as well. */
  cutAfterReceived(bytes: number): void
  /** When so many more have gone nothing passes any more, in either direction, until `held` cuts it. */
  holdAfter(bytes: number, held: () => void): void
}

/** @param oneWayMs how long each byte takes, in each direction */
export async function farAway(target: SshTarget, oneWayMs = 0): Promise<FarAway> {
  const sockets = new Set<net.Socket>()
  const nearSockets = new Set<net.Socket>()
  const limits = { sent: Infinity, received: Infinity }
  let reached = (): void => undefined
  let isHeld = false
  let isQuiet = false
  const server = net.createServer((near) => {
    const far = net.connect(target.port, target.host)
    nearSockets.add(near)
    near.once('close', () => nearSockets.delete(near))
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.setNoDelay(true)
      sockets.add(from)
      // The other side learns of it by its close.
      from.on('error', () => undefined)
      from.once('close', () => {
        sockets.delete(from)
        if (!(from === near && isQuiet)) to.destroy()
      })
      const count = from === near ? 'sent' : 'received'
      const pass = (chunk: Buffer): void => {
        if (isHeld || to.destroyed) return
        const room = limits[count] - way[count]
        const passing = chunk.subarray(0, room)
        to.write(passing)
        way[count] += passing.length
        if (chunk.length < room) return
        limits[count] = Infinity
        isHeld = true
        reached()
      }
      from.on('data', (chunk: Buffer) => {
        if (oneWayMs === 0) pass(chunk)
        else setTimeout(pass, oneWayMs, chunk)
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const cut = (): void => {
    isHeld = false
    for (const socket of sockets) socket.destroy()
  }
  const way: FarAway = {
    target: { ...target, port: address.port },
    sent: 0,
    received: 0,
    cut,
    cutHere() {
      isQuiet = true
      for (const socket of nearSockets) socket.destroy()
    },
    cutAfter(bytes, tell = () => undefined) {
      way.holdAfter(bytes, () => {
        cut()
        tell()
      })
    },
    cutAfterReceived(bytes) {
      limits.received = way.received + bytes
      reached = cut
    },
    holdAfter(bytes, held) {
      limits.sent = way.sent + bytes
      reached = held
    },
    cutNewest() {
      ;[...nearSockets].at(-1)?.destroy()
    },
    cutOldest() {
      ;[...nearSockets].at(0)?.destroy()
    },
    refuse() {
      server.close()
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      cut()
      server.close()
      await closed
    },
  }
  return way
}

/** Closes it at the end of the block. */
export function closing(connection: Connection): Connection & Disposable {
  return Object.assign(connection, { [Symbol.dispose]: () => connection.close() })
}
