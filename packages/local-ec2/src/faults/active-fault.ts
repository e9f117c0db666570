import { setMaxListeners } from 'node:events'

import { LocalEc2Error } from '../errors.ts'
import type { Fault } from './fault.ts'

/** A fault in force. Disposing of it is `remove()`. */
export interface ActiveFault extends Disposable {
  readonly fault: Fault
  /**
   * How many calls or machines it has struck so far; those on which it had no effect do not count. A clock is
   * struck once, when the fault is added.
   */
  readonly strikes: number
  /** Ends it, and the delays that it causes. */
  remove(): void
  /**
   * Resolves when it has struck that often.
   *
   * @param times 1 if not given
   * @throws {LocalEc2Error} `FAULT_REMOVED`
   */
  struck(times?: number): Promise<void>
}

interface Waiter extends PromiseWithResolvers<void> {
  times: number
}

export class FaultInForce implements ActiveFault {
  readonly fault: Fault
  strikes = 0
  readonly #removal = new AbortController()
  readonly #waiters = new Set<Waiter>()

  constructor(fault: Fault) {
    this.fault = fault
    // Every call that it holds up listens, and there may be many.
    setMaxListeners(0, this.removed)
  }

  /** Aborted by `remove()`. */
  get removed(): AbortSignal {
    return this.#removal.signal
  }

  strike(): void {
    this.strikes++
    for (const waiter of this.#waiters) {
      if (this.strikes < waiter.times) continue
      waiter.resolve()
      this.#waiters.delete(waiter)
    }
  }

  /** For what has several effects on one call. */
  strikeOnce(): () => void {
    let done = false
    return () => {
      if (!done) this.strike()
      done = true
    }
  }

  remove(): void {
    this.#removal.abort()
    for (const waiter of this.#waiters) waiter.reject(this.#tooFew(waiter.times))
    this.#waiters.clear()
  }

  [Symbol.dispose](): void {
    this.remove()
  }

  async struck(times = 1): Promise<void> {
    if (this.strikes >= times) return
    if (this.removed.aborted) throw this.#tooFew(times)
    const waiter = { ...Promise.withResolvers<void>(), times }
    this.#waiters.add(waiter)
    await waiter.promise
  }

  #tooFew(times: number): LocalEc2Error {
    return new LocalEc2Error(
      'FAULT_REMOVED',
      `the fault was removed after ${this.strikes} of ${times} strikes: ${JSON.stringify(this.fault)}`,
    )
  }
}
