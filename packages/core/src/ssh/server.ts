import { checkOptions, type OptionRule } from '../check-options.ts'
import { BenchawayError } from '../errors.ts'
import type { ChannelExit } from './channels.ts'
import type { Connection } from './connection.ts'
import { type FarSession, signalSession, type StopSignal, stopSignals } from './far-kill.ts'
import { isLost, sweep } from './kill.ts'
import { hintWhenLost } from './lost.ts'
import { msRule } from './run-options.ts'
import type { Run } from './run.ts'
import type { Tail } from './tail.ts'
import { within } from './within.ts'

export interface StopOptions {
  /** What it is asked with. @default 'TERM' */
  signal?: StopSignal | undefined
  /** How long it may take to end before it is killed, in milliseconds. @default 5000 */
  graceMs?: number | undefined
}

export interface ServerExit extends ChannelExit {
  /** Nobody knows how it ended, or whether: the connection was lost. */
  readonly lost: boolean
}

const rules: { readonly [K in keyof Required<StopOptions>]: OptionRule } = {
  signal: [
    (value) => stopSignals.some((name) => name === value),
    `one of ${stopSignals.join(', ')}`,
  ],
  graceMs: msRule,
}

/** A server that runs on a machine. `await using` stops it. */
export class Server implements AsyncDisposable {
  /** Of the first process on the machine: the server itself, or the shell or the sudo before it. */
  readonly pid: number
  /**
   * Resolves when it has ended, in whatever way. Never rejects. When the connection is lost it counts as lost at once,
   * even if the connection comes back, because nobody reads its log any more. Whether it dies of that is its own
   * matter: the machine closes its stdin and its outputs, and does nothing else to it.
   */
  readonly exit: Promise<ServerExit>
  readonly #connection: Connection
  readonly #run: Run
  readonly #session: FarSession
  readonly #log: Tail

  constructor(
    connection: Connection,
    run: Run,
    session: FarSession,
    log: Tail,
    ended: Promise<ChannelExit>,
  ) {
    this.pid = Number(session.id)
    this.exit = ended.then((end) => ({
      ...end,
      lost: isLost(end) && (!run.isStopped || run.isLeft),
    }))
    this.#connection = connection
    this.#run = run
    this.#session = session
    this.#log = log
  }

  /** What it has printed on both outputs, in the order in which it came: the last `maxLogBytes`, decoded as UTF-8. */
  log(): string {
    return this.#log.text()
  }

  /**
   * Ends it with everything that it has started: asks first, and kills what is left once it has ended or its time is up.
   * Reaches a server that was lost over the new connection, if there is one. Safe to call twice.
   *
   * @throws {BenchawayError} `CONNECTION_LOST` when it was lost and cannot be reached: it may still run
   */
  async stop(options: StopOptions = {}): Promise<ServerExit> {
    checkOptions('stop()', options, rules)
    const { signal = 'TERM', graceMs = 5000 } = options
    if (!this.#run.isOver && signal !== 'KILL') {
      // Whoever cannot be asked is killed.
      await signalSession(this.#connection, this.#session, signal).catch(() => undefined)
      await within(graceMs, [this.exit])
    }
    this.#run.stop({ error: undefined })
    const exit = await this.exit
    const isGone = this.#run.isStopped
      ? !this.#run.isLeft
      : await sweep(this.#connection, this.#session)
    if (exit.lost && !isGone) {
      const { host, port } = this.#connection.target
      throw new BenchawayError(
        'CONNECTION_LOST',
        `${this.#run.name} may still run: the ssh connection to ${host} port ${port} is gone`,
        { hint: hintWhenLost },
      )
    }
    return exit
  }

  /** Stops it; a server that cannot be reached any more is left to its machine. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.stop()
    } catch (error) {
      if (!(error instanceof BenchawayError) || error.code !== 'CONNECTION_LOST') throw error
    }
  }
}
