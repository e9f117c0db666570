/** One ssh connection that is logged in, and the channels on it. */
import type { Client, ClientChannel } from 'ssh2'

import type { ChannelExit, ChannelOptions, OpenChannel } from './channels.ts'
import { execIn, isOpen, openAhead, socketOf } from './insides.ts'

// sshd allows 10 sessions on a connection (MaxSessions); a closed one frees its place only when its process has ended.
// Two stay free for what is urgent.
const maxChannels = 8

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
  #places = maxChannels
  #taken = 0
  /** The next command starts in it, and so costs one round trip instead of two. */
  #spare: Promise<ClientChannel> | undefined
  readonly #onFree: () => void

  /** @param onFree is told when a place has become free */
  constructor(client: Client, onFree: () => void) {
    this.client = client
    this.#onFree = onFree
    this.lost = new Promise((resolve) => {
      client.once('close', () => {
        this.isOver = true
        resolve()
      })
    })
    this.#openSpare()
  }

  get hasPlace(): boolean {
    return !this.isOver && this.#taken < this.#places
  }

  get isIdle(): boolean {
    return this.#taken === 0
  }

  end(): void {
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
    if (!urgent) this.#taken++
    const release = (): void => {
      if (urgent) return
      this.#taken--
      this.#openSpare()
      this.#onFree()
    }
    let channel: ClientChannel
    try {
      channel = await this.#channel(signal)
    } catch (error) {
      release()
      throw error
    }
    const opened = this.#start(channel, command, pty, release)
    this.#openSpare()
    return opened
  }

  async #channel(signal: AbortSignal | undefined): Promise<ClientChannel> {
    const ahead = this.#spare
    this.#spare = undefined
    const opening = this.#usable(ahead)
    if (signal === undefined) return opening
    const aborted = Promise.withResolvers<never>()
    const abort = (): void => aborted.reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      signal.throwIfAborted()
      return await Promise.race([opening, aborted.promise])
    } catch (error) {
      // No command has begun in it: it waits for the next one.
      opening.then(
        (channel) => this.#keep(channel),
        () => undefined,
      )
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  async #usable(ahead: Promise<ClientChannel> | undefined): Promise<ClientChannel> {
    const spare = await ahead?.catch(() => undefined)
    if (spare !== undefined && isOpen(spare)) return spare
    try {
      return await openAhead(this.client)
    } catch (error) {
      if (!isFull(error)) throw error
      this.#places = Math.max(1, this.#taken - 1)
      throw new SessionFull('sshd allows no more channels on this connection', { cause: error })
    }
  }

  #start(
    channel: ClientChannel,
    command: string,
    pty: ChannelOptions['pty'],
    release: () => void,
  ): OpenChannel {
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
      execIn(this.client, channel, command, pty, () => {
        if (this.isOver) return
        // As OpenSSH's client has it for failures of its own.
        seen = { exitCode: 255, signal: undefined }
        channel.stderr.push('sshd could not start the command\n')
        channel.close()
      })
    })
    return { channel, exit }
  }

  /** Keeps a channel open for the next command, where there is a place for it. */
  #openSpare(): void {
    if (this.#spare !== undefined || !this.hasPlace) return
    const spare = openAhead(this.client)
    this.#spare = spare
    spare.catch((error: unknown) => {
      // Now it is known how many there may be.
      if (isFull(error)) this.#places = Math.max(1, this.#taken)
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
