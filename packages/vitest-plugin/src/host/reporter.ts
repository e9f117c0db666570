import type { Reporter, TestProject } from 'vitest/node'

import type { Run } from './run.ts'

/** Launches the machines as soon as it is known which bench files run, while Vitest still prepares. */
export function launchReporter(run: Run): Reporter {
  return {
    async onTestRunStart(specifications) {
      // Merging earlier reports runs nothing.
      if (run.vitest.config.mergeReports !== undefined) return
      const projects = new Set<TestProject>(specifications.map(({ project }) => project))
      for (const project of projects) {
        const type = project.config.provide['benchaway:instance']
        if (typeof type === 'string') run.want([type])
        else if (type === null) await run.serveDrivers(project)
      }
    },
  }
}
