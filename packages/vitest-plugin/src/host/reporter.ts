import type { Reporter, TestProject } from 'vitest/node'

import type { Run } from './run.ts'

/** Launches the machines as soon as it is known which bench files run, while Vitest still prepares. */
export function launchReporter(
  run: Run,
  instanceOf: (project: TestProject) => string | undefined,
): Reporter {
  const running = new Set<string>()
  return {
    async onTestRunStart(specifications) {
      // Merging earlier reports runs nothing.
      if (run.vitest.config.mergeReports !== undefined) return
      await run.renew()
      for (const project of new Set(specifications.map((one) => one.project))) {
        const type = instanceOf(project)
        if (type === 'driver') await run.serveDrivers(project)
        else if (type !== undefined) run.want([type])
      }
    },
    // The pool knows when it measures. A driver file measures in its tests; before them it waits for machines.
    onTestCaseReady(test) {
      if (instanceOf(test.project) !== 'driver') return
      running.add(test.id)
      run.measuring.start()
    },
    onTestCaseResult(test) {
      if (running.delete(test.id)) run.measuring.stop()
    },
  }
}
