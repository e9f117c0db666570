import { inspect } from 'node:util'

/** Every failure of the plugin that its user can act on. A code never changes its meaning once released. */
export type PluginErrorCode =
  /** An option is unknown, missing, of the wrong type or out of range. */
  | 'OPTION_INVALID'
  /** The Vitest that runs is outside the tested range. */
  | 'VITEST_UNSUPPORTED'
  /** The user's config and the plugin both decide where benchmarks run. */
  | 'CONFIG_CONFLICT'
  /** npm could not get the Node that a machine of another architecture needs. */
  | 'NODE_UNAVAILABLE'
  /** A machine asked for something that it may not have. */
  | 'REQUEST_REFUSED'
  /** The worker on the machine did not come up. */
  | 'WORKER_FAILED'
  /** Files could not be brought to the machine. */
  | 'SHIP_FAILED'
  /** Machines are made in driver files only. */
  | 'NOT_A_DRIVER'
  /** A machine of `useInstance()` was used before it was up or after it was terminated. */
  | 'INSTANCE_NOT_UP'
  /** A machine of `useInstance()` was not up and set up in time. */
  | 'SETUP_TIMED_OUT'
  /** Vitest's main process, which holds the machines, is gone. */
  | 'MAIN_PROCESS_LOST'
  /** What `remote()` names, or what is to travel with it, cannot run on a machine. */
  | 'REMOTE_INVALID'
  /** A remote benchmark ended without a result, or with one that is none. */
  | 'REMOTE_FAILED'

/**
 * What the plugin throws on purpose; `BenchawayError` of `@benchaway/core` is its twin for machines. Apart from it so
 * that a config file that never needs machines never loads what they need.
 */
export class PluginError extends Error {
  override readonly name: string = 'BenchawayError'
  readonly code: PluginErrorCode
  /** What to do next, as one sentence; absent when there is nothing to advise. */
  readonly hint: string | undefined

  constructor(
    code: PluginErrorCode,
    message: string,
    options: { hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.hint = options.hint
    // Vitest prints what stops it at the start as `console.error` does; who wrote an option wrong needs no stack.
    Object.defineProperty(this, inspect.custom, {
      value: () => `${this.name} (${code}): ${describe(this)}`,
    })
  }
}

/** What was thrown, in the words a person needs: message, advice and what caused it; no stack. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const hint = 'hint' in error && typeof error.hint === 'string' ? `\n${error.hint}` : ''
  const cause = error.cause instanceof Error ? `\nCaused by: ${error.cause.message}` : ''
  return `${error.message}${hint}${cause}`
}
