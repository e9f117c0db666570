/** One ssh connection that is logged in, and the channels on it. */
import type { Client, ClientChannel } from 'ssh2'

import { BenchawayError } from '../errors.ts'
import type { ChannelExit, ChannelOptions, OpenChannel, Pty } from './channels.ts'
import {
  askWhetherThere,
  execIn,
  hasTerminal,
  isOpen,
  openAhead,
  signalIn,
  socketOf,
} from './insides.ts'
import { unlessAborted } from './unless-aborted.ts'

// sshd allows 10 sessions on a connection (MaxSessions); a closed one frees its place only when its process has ended.
const usualLimit = 10
// Stay free for what is urgent.
const kept = 2
// How long the far side may take to hang up when we do.
const goodbyeMs = 2000

/** sshd has no place for another channel; there will be one when a channel closes. */
export class SessionFull extends Error {
  override readonly name: string = 'SessionFull'
}

export class Session {
  readonly client: Client
  /** Resolves when the connection is gone. Never rejects. */
  readonly lost: Promise<void>
  /** Lost, or about to be by our own wish. */
  isOver = false
  /** Carries what is no command, and what that is nobody counts. */
  isHeld = false
  #isEnded = false
  #isInDoubt = false
  /** How many channels sshd allows on it, as far as is known. */
  #limit = usualLimit
  /** It allows one at least if it ever has. */
  #least = 0
  /** Channels that are open or on their way. */
  #open = 0
  /** Places of commands that are no urgent ones. */
  #taken = 0
  #urgent = 0
  /** The next command starts in it, and so costs one round trip instead of two. */
  #spare: Promise<ClientChannel> | undefined
  /** What ssh2 has said when it was lost. */
  #error: Error | undefined
  readonly #onFree: (places: number) => void

  /** @param onFree is told when something has ended, and how many places may have become free */
  constructor(client: Client, onFree: (places: number) => void) {
    this.client = client
    this.#onFree = onFree
    client.on('error', (error: Error) => {
      this.#error = error
    })
    this.lost = new Promise((resolve) => {
      client.once('close', () => {
        this.isOver = true
        resolve()
      })
    })
    this.#openSpare()
  }

  /** As far as is known. */
  get isThere(): boolean {
    return !this.isOver && !this.#isInDoubt
  }

  get hasPlace(): boolean {
    return this.isThere && this.#taken < Math.max(1, this.#limit - kept)
  }

  get isIdle(): boolean {
    return !this.isHeld && this.#taken + this.#urgent === 0
  }

  /** Whether that it is over was our own wish. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Whether sshd has refused a channel when there was none. */
  get isBarred(): boolean {
    return this.#limit === 0
  }

  /** Why it was lost, as far as ssh2 knows. */
  readonly whyLost = (): Error | undefined => this.#error

  /**
   * What has broken another connection to the machine may have broken this one: nothing is started over it before it
   * has answered.
   *
   * @param mayEnd it goes when it is of no use now
   */
  doubt(mayEnd: boolean): void {
    if (this.isOver) return
    if (mayEnd && this.isIdle) {
      this.#isEnded = true
      this.isOver = true
      socketOf(this.client).destroy()
    } else if (!this.#isInDoubt) {
      this.#isInDoubt = true
      askWhetherThere(this.client, () => {
        this.#isInDoubt = false
        this.#onFree(Number.POSITIVE_INFINITY)
      })
    }
  }

  end(): void {
    this.#isEnded = true
    this.isOver = true
    this.client.end()
    // Nobody asks a silent machine any more whether it is still there, and the process would wait for it.
    const silence = setTimeout(() => socketOf(this.client).destroy(), goodbyeMs).unref()
    void this.lost.then(() => clearTimeout(silence))
  }

  /**
   * Starts a command. A place is held until its channel has closed.
   *
   * @throws {SessionFull} when sshd allows fewer channels than there are places
   * @throws {Error} ssh2's, when the connection is lost first
   */
  async open(command: string, options: ChannelOptions): Promise<OpenChannel> {
    const { signal, urgent = false, pty } = options
    if (urgent) this.#urgent++
    else this.#taken++
    const release = (): void => {
      if (urgent) this.#urgent--
      else {
        this.#taken--
        this.#openSpare()
      }
      this.#onFree(urgent ? 0 : 1)
    }
    try {
      const channel = await this.#channel(signal)
      if (pty !== undefined) await this.#askForTerminal(channel, pty)
      // What is sent over a connection that is gone is never answered.
      if (this.isOver) throw new Error('the connection is gone')
      const opened = this.#start(channel, command, release)
      this.#openSpare()
      return opened
    } catch (error) {
      release()
      throw error
    }
  }

  async #channel(signal: AbortSignal | undefined): Promise<ClientChannel> {
    const ahead = this.#spare
    this.#spare = undefined
    const opening = this.#usable(ahead)
    try {
      return await unlessAborted(opening, signal)
    } catch (error) {
      // No command has begun in it: it waits for the next one.
      opening.then(
        (channel) => this.#keep(channel),
        () => undefined,
      )
      throw error
    }
  }

  async #usable(ahead: Promise<ClientChannel> | undefined): Promise<ClientChannel> {
    const spare = await ahead?.catch(() => undefined)
    if (this.isOver) throw new Error('the connection is gone')
    if (spare !== undefined && isOpen(spare)) return spare
    try {
      return await this.#openAhead()
    } catch (error) {
      if (!isFull(error)) throw error
      throw new SessionFull('sshd allows no more channels on this connection', { cause: error })
    }
  }

  async #openAhead(): Promise<ClientChannel> {
    const before = this.#open++
    try {
      const channel = await openAhead(this.client)
      this.#least = 1
      channel.once('close', () => this.#open--)
      return channel
    } catch (error) {
      this.#open--
      // Now it is known how many there may be. What was open then may have closed since, and what had just closed still
      // counts for sshd when that and the question reach it together.
      if (isFull(error)) this.#limit = Math.min(this.#limit, Math.max(before, this.#least))
      throw error
    }
  }

  async #askForTerminal(channel: ClientChannel, pty: Pty): Promise<void> {
    if (await hasTerminal(this.client, channel, pty)) return
    channel.close()
    throw new BenchawayError('COMMAND_NOT_STARTED', 'sshd gives no terminal', {
      hint: 'Leave the option `pty` out, or check PermitTTY in its sshd_config.',
    })
  }

  #start(channel: ClientChannel, command: string, release: () => void): OpenChannel {
    // `exit` of a quick command comes in the tick of its answer: a listener after an await would miss it.
    const exit = new Promise<ChannelExit>((resolve) => {
      let seen: ChannelExit = { exitCode: undefined, signal: undefined }
      channel.once('exit', (code: number | null, name?: string) => {
        seen = { exitCode: code ?? undefined, signal: name?.replace(/^SIG/, '') }
      })
      channel.once('close', () => {
        release()
        // sshd tells how a command ended before the last of its output: who is cut off in between has not got all.
        resolve(socketOf(this.client).destroyed ? { exitCode: undefined, signal: undefined } : seen)
      })
      execIn(this.client, channel, command, () => {
        if (this.isOver || !isOpen(channel)) return
        // As OpenSSH's client has it for failures of its own.
        seen = { exitCode: 255, signal: undefined }
        channel.stderr.push('sshd could not start the command\n')
        channel.close()
      })
    })
    const { whyLost } = this
    return { channel, exit, whyLost, signal: (name) => signalIn(this.client, channel, name) }
  }

  /** Keeps a channel open for the next command, where there is a place for it. */
  #openSpare(): void {
    if (this.#spare !== undefined || this.isBarred || !this.hasPlace) return
    const spare = this.#openAhead()
    this.#spare = spare
    spare.catch(() => {
      if (this.#spare === spare) this.#spare = undefined
    })
  }

  #keep(channel: ClientChannel): void {
    if (this.#spare === undefined && isOpen(channel)) this.#spare = Promise.resolve(channel)
    else channel.close()
  }
}

/** Only what sshd has answered has a reason: a lost connection has none. */
function isFull(error: unknown): boolean {
  return error instanceof Error && 'reason' in error && typeof error.reason === 'number'
}
