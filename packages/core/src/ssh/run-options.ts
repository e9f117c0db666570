import { Readable } from 'node:stream'

import { isMs, type OptionRule } from '../check-options.ts'
import type { Pty } from './channels.ts'

/** How a command is run: `exec()`, `stream()` and `spawn()` share these. */
export interface RunOptions {
  /**
   * Variables on top of what the login has, with exactly these values: any text without NUL. They are part of the
   * command line, which every user of that machine can read while the command runs, and are left out of errors.
   * @default none
   */
  env?: Readonly<Record<string, string>> | undefined
  /** The folder that the command runs in, absolute or from the login folder; `~` is not expanded. @default the login folder */
  cwd?: string | undefined
  /** What the command reads. @default nothing: it sees an end of file at once */
  stdin?: string | Uint8Array | Readable | undefined
  /** Kills the command with everything that it has started, and throws the reason of the signal. */
  signal?: AbortSignal | undefined
  /**
   * Gives the command a terminal. What it prints on stderr then comes with stdout, lines end with `\r\n`, and `stdin`
   * is typed, which the terminal echoes. True is 80 columns, 24 rows, `xterm-256color`.
   * @default false
   */
  pty?: boolean | Pty | undefined
  /**
   * Runs it by `sudo -n`: true as root, a name as that user, with that user's home and sudo's own `PATH`. A login as
   * root needs no sudo for root.
   * @default false
   */
  sudo?: boolean | string | undefined
}

// More would overflow Node's timers, which then fire at once.
const longestMs = 2 ** 31 - 1

// bash keeps these itself: what is assigned to them is refused, or not what the command finds.
const shellOwn =
  /^(?:_|BASH\w*|UID|EUID|PPID|GROUPS|SHELLOPTS|SHLVL|RANDOM|SRANDOM|SECONDS|LINENO|FUNCNAME|DIRSTACK|HISTCMD|EPOCH\w*)$/

const isName = (name: string): boolean => /^[A-Za-z_]\w*$/.test(name) && !shellOwn.test(name)

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isText = (value: unknown): boolean =>
  typeof value === 'string' && value.isWellFormed() && !value.includes('\0')

const isCells = (value: unknown): boolean =>
  value === undefined ||
  (typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536)

function isPty(value: unknown): boolean {
  if (typeof value === 'boolean') return true
  if (!isObject(value)) return false
  const { columns, rows, term, ...more }: Record<string, unknown> = { ...value }
  const isTerm = term === undefined || (typeof term === 'string' && /^[\w.+-]+$/.test(term))
  return isCells(columns) && isCells(rows) && isTerm && Object.keys(more).length === 0
}

export const msRule: OptionRule = [isMs(0, longestMs), `milliseconds up to ${longestMs}`]

export const runRules: { readonly [K in keyof Required<RunOptions>]: OptionRule } = {
  env: [
    (value) =>
      isObject(value) &&
      Object.entries(value).every(([name, text]) => isName(name) && isText(text)),
    'an object of texts without NUL, whose names are letters, digits and underscores and none that bash keeps itself, such as UID',
  ],
  cwd: [(value) => isText(value) && value !== '', 'the path of a folder'],
  stdin: [
    (value) =>
      typeof value === 'string' || value instanceof Uint8Array || value instanceof Readable,
    'a string, bytes or a readable stream',
  ],
  signal: [(value) => value instanceof AbortSignal, 'an AbortSignal'],
  pty: [isPty, 'true, or { columns, rows, term }'],
  sudo: [
    (value) =>
      typeof value === 'boolean' ||
      (typeof value === 'string' && /^(?:#\d+|[A-Za-z_][\w.@$-]*)$/.test(value)),
    'true for root, or the name of a user',
  ],
}
