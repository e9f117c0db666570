import { commandLine } from './command.ts'
import type { Connection } from './connection.ts'
import { exec } from './exec.ts'
import { LineSplitter } from './line-splitter.ts'
import type { RunOptions } from './run-options.ts'
import type { OutputName } from './run.ts'

/**
 * What shows that a server can be used: a whole line on stdout or stderr that contains a text or matches, a TCP port of
 * the machine that is listened on (nothing connects to it; one that is taken before is an error), or a command that
 * succeeds, tried ten times a second with the server's own `env`, `cwd` and `sudo`.
 */
export type Ready =
  | { readonly line: string | RegExp }
  | { readonly port: number }
  | { readonly command: string | readonly string[] }

export function isReady(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return false
  if ('line' in value) return typeof value.line === 'string' || value.line instanceof RegExp
  if ('port' in value) {
    const { port } = value
    return typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536
  }
  if (!('command' in value)) return false
  return typeof value.command === 'string' || Array.isArray(value.command)
}

/** A shell line that fails, and says so, when somebody listens there already. */
export function portIsFree(port: number): string {
  return `! ${listens(port)} || { echo 'port ${port} is taken already' >&2; false; }`
}

/** Resolves when a server's port or command says that it is ready. */
export async function probe(
  connection: Connection,
  ready: Exclude<Ready, { line: unknown }>,
  { env, cwd, sudo }: RunOptions,
  signal: AbortSignal,
): Promise<void> {
  // One loop over there costs no round trips.
  if ('port' in ready) {
    await exec(connection, `until ${listens(ready.port)}; do sleep 0.05; done`, { signal })
  } else {
    const trial = `(\n${commandLine(ready.command)}\n) >/dev/null 2>&1`
    await exec(connection, `until ${trial}; do sleep 0.1; done`, { env, cwd, sudo, signal })
  }
}

// The kernel's own table: a connection to a server that serves nobody yet may be one too many.
function listens(port: number): string {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return `grep -qs ':${hex} 0*:0000 0A' /proc/net/tcp /proc/net/tcp6`
}

// A longer line is none that tells anything.
const longest = 64 * 1024

/** Waits for a line of an output. */
export class LineWatch {
  /** Resolves when it has come. */
  readonly seen: Promise<void>
  readonly #isMeant: (line: string) => boolean
  readonly #found: () => void
  #splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() }
  #isOver = false

  constructor(meant: string | RegExp) {
    const seen = Promise.withResolvers<void>()
    this.seen = seen.promise
    this.#found = seen.resolve
    // `search` starts at the beginning also when the expression is global.
    this.#isMeant = (line) =>
      typeof meant === 'string' ? line.includes(meant) : line.search(meant) >= 0
  }

  add(name: OutputName, chunk: Buffer): void {
    if (this.#isOver) return
    const splitter = this.#splitters[name]
    if (splitter.push(chunk).some((line) => this.#isMeant(line))) {
      this.#isOver = true
      this.#found()
    } else if (splitter.pending > longest) splitter.rest()
  }
}
