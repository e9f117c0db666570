import { setTimeout as sleep } from 'node:timers/promises'

import type { Client } from 'ssh2'

import { BenchawayError } from '../errors.ts'
import type { ChannelOptions, OpenChannel } from './channels.ts'
import type { Connection, SshTarget } from './connection.ts'
import { lost } from './lost.ts'
import { reach } from './reach.ts'
import { Session, SessionFull } from './session.ts'
import { unlessAborted } from './unless-aborted.ts'
import { within } from './within.ts'

// Thirty-two commands at a time; who wants more is better off with one that does it all.
const maxSessions = 4
// Short commands make room sooner than another login would.
const growAfterMs = 100
const loginMs = 10_000
// What would like a connection of its own does not wait longer for it.
const widenMs = 2000
const narrowMs = 60_000

/**
 * One connection, more while more commands run than it has places for or one of them is to have its own, and a new one
 * when it is lost.
 */
export class Sessions implements Connection {
  readonly target: SshTarget
  readonly closed: Promise<void>
  readonly #reconnectMs: number
  readonly #keepaliveMs: number
  readonly #lingerMs: number
  readonly #live = new Set<Session>()
  /** In the order in which they came. */
  readonly #waiting = new Set<() => void>()
  readonly #stop = new AbortController()
  readonly #end: () => void
  /** Connections on their way. */
  #growing = 0
  #widening: Promise<unknown> = Promise.resolve()
  /** A further login has failed: when another one is tried, by `performance.now()`. */
  #narrowUntil = 0
  /** Somebody else has answered at the address: nobody asks there again for another connection. */
  #isForeign = false
  #over: BenchawayError | undefined

  constructor(
    target: SshTarget,
    client: Client,
    options: { reconnectMs: number; keepaliveMs: number; lingerMs: number },
  ) {
    this.target = target
    this.#reconnectMs = options.reconnectMs
    this.#keepaliveMs = options.keepaliveMs
    this.#lingerMs = options.lingerMs
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.#end = resolve
    this.#add(client)
  }

  async openChannel(command: string, options: ChannelOptions = {}): Promise<OpenChannel> {
    const { signal, urgent = false, apart = false } = options
    // Without an await where one is idle: the next who asks must find it taken.
    let own = apart ? (this.#idle() ?? (await this.#widen(signal))) : undefined
    // Who has waited comes before who has just come.
    for (let isNext = urgent || this.#waiting.size === 0; ; isNext = true) {
      const session = own ?? (isNext ? this.#pick(urgent) : undefined)
      own = undefined
      if (session === undefined) {
        await this.#change(signal)
        continue
      }
      try {
        return await session.open(command, options)
      } catch (error) {
        signal?.throwIfAborted()
        if (error instanceof BenchawayError) throw error
        if (!(error instanceof SessionFull)) throw this.#lost(error)
        if (session.isBarred) throw this.#full(error)
        // Last words get a connection of their own.
        if (urgent && this.#growing === 0) await this.#grow()
        // What frees a place may have come before the refusal, so nobody waits for that alone.
        if (this.#pick(urgent) === session) await this.#pause(signal)
      }
    }
  }

  async client(signal?: AbortSignal): Promise<Client> {
    for (;;) {
      for (const session of this.#live) {
        if (!session.isThere) continue
        session.isHeld = true
        return session.client
      }
      // oxlint-disable-next-line no-await-in-loop -- until there is one
      await this.#change(signal)
    }
  }

  close(): void {
    this.#over ??= this.#lost(undefined)
    this.#stop.abort()
    if (this.#live.size === 0) this.#end()
    for (const session of this.#live) session.end()
    this.#wake()
  }

  #pick(urgent: boolean): Session | undefined {
    // The newest first for last words: an older one may be full.
    const sessions = urgent ? [...this.#live].toReversed() : this.#live
    for (const session of sessions) {
      if (session.hasPlace || (urgent && session.isThere)) return session
    }
    return undefined
  }

  /** Waits until there may be a place. */
  async #change(signal: AbortSignal | undefined): Promise<void> {
    if (this.#over) throw this.#over
    signal?.throwIfAborted()
    const grow = setTimeout(() => {
      if (this.#growing === 0 && !this.#isNarrow) void this.#grow()
    }, growAfterMs).unref()
    const woken = Promise.withResolvers<void>()
    const wake = (): void => woken.resolve()
    this.#waiting.add(wake)
    signal?.addEventListener('abort', wake, { once: true })
    await woken.promise
    clearTimeout(grow)
    signal?.removeEventListener('abort', wake)
    this.#waiting.delete(wake)
    // What woke it may be of use to the next.
    if (signal?.aborted) this.#wake(1)
    signal?.throwIfAborted()
    if (this.#over) throw this.#over
  }

  async #pause(signal: AbortSignal | undefined): Promise<void> {
    // An aborted sleep rejects with its own AbortError; the caller is owed `signal.reason`.
    await sleep(growAfterMs, undefined, { signal }).catch(() => signal?.throwIfAborted())
  }

  #wake(count: number = Number.POSITIVE_INFINITY): void {
    for (const wake of this.#waiting) {
      if (count-- <= 0) return
      this.#waiting.delete(wake)
      wake()
    }
  }

  #add(client: Client): Session {
    let idle: NodeJS.Timeout | undefined
    const linger = (): void => {
      clearTimeout(idle)
      idle = setTimeout(() => {
        const [first] = this.#live
        if (session.isIdle && session !== first) session.end()
      }, this.#lingerMs).unref()
    }
    const session = new Session(client, (places) => {
      if (session.isIdle) linger()
      this.#wake(places)
    })
    linger()
    this.#live.add(session)
    void session.lost.then(() => {
      clearTimeout(idle)
      this.#remove(session)
    })
    this.#wake()
    return session
  }

  #remove(session: Session): void {
    this.#live.delete(session)
    const [first] = this.#live
    if (!session.isEnded) for (const other of this.#live) other.doubt(other !== first)
    if (this.#live.size > 0) return
    if (this.#over) this.#end()
    else if (this.#reconnectMs === 0) this.#giveUp(session.whyLost())
    else void this.#reconnect()
  }

  async #reconnect(): Promise<void> {
    try {
      this.#add(await this.#login(this.#reconnectMs))
      this.#narrowUntil = 0
    } catch (error) {
      if (this.#live.size === 0) this.#giveUp(error)
    }
  }

  /** Another connection, unless there are as many as may be, or none, which is made by `#reconnect()`. */
  async #grow(): Promise<Session | undefined> {
    const { size } = this.#live
    if (this.#isForeign || size === 0 || size + this.#growing >= maxSessions) return undefined
    this.#growing++
    try {
      return this.#add(await this.#login(loginMs))
    } catch (error) {
      // There is a connection, whose places will come free.
      this.#narrowUntil = performance.now() + narrowMs
      this.#isForeign ||= error instanceof BenchawayError && error.code === 'HOST_KEY_MISMATCH'
      return undefined
    } finally {
      this.#growing--
    }
  }

  /**
   * Another connection, if it comes soon; a late one waits for the next who asks. One after the other, and none for a
   * while after one that failed: sshd counts failures, and would shut us out.
   */
  async #widen(signal: AbortSignal | undefined): Promise<Session | undefined> {
    const widening = this.#widening.then(() => (this.#isNarrow ? undefined : this.#grow()))
    this.#widening = widening
    return unlessAborted(within(widenMs, [widening]), signal)
  }

  get #isNarrow(): boolean {
    return performance.now() < this.#narrowUntil
  }

  /** A connection besides the first that nothing uses. */
  #idle(): Session | undefined {
    return [...this.#live].slice(1).find((session) => session.isIdle && session.hasPlace)
  }

  async #login(timeoutMs: number): Promise<Client> {
    const { signal } = this.#stop
    const client = await reach(this.target, { timeoutMs, keepaliveMs: this.#keepaliveMs, signal })
    if (!signal.aborted) return client
    client.end()
    throw new Error('closed')
  }

  #giveUp(cause: unknown): void {
    this.#over ??= this.#lost(cause)
    // One that is on its way would be nobody's.
    this.#stop.abort()
    this.#end()
    this.#wake()
  }

  #lost(cause: unknown): BenchawayError {
    return lost(this.target, cause)
  }

  #full(cause: unknown): BenchawayError {
    const { host, port } = this.target
    return new BenchawayError('SSH_FULL', `sshd at ${host} port ${port} allows no command`, {
      hint: 'Check MaxSessions in its sshd_config: it has to be 1 at least.',
      cause,
    })
  }
}
