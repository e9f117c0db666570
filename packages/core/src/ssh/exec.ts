import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { CommandError, type CommandResult, commandLine, shortCommand } from './command.ts'
import type { ChannelExit, Connection } from './connection.ts'

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

/**
 * Runs a command and collects what it prints.
 *
 * @throws {CommandError} `COMMAND_FAILED` on a non-zero exit code or a signal, `COMMAND_TIMED_OUT`,
 *   `OUTPUT_TOO_LARGE`, `TRANSFER_FAILED` when the input broke off, or `CONNECTION_LOST`: a lost connection never looks like success
 */
export async function exec(
  connection: Connection,
  command: string | readonly string[],
  options: ExecOptions = {},
): Promise<CommandResult> {
  const { stdin, timeoutMs, signal, maxOutputBytes = 10 * 1024 * 1024 } = options
  const line = commandLine(command)
  signal?.throwIfAborted()
  const started = performance.now()
  // Read from at once: Node throws the output of a child process away that ends before anybody reads it.
  const input = stdin instanceof Readable ? new PassThrough() : undefined
  let broken: Error | undefined
  if (stdin instanceof Readable && input) {
    stdin.once('error', (error) => {
      broken = error
      input.end()
    })
    stdin.pipe(input)
  }
  const { channel, exit } = await connection.openChannel(line)

  const killed = Promise.withResolvers<ChannelExit>()
  const kill = (): void => {
    channel.signal('KILL')
    channel.close()
    // sshd passes no signal on for root and ends the channel only with the process, which nobody may wait for.
    setTimeout(killed.resolve, 1000, { exitCode: undefined, signal: undefined }).unref()
  }
  let tooLarge: string | undefined
  const collect = (name: string, stream: Readable): (() => string) => {
    const chunks: Buffer[] = []
    let size = 0
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= maxOutputBytes) chunks.push(chunk)
      else if (tooLarge === undefined) {
        tooLarge = name
        kill()
      }
    })
    return () => Buffer.concat(chunks).toString()
  }
  const stdout = collect('stdout', channel)
  const stderr = collect('stderr', channel.stderr)

  let timedOut = false
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true
          kill()
        }, timeoutMs)
  signal?.addEventListener('abort', kill, { once: true })

  // A command may end without reading all of its input; only its exit code says whether that was a failure.
  let unread: unknown
  if (input) {
    pipeline(input, channel).catch((error: unknown) => {
      unread = error
    })
  } else {
    channel.end(stdin)
  }

  const ended = await Promise.race([exit, killed.promise])
  clearTimeout(timer)
  signal?.removeEventListener('abort', kill)
  signal?.throwIfAborted()
  const result: CommandResult = {
    command: line,
    ...ended,
    stdout: stdout(),
    stderr: stderr(),
    durationMs: performance.now() - started,
  }
  const name = `'${shortCommand(line)}' on ${connection.target.host}`
  if (broken !== undefined) {
    const reason = `the input of ${name} broke off: ${broken.message}`
    throw new CommandError('TRANSFER_FAILED', reason, result, broken)
  }
  if (tooLarge !== undefined) {
    const reason = `${name} printed more than ${maxOutputBytes} bytes on ${tooLarge}`
    throw new CommandError('OUTPUT_TOO_LARGE', reason, result)
  }
  if (timedOut) {
    throw new CommandError('COMMAND_TIMED_OUT', `${name} did not end in ${timeoutMs} ms`, result)
  }
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
}
