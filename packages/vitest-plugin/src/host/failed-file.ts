import { relative } from 'node:path'

import { describe } from '@benchaway/core/errors'
import type { TestProject } from 'vitest/node'

/** The calls by which a worker would report a bench file that failed before its first test. */
export async function failedFileCalls(
  project: TestProject,
  path: string,
  error: unknown,
): Promise<[method: string, args: unknown[]][]> {
  const { generateFileHash } = await import('vitest/node')
  const { root, name: projectName } = project.config
  const name = relative(root, path)
  const words = describe(error)
  const kind = error instanceof Error ? error.name : 'Error'
  const file: Record<string, unknown> = {
    id: generateFileHash(name, projectName),
    name,
    fullName: name,
    type: 'suite',
    mode: 'run',
    filepath: path,
    tasks: [],
    meta: {},
    projectName,
    pool: project.config.pool,
    concurrencyId: 0,
    workerId: 0,
    result: {
      state: 'fail',
      startTime: Date.now(),
      duration: 0,
      // Without frames: where in our code a launch failed tells a user nothing. Equal errors are then printed once.
      errors: [{ name: kind, message: words, stack: `${kind}: ${words}` }],
    },
  }
  file['file'] = file
  return [
    ['onQueued', [file]],
    ['onCollected', [[file]]],
    [
      'onTaskUpdate',
      [[[file['id'], file['result'], {}]], [[file['id'], 'suite-failed-early', undefined]]],
    ],
  ]
}
