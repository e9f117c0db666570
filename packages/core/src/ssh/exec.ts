import { checkOptions, isWhole, type OptionRule } from '../check-options.ts'
import type { CommandResult } from './command.ts'
import type { Connection } from './connection.ts'
import { msRule, type RunOptions, runRules } from './run-options.ts'
import { type OutputName, Run } from './run.ts'

export interface ExecOptions extends RunOptions {
  /** After this many milliseconds, the wait for a connection included, the command is killed with everything that it has started. @default no limit */
  timeoutMs?: number | undefined
  /**
   * More than this on stdout or on stderr kills the command, in bytes.
   * @default 10_485_760
   */
  maxOutputBytes?: number | undefined
  /**
   * False returns the result of a command that ended with another exit code than 0 or by a signal. What is no end of a
   * command's own (a lost connection, a time-out, too much output) is thrown all the same.
   * @default true
   */
  check?: boolean | undefined
}

const rules: { readonly [K in keyof Required<ExecOptions>]: OptionRule } = {
  ...runRules,
  timeoutMs: msRule,
  maxOutputBytes: [isWhole(0, 2 ** 29), 'a whole number of bytes up to 536870912'],
  check: [(value) => typeof value === 'boolean', 'true or false'],
}

/**
 * Runs a command and collects what it prints.
 *
 * @param command a string is a line for the login shell; an array is a program and its arguments, which no shell reads
 *   any meaning into
 * @param urgent does not wait in line when the connection is busy
 * @throws {CommandError} `COMMAND_FAILED` on a non-zero exit code or a signal; `COMMAND_NOT_STARTED` when it never ran,
 *   because of `cwd`, `env`, `sudo`, `pty` or the login shell; `SSH_FULL` when sshd allows none at all; `COMMAND_TIMED_OUT`; `OUTPUT_TOO_LARGE`; `TRANSFER_FAILED` when
 *   the input broke off; `CONNECTION_LOST`: a lost connection never looks like success, and the command may still run
 * @throws the reason of `signal`, once the command has been killed with everything that it has started. Only a daemon
 *   lives on: one that has left its session for another and whose parents have ended
 */
export async function exec(
  connection: Connection,
  command: string | readonly string[],
  options?: ExecOptions,
  urgent = false,
): Promise<CommandResult> {
  if (options !== undefined) checkOptions('exec()', options, rules)
  const { maxOutputBytes = 10 * 1024 * 1024, check = true } = options ?? {}
  const output = { stdout: new Collected(), stderr: new Collected() }
  const take = (name: OutputName, chunk: Buffer): void => {
    if (output[name].add(chunk) <= maxOutputBytes) return
    const reason = `${run.name} printed more than ${maxOutputBytes} bytes on ${name}`
    output[name].cut(maxOutputBytes)
    run.stop({ code: 'OUTPUT_TOO_LARGE', reason })
  }
  const run = new Run('exec()', connection, command, { ...options, urgent }, take)
  try {
    await run.begin()
    const ended = await run.end()
    return run.settle(ended, output.stdout.text(), output.stderr.text(), check)
  } finally {
    run.release()
  }
}

class Collected {
  readonly #chunks: Buffer[] = []
  #bytes = 0

  /** @returns how many bytes it holds now */
  add(chunk: Buffer): number {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    return this.#bytes
  }

  /** Leaves so many bytes. */
  cut(bytes: number): void {
    const last = this.#chunks.pop()
    if (last !== undefined) this.#chunks.push(last.subarray(0, last.length + bytes - this.#bytes))
  }

  text(): string {
    return this.#chunks.length === 0 ? '' : Buffer.concat(this.#chunks).toString()
  }
}
