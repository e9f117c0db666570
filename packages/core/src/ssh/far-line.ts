import { BenchawayError } from '../errors.ts'
import { commandLine, quote } from './command.ts'
import { tellPid, tellPidAndBirth, tellStart } from './marks.ts'
import type { RunOptions } from './run-options.ts'

export interface FarLine {
  /** What the caller asked for, as a shell line: what results and errors name. */
  readonly shown: string
  /** What the login shell is given. */
  readonly line: string
  /** How many marks come before the command itself. */
  readonly marks: number
}

export interface FarLineOptions extends Pick<RunOptions, 'env' | 'cwd' | 'sudo'> {
  /** A shell line that has to succeed first. */
  readonly before?: string | undefined
  /** Whether its start must be told from that of every other process. */
  readonly isServer?: boolean | undefined
}

// Linux takes no longer argument (MAX_ARG_STRLEN), and all of it is one argument of a shell.
const longest = 131_071

/**
 * The line that runs a command as its options want it.
 *
 * @param where what was called, such as `exec()`
 * @throws {BenchawayError} `OPTION_INVALID` for a command that no shell can be given
 */
export function farLine(
  where: string,
  command: string | readonly string[],
  user: string,
  options: FarLineOptions,
): FarLine {
  const { env, cwd, sudo, before, isServer = false } = options
  if (!isCommand(command)) {
    throw new BenchawayError('OPTION_INVALID', `the command of ${where} is none`, {
      hint: 'Give a shell line, or a program and its arguments as a list of strings.',
    })
  }
  const shown = commandLine(command)
  const tell = isServer ? tellPidAndBirth : tellPid
  // `exec` takes a program from PATH, never a builtin, a function or a keyword.
  const run =
    typeof command === 'string'
      ? `\n${command}`
      : `; exec ${command[0]?.startsWith('-') ? '-- ' : ''}${shown}`
  const first = [before, cwd === undefined ? undefined : enter(cwd), exported(env)]
  const steps = first.filter((step) => step !== undefined).map((step) => `${step} || exit 1; `)
  const sudoWords = sudoFor(user, sudo)
  let line: string
  let marks = 2
  if (sudoWords !== undefined) {
    const inner = `${steps.join('')}${tellStart}${run}`
    line = `${tell}; exec ${sudoWords} -H -- bash -c ${quote(inner)}`
  } else if (steps.length > 0) {
    line = `${tell}; ${steps.join('')}${tellStart}${run}`
  } else {
    line = tell + run
    marks = 1
  }
  checkLine(where, line)
  return { shown, line, marks }
}

/** How sudo is called, or undefined where there is no need for it. */
export function sudoFor(user: string, sudo: RunOptions['sudo']): string | undefined {
  if (sudo === undefined || sudo === false) return undefined
  if (user === 'root' && (sudo === true || sudo === 'root')) return undefined
  return sudo === true ? 'sudo -n' : `sudo -n -u ${quote(sudo)}`
}

function isCommand(command: unknown): boolean {
  if (typeof command === 'string') return true
  return (
    Array.isArray(command) &&
    command.length > 0 &&
    command.every((word) => typeof word === 'string')
  )
}

function enter(folder: string): string {
  // `cd -` would go somewhere else, and CDPATH lead there.
  const path = folder.startsWith('-') ? `./${folder}` : folder
  return `CDPATH= cd -- ${quote(path)}`
}

function exported(env: RunOptions['env']): string | undefined {
  const words = Object.entries(env ?? {}).map(([name, value]) => `${name}=${quote(value)}`)
  return words.length === 0 ? undefined : `export ${words.join(' ')}`
}

function checkLine(where: string, line: string): void {
  if (line.includes('\0') || !line.isWellFormed()) {
    throw new BenchawayError(
      'OPTION_INVALID',
      `the command of ${where} has a NUL or half a character in it`,
      { hint: 'Give such bytes as stdin: no command line on Linux can hold them.' },
    )
  }
  const size = line.length * 3 > longest ? Buffer.byteLength(line) : line.length
  if (size <= longest) return
  throw new BenchawayError(
    'OPTION_INVALID',
    `the command of ${where} comes to ${size} bytes, of which Linux takes ${longest}`,
    { hint: 'Give what is long as stdin, or push it as a file.' },
  )
}
