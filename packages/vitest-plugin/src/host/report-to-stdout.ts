import type { Vitest } from 'vitest/node'

/** Whether a program reads the report of the run from this process's stdout. */
export function writesReportToStdout({ config }: Vitest): boolean {
  const { outputFile, reporters } = config
  return reporters.some((reporter) => {
    if (!Array.isArray(reporter)) return false
    const [name, options] = reporter
    if (name === 'tap' || name === 'tap-flat') return true
    if (name !== 'json' && name !== 'junit') return false
    const toStdout = 'stdout' in options && options.stdout === true
    const ownFile = 'outputFile' in options ? options.outputFile : undefined
    const file = typeof outputFile === 'object' ? outputFile[name] : outputFile
    return toStdout && (ownFile ?? file) === undefined
  })
}
