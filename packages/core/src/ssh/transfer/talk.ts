/** A script on the machine that is talked to while it runs: lines and records from there, anything from here. */
import type { ChannelExit, ChannelOptions, OpenChannel } from '../channels.ts'
import type { CommandResult } from '../command.ts'
import type { Connection } from '../connection.ts'
import { tooMuch } from './push-failure.ts'

// A machine that says nothing for so long is not waited for when all is over anyway.
const farewellMs = 5000
// Some words of ours, and what start-up files print.
const usualBytes = 2 ** 20

const unheard: ChannelExit = { exitCode: undefined, signal: undefined }

export class Talk {
  readonly #channel: OpenChannel['channel']
  readonly #script: string
  readonly #host: string
  readonly #started = performance.now()
  /** How it ended; both fields undefined when the connection was lost, or when it was stopped. Never rejects. */
  readonly exit: Promise<ChannelExit>
  readonly #exit: Promise<ChannelExit>
  /** What nobody has read yet, and room for more behind it. */
  #stdout: Buffer = Buffer.alloc(0)
  #unread = 0
  #mostBytes = usualBytes
  #isTooMuch = false
  #stderr = ''
  #firstWordMs: number | undefined
  #isOver = false
  readonly #over = Promise.withResolvers<void>()
  #wake = Promise.withResolvers<void>()

  static async open(
    connection: Connection,
    script: string,
    options: Omit<ChannelOptions, 'pty'> = {},
  ): Promise<Talk> {
    const opened = await connection.openChannel(script, options)
    return new Talk(script, connection.target.host, opened)
  }

  private constructor(script: string, host: string, { channel, exit }: OpenChannel) {
    this.#script = script
    this.#host = host
    this.#channel = channel
    let ended = unheard
    this.#exit = exit.then((heard) => {
      ended = heard
      this.stop()
      return heard
    })
    this.exit = this.#over.promise.then(() => ended)
    channel.on('data', (chunk: Buffer) => {
      this.#firstWordMs ??= this.#age()
      this.#hear(chunk)
      this.#wake.resolve()
    })
    channel.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-4096)
    })
    // Its end says more than a write that failed because of it.
    channel.on('error', () => undefined)
  }

  /** It has ended, or its connection is lost, or we have lost interest. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Whether a program has said anything on stderr, beginning with its name. */
  complains(program: string): boolean {
    return this.#stderr.includes(`${program}: `)
  }

  /** How long its first answer took, or has taken until now. */
  get firstWordMs(): number {
    return this.#firstWordMs ?? this.#age()
  }

  /**
   * Resolves when there is room for more.
   *
   * @param sent called once the bytes are on their way, within what the far side has promised to take
   */
  async write(bytes: Uint8Array | string, sent?: () => void): Promise<void> {
    if (this.#isOver || !this.#channel.writable) return
    const hasRoom = this.#channel.write(bytes, (error) => {
      if (!error) sent?.()
    })
    if (hasRoom) return
    const drained = Promise.withResolvers<void>()
    this.#channel.once('drain', drained.resolve)
    await Promise.race([drained.promise, this.#over.promise])
    this.#channel.off('drain', drained.resolve)
  }

  /** Nobody here waits for it any more. */
  stop(): void {
    this.#isOver = true
    this.#over.resolve()
    this.#wake.resolve()
  }

  /** The far side reads an end of file. */
  end(): void {
    this.#channel.end()
  }

  /** Ends it, and waits for that as long as is sensible. */
  async leave(): Promise<ChannelExit> {
    this.stop()
    this.end()
    const late = Promise.withResolvers<ChannelExit>()
    const timer = setTimeout(late.resolve, farewellMs, unheard)
    const ended = await Promise.race([this.#exit, late.promise])
    clearTimeout(timer)
    this.#channel.close()
    return ended
  }

  /** So many bytes more than words take are an answer that is expected. */
  expect(bytes: number): void {
    this.#mostBytes = usualBytes + bytes
  }

  /**
   * What comes before the next `mark`, as latin1 for bytes; undefined when it ended without one.
   *
   * @throws {BenchawayError} `TRANSFER_FAILED` when more came than is expected
   */
  async until(mark: string): Promise<string | undefined> {
    for (let searched = 0; ;) {
      const all = this.#stdout.subarray(0, this.#unread)
      const at = all.indexOf(mark, searched, 'latin1')
      if (at !== -1) {
        this.#stdout = all.subarray(at + mark.length)
        this.#unread = this.#stdout.length
        return all.toString('latin1', 0, at)
      }
      if (this.#isTooMuch) throw tooMuch(this.#host)
      if (this.#isOver) return undefined
      searched = Math.max(0, all.length - mark.length + 1)
      this.#wake = Promise.withResolvers()
      // oxlint-disable-next-line no-await-in-loop -- for the next piece
      await this.#wake.promise
    }
  }

  /** The next line that is ours: what a user's start-up files print is not. */
  async word(tag: string): Promise<string | undefined> {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- line by line
      const line = await this.until('\n')
      if (line === undefined) return undefined
      const at = line.indexOf(`${tag} `)
      if (at !== -1) return line.slice(at + tag.length + 1)
    }
  }

  /** Lines of ours that nobody has read. */
  unread(tag: string): string[] {
    const lines = this.#stdout.toString('latin1', 0, this.#unread).split('\n')
    return lines.slice(0, -1).flatMap((line) => line.split(`${tag} `)[1] ?? [])
  }

  /** As a command that was run. */
  result(ended: ChannelExit): CommandResult {
    return {
      command: this.#script,
      ...ended,
      stdout: '',
      stderr: this.#stderr,
      durationMs: this.#age(),
    }
  }

  #hear(chunk: Buffer): void {
    const length = this.#unread + chunk.length
    // Dropped rather than left in the channel, whose end would never be heard.
    this.#isTooMuch ||= length > this.#mostBytes
    if (this.#isTooMuch) return
    if (length > this.#stdout.length) {
      const room = Buffer.allocUnsafeSlow(2 * length)
      this.#stdout.copy(room, 0, 0, this.#unread)
      this.#stdout = room
    }
    chunk.copy(this.#stdout, this.#unread)
    this.#unread = length
  }

  #age(): number {
    return performance.now() - this.#started
  }
}

/** Id of the process on the machine that waits for another try. */
export function waiterOf(words: readonly string[]): string | undefined {
  return words.map((word) => /^waiter (\d+)$/.exec(word)?.[1]).find((id) => id !== undefined)
}
