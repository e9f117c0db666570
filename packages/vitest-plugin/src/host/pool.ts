import type { PoolRunnerInitializer } from 'vitest/node'

import { RemotePoolWorker } from './pool-worker.ts'
import type { Run } from './run.ts'

/** The pool of one Vitest project: its files run on a machine of one instance type. */
export function remotePool(run: Run, type: string): PoolRunnerInitializer {
  return {
    name: 'benchaway',
    createPoolWorker: (options) => new RemotePoolWorker(options, { run, type }),
  }
}
