/** A script on the machine that is talked to while it runs: lines and records from there, anything from here. */
import type { ChannelExit, OpenChannel } from '../channels.ts'
import type { CommandResult } from '../command.ts'
import type { Connection } from '../connection.ts'

// A machine that says nothing for so long is not waited for when all is over anyway.
const farewellMs = 5000

const unheard: ChannelExit = { exitCode: undefined, signal: undefined }

export class Talk {
  readonly #channel: OpenChannel['channel']
  readonly #script: string
  readonly #started = performance.now()
  /** How it ended; both fields undefined when the connection was lost, or when it was stopped. Never rejects. */
  readonly exit: Promise<ChannelExit>
  readonly #exit: Promise<ChannelExit>
  #stdout: Buffer[] = []
  #stderr = ''
  #firstWordMs: number | undefined
  #isOver = false
  readonly #over = Promise.withResolvers<void>()
  #wake = Promise.withResolvers<void>()

  static async open(
    connection: Connection,
    script: string,
    options: { signal?: AbortSignal | undefined; urgent?: boolean } = {},
  ): Promise<Talk> {
    return new Talk(script, await connection.openChannel(script, options))
  }

  private constructor(script: string, { channel, exit }: OpenChannel) {
    this.#script = script
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
      this.#stdout.push(chunk)
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

  /** What comes before the next `mark`, as latin1 for bytes; undefined when it ended without one. */
  async until(mark: string): Promise<string | undefined> {
    for (;;) {
      const all = Buffer.concat(this.#stdout)
      const at = all.indexOf(mark, 0, 'latin1')
      if (at !== -1) {
        this.#stdout = [all.subarray(at + mark.length)]
        return all.toString('latin1', 0, at)
      }
      if (this.#isOver) return undefined
      this.#stdout = [all]
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
    const lines = Buffer.concat(this.#stdout).toString('latin1').split('\n')
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

  #age(): number {
    return performance.now() - this.#started
  }
}

/** Id of the process on the machine that waits for another try. */
export function waiterOf(words: readonly string[]): string | undefined {
  return words.map((word) => /^waiter (\d+)$/.exec(word)?.[1]).find((id) => id !== undefined)
}
