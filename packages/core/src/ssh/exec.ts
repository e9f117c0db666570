import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { checkOptions, isMs, isWhole } from '../check-options.ts'
import { messageOf } from '../errors.ts'
import type { ChannelExit, OpenChannel } from './channels.ts'
import { CommandError, type CommandResult, commandLine, shortCommand } from './command.ts'
import type { Connection } from './connection.ts'

export interface ExecOptions {
  /** What the command reads. @default nothing: it sees an end of file at once */
  stdin?: string | Uint8Array | Readable | undefined
  /** After this many milliseconds the command is killed. @default no limit */
  timeoutMs?: number | undefined
  /** Kills the command. */
  signal?: AbortSignal | undefined
  /**
   * More than this on stdout or on stderr kills the command, in bytes.
   * @default 10_485_760
   */
  maxOutputBytes?: number | undefined
}

// More would overflow Node's timers, which then fire at once.
const longest = 2 ** 31 - 1

/**
 * Runs a command and collects what it prints.
 *
 * @param urgent does not wait in line when the connection is busy
 * @throws {CommandError} `COMMAND_FAILED` on a non-zero exit code or a signal, `COMMAND_TIMED_OUT`,
 *   `OUTPUT_TOO_LARGE`, `TRANSFER_FAILED` when the input broke off, or `CONNECTION_LOST`: a lost connection never
 *   looks like success
 */
export async function exec(
  connection: Connection,
  command: string | readonly string[],
  options: ExecOptions = {},
  urgent = false,
): Promise<CommandResult> {
  checkOptions('exec()', options, {
    stdin: [
      (value) =>
        typeof value === 'string' || value instanceof Uint8Array || value instanceof Readable,
      'a string, bytes or a readable stream',
    ],
    timeoutMs: [isMs(0, longest), `milliseconds up to ${longest}`],
    signal: [(value) => value instanceof AbortSignal, 'an AbortSignal'],
    maxOutputBytes: [isWhole(0, 2 ** 29), 'a whole number of bytes up to 536870912'],
  })
  const { stdin, timeoutMs, signal, maxOutputBytes = 10 * 1024 * 1024 } = options
  const line = commandLine(command)
  const name = `'${shortCommand(line)}' on ${connection.target.host}`
  const started = performance.now()
  const finish = (ended: ChannelExit, stdout = '', stderr = ''): CommandResult => ({
    command: line,
    ...ended,
    stdout,
    stderr,
    durationMs: performance.now() - started,
  })

  signal?.throwIfAborted()
  // Runs from the beginning: a connection whose places are all taken counts as well.
  const stop = new AbortController()
  let timedOut = false
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true
          stop.abort()
        }, timeoutMs)
  const abort = (): void => stop.abort()
  signal?.addEventListener('abort', abort, { once: true })
  const timeOut = (result: CommandResult): CommandError =>
    new CommandError('COMMAND_TIMED_OUT', `${name} did not end in ${timeoutMs} ms`, result)

  const input = stdin instanceof Readable ? hold(stdin) : undefined
  try {
    const { channel, exit }: OpenChannel = await connection
      .openChannel(line, { signal: stop.signal, urgent })
      .catch((error: unknown) => {
        signal?.throwIfAborted()
        throw timedOut ? timeOut(finish(never)) : error
      })

    const killed = Promise.withResolvers<ChannelExit>()
    const kill = (): void => {
      channel.signal('KILL')
      channel.close()
      // sshd passes no signal on for root and ends the channel only with the process, which nobody may wait for.
      setTimeout(killed.resolve, 1000, never).unref()
    }
    if (stop.signal.aborted) kill()
    stop.signal.addEventListener('abort', kill, { once: true })
    let tooLarge: string | undefined
    const collect = (stream: Readable, which: string): (() => string) => {
      const chunks: Buffer[] = []
      let size = 0
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size <= maxOutputBytes) chunks.push(chunk)
        else if (tooLarge === undefined) {
          tooLarge = which
          kill()
        }
      })
      return () => Buffer.concat(chunks).toString()
    }
    const stdout = collect(channel, 'stdout')
    const stderr = collect(channel.stderr, 'stderr')

    // A command may end without reading all of its input; only its exit code says whether that was a failure.
    let unread: unknown
    if (input) {
      void input.broken.then(kill)
      pipeline(input.stream, channel).catch((error: unknown) => {
        unread = error
      })
    } else if (!(stdin instanceof Readable)) channel.end(stdin)

    const ended = await Promise.race([exit, killed.promise])
    signal?.throwIfAborted()
    const result = finish(ended, stdout(), stderr())
    const broken = input?.error()
    if (broken !== undefined) {
      const reason = `the input of ${name} broke off: ${messageOf(broken)}`
      throw new CommandError('TRANSFER_FAILED', reason, result, broken)
    }
    if (tooLarge !== undefined) {
      const reason = `${name} printed more than ${maxOutputBytes} bytes on ${tooLarge}`
      throw new CommandError('OUTPUT_TOO_LARGE', reason, result)
    }
    if (timedOut) throw timeOut(result)
    if (ended.signal !== undefined) {
      throw new CommandError('COMMAND_FAILED', `${name} was ended by SIG${ended.signal}`, result)
    }
    if (ended.exitCode === undefined) {
      const reason = `${name} was cut off: the ssh connection is gone`
      throw new CommandError('CONNECTION_LOST', reason, result, unread)
    }
    if (ended.exitCode !== 0) {
      const reason = `${name} ended with exit code ${ended.exitCode}`
      throw new CommandError('COMMAND_FAILED', reason, result, unread)
    }
    return result
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
    input?.stream.destroy()
    // An open file whose rest nobody reads would stay open.
    if (stdin instanceof Readable) stdin.destroy()
  }
}

const never: ChannelExit = { exitCode: undefined, signal: undefined }

interface Held {
  readonly stream: PassThrough
  /** Resolves when the source breaks off, if ever it does. */
  readonly broken: Promise<void>
  /** Why it broke off. */
  error(): Error | undefined
}

/** Reads from `source` at once: Node throws the output of a child process away that ends before anybody does. */
function hold(source: Readable): Held {
  const stream = new PassThrough()
  const broken = Promise.withResolvers<void>()
  let why: Error | undefined
  const breakOff = (error: Error): void => {
    // A command that ended first no longer wants it.
    if (stream.destroyed) return
    why = error
    stream.destroy()
    broken.resolve()
  }
  const closed = (): void => {
    if (!source.readableEnded) breakOff(new Error('it was closed before its end'))
  }
  source.once('error', breakOff)
  source.once('close', closed)
  if (source.destroyed) closed()
  source.pipe(stream)
  return { stream, broken: broken.promise, error: () => why }
}
