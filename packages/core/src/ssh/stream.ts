import { checkOptions, isWhole, type OptionRule } from '../check-options.ts'
import type { ChannelExit } from './channels.ts'
import type { Connection } from './connection.ts'
import { LineSplitter } from './line-splitter.ts'
import { msRule, type RunOptions, runRules } from './run-options.ts'
import { type OutputName, Run } from './run.ts'
import { Tail } from './tail.ts'

export interface StreamOptions extends RunOptions {
  /** After this many milliseconds the command is killed with everything that it has started. @default no limit */
  timeoutMs?: number | undefined
  /**
   * A longer line kills the command, in bytes.
   * @default 1_048_576
   */
  maxLineBytes?: number | undefined
}

export interface OutputLine {
  readonly stream: OutputName
  /** Decoded as UTF-8, without its `\n`, and without the `\r` before it that a terminal adds. */
  readonly line: string
}

const rules: { readonly [K in keyof Required<StreamOptions>]: OptionRule } = {
  ...runRules,
  timeoutMs: msRule,
  maxLineBytes: [isWhole(1, 2 ** 28), 'a whole number of bytes from 1 to 268435456'],
}

// What waits here to be asked for, besides the 2 MiB that ssh buffers.
const queueBytes = 256 * 1024
// What an error shows of an output that was given out already.
const tailBytes = 16 * 1024

/**
 * Runs a command and yields the lines of both streams as they come, the last one also when nothing ends it. The command
 * starts when the first line is asked for, waits while nobody asks for more, and is killed when the loop is left.
 *
 * @throws {CommandError} what `exec()` throws, when all lines before it were yielded; its `stdout` and `stderr` are the
 *   last 16 KiB. `OUTPUT_TOO_LARGE` for a line of more than `maxLineBytes`
 */
export function stream(
  connection: Connection,
  command: string | readonly string[],
  options: StreamOptions = {},
): AsyncGenerator<OutputLine, void, undefined> {
  checkOptions('stream()', options, rules)
  return lines(connection, command, options)
}

async function* lines(
  connection: Connection,
  command: string | readonly string[],
  options: StreamOptions,
): AsyncGenerator<OutputLine, void, undefined> {
  const { maxLineBytes = 1024 * 1024, pty = false, ...request } = options
  const queue = new Queue(pty !== false)
  const tails = { stdout: new Tail(tailBytes), stderr: new Tail(tailBytes) }
  const splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() }
  const take = (name: OutputName, chunk: Buffer): void => {
    tails[name].add(chunk)
    const found = splitters[name].push(chunk)
    const longest = Math.max(splitters[name].pending, longestOf(found, maxLineBytes))
    if (longest > maxLineBytes) {
      const reason = `${run.name} printed a line of more than ${maxLineBytes} bytes on ${name}`
      run.stop({ code: 'OUTPUT_TOO_LARGE', reason })
    } else if (queue.add(name, found) > queueBytes) run.pause()
  }
  const run = new Run('stream()', connection, command, { ...request, pty }, take)
  let ended: ChannelExit | undefined
  try {
    await run.begin()
    void run.end().then((end) => {
      ended = end
      for (const name of ['stdout', 'stderr'] as const) {
        const rest = splitters[name].rest()
        if (rest !== undefined && rest.length <= maxLineBytes) queue.add(name, [rest])
      }
      queue.wake()
    })
    for (;;) {
      if (options.signal?.aborted) queue.clear()
      const next = queue.next()
      if (next !== undefined) {
        yield next
        continue
      }
      if (ended !== undefined) break
      run.resume()
      // oxlint-disable-next-line no-await-in-loop -- the next line comes when it comes
      await queue.more()
    }
    run.settle(ended ?? (await run.end()), tails.stdout.text(), tails.stderr.text())
  } finally {
    // The loop was left.
    run.stop({ error: undefined })
    await run.end()
    run.release()
  }
}

/** Bytes of the longest line, as far as it matters whether they are more than `limit`. */
function longestOf(found: readonly string[], limit: number): number {
  let longest = 0
  for (const line of found) {
    // No character of JavaScript's takes more than three.
    if (line.length * 3 > limit) longest = Math.max(longest, Buffer.byteLength(line))
  }
  return longest
}

// What an empty line takes of memory.
const lineBytes = 64

/** Lines that nobody has asked for yet. */
class Queue {
  readonly #isTerminal: boolean
  #lines: OutputLine[] = []
  #at = 0
  #bytes = 0
  #waiting: (() => void) | undefined

  constructor(isTerminal: boolean) {
    this.#isTerminal = isTerminal
  }

  /** @returns about how many bytes wait now */
  add(name: OutputName, found: readonly string[]): number {
    for (const line of found) {
      const text = this.#isTerminal && line.endsWith('\r') ? line.slice(0, -1) : line
      this.#lines.push({ stream: name, line: text })
      this.#bytes += line.length + lineBytes
    }
    if (found.length > 0) this.wake()
    return this.#bytes
  }

  next(): OutputLine | undefined {
    const line = this.#lines[this.#at++]
    if (line === undefined) this.clear()
    return line
  }

  clear(): void {
    this.#lines = []
    this.#at = 0
    this.#bytes = 0
  }

  /** Resolves when there may be more. */
  more(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  wake(): void {
    this.#waiting?.()
    this.#waiting = undefined
  }
}
