import { setTimeout as sleep } from 'node:timers/promises'

import { BenchawayError } from '../errors.ts'
import type { Connection } from './connection.ts'
import { type Listener, listenThere } from './listen-there.ts'
import type { Listen, ListenEvents } from './passage.ts'
import { watch, whenLost } from './watch.ts'

// The sshd of the lost connection holds the port until it is gone itself: a moment when it was killed, longer when it
// has yet to notice a cut. What lasts less than a second is nobody's concern.
const pausesMs = [100, 200, 400, 800, 1600, 3200]
const longestPauseMs = 5000
const toldAfter = 4

/**
 * A port of the machine that is asked for again, the same one, when the connection was lost and made anew.
 *
 * @param port 0 lets sshd choose
 * @throws {BenchawayError} `PORT_UNAVAILABLE`, `FORWARDING_REFUSED`, `CONNECTION_LOST`, of the first time
 */
export function keepListening(connection: Connection, port: number): Listen {
  return async (events, stop) => {
    const farPort = new FarPort(connection, events, stop)
    const { host, port: bound } = await farPort.listen(port)
    return { host, port: bound, close: () => farPort.close() }
  }
}

class FarPort {
  readonly #connection: Connection
  readonly #events: ListenEvents
  readonly #stop: AbortSignal
  #listener: Listener | undefined
  #forget: (() => void) | undefined

  constructor(connection: Connection, events: ListenEvents, stop: AbortSignal) {
    this.#connection = connection
    this.#events = events
    this.#stop = stop
  }

  async listen(port: number): Promise<Listener> {
    const { target } = this.#connection
    const client = await this.#connection.client(this.#stop)
    let listener: Listener
    try {
      listener = await listenThere(client, target, port, this.#events.take)
    } catch (error) {
      if (!(error instanceof BenchawayError) || error.code !== 'CONNECTION_LOST') throw error
      // One that is gone for good says so there.
      await whenLost(client)
      return this.listen(port)
    }
    this.#listener = listener
    const { lost } = watch(client)
    // The connection learns of its loss in the same moment, and shall be the first to act on it.
    const again = (): void => queueMicrotask(() => void this.#again(listener.port))
    lost.add(again)
    this.#forget = () => lost.delete(again)
    if (this.#stop.aborted) await this.close()
    return listener
  }

  async close(): Promise<void> {
    this.#forget?.()
    await this.#listener?.close()
  }

  async #again(port: number): Promise<void> {
    for (let failed = 0; ;) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one try after the other
        await this.listen(port)
        return
      } catch (error) {
        if (this.#stop.aborted) return
        failed++
        const mayFollow = error instanceof BenchawayError && error.code === 'PORT_UNAVAILABLE'
        if (failed === toldAfter || !mayFollow) this.#events.troubled(error)
        if (!mayFollow) {
          this.#events.ended()
          return
        }
      }
      const pauseMs = pausesMs[failed - 1] ?? longestPauseMs
      // oxlint-disable-next-line no-await-in-loop -- one try after the other
      await sleep(pauseMs, undefined, { signal: this.#stop }).catch(() => undefined)
      if (this.#stop.aborted) return
    }
  }
}
