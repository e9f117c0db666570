/** How long to wait before the next login, so that nobody is locked out and little time is lost. */
import { BenchawayError } from '../errors.ts'
import { TurnedAway } from './login.ts'

// A connection that the kernel refuses costs sshd nothing, and us a millisecond.
const refusedMs = 50
const silentMs = 1000
// From 9.8 on sshd gives 5 s of penalty for a login that fails, and shuts out who has gathered 15 s: three with a second
// in between are allowed, and from then on one each 5 s.
const few = 3
const fewFailedMs = 1000
const manyFailedMs = 5000

export class Pauses {
  #failed = 0
  #nextMs = 10

  /** @returns `undefined` when the next login would end no better */
  after(error: unknown): number | undefined {
    if (error instanceof TurnedAway) return this.#afterFailed()
    if (error instanceof BenchawayError) {
      if (error.code !== 'SSH_REFUSED') return undefined
      // sshd knows all keys before it listens; twice more, for an image that is different.
      const pauseMs = this.#afterFailed()
      return this.#failed < few ? pauseMs : undefined
    }
    const isRefused = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'
    const pauseMs = Math.min(this.#nextMs, isRefused ? refusedMs : silentMs)
    this.#nextMs = pauseMs * 1.5
    return pauseMs
  }

  #afterFailed(): number {
    return ++this.#failed < few ? fewFailedMs : manyFailedMs
  }
}
