import { stripVTControlCharacters } from 'node:util'

import { BenchawayError, type ErrorCode } from '../errors.ts'

/** What a command left behind. `CommandError` has the same fields. */
export interface CommandResult {
  /** The command as one shell line, without what `env`, `cwd` and `sudo` put before it. */
  readonly command: string
  /** Undefined when a signal ended it or the connection was lost. */
  readonly exitCode: number | undefined
  /** Without `SIG`, such as `KILL`; undefined when it ended by itself. */
  readonly signal: string | undefined
  /** Decoded as UTF-8; nothing is trimmed. */
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
}

/** A command that did not succeed: the result it would have had, and the reason. */
export class CommandError extends BenchawayError implements CommandResult {
  override readonly name: string = 'CommandError'
  readonly command: string
  readonly exitCode: number | undefined
  readonly signal: string | undefined
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number

  constructor(
    code: ErrorCode,
    reason: string,
    result: CommandResult,
    cause?: unknown,
    hint?: string,
  ) {
    super(code, [reason, lastLines(result.stderr || result.stdout)].filter(Boolean).join('\n'), {
      cause,
      hint,
    })
    this.command = result.command
    this.exitCode = result.exitCode
    this.signal = result.signal
    this.stdout = result.stdout
    this.stderr = result.stderr
    this.durationMs = result.durationMs
  }
}

/** A word that the far shell reads back as it is. */
export function quote(word: string): string {
  return /^[\w@%+:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/** A string is a shell line and goes as it is; an array is a program and its arguments, each quoted. */
export function commandLine(command: string | readonly string[]): string {
  return typeof command === 'string' ? command : command.map((word) => quote(word)).join(' ')
}

/** The first line of a command, short enough for a message. */
export function shortCommand(command: string): string {
  const [line = ''] = command.split('\n')
  return line.length < command.length || line.length > 80 ? `${line.slice(0, 80)}…` : line
}

// The last lines say why; a whole build log in a message helps nobody, and the machine may not steer the terminal.
export function lastLines(text: string): string {
  const lines = stripVTControlCharacters(text.slice(-4096)).trimEnd().split('\n')
  return lines
    .slice(-20)
    .join('\n')
    .replaceAll(/(?![\n\t])\p{Cc}/gu, '')
}
