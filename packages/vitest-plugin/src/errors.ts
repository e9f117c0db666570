import { BenchawayError } from '@benchaway/core/errors'

/** Every failure of the plugin that its user can act on. A code never changes its meaning once released. */
export type PluginErrorCode =
  /** A required option is missing, or the variable that stands for one is wrong. */
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

/** What the plugin throws on purpose: a `BenchawayError` with codes of its own. */
export class PluginError extends BenchawayError<PluginErrorCode> {}
