/** The main job, on whatever kind of local machines. */
import { expect } from 'vitest'

import { lastLine, linesBetween, Project, quick, typeA, typeB } from './project.ts'

export const files = {
  'src/fib.ts':
    'export function fib(n: number): number { return n < 2 ? n : fib(n - 1) + fib(n - 2) }',
  'fib.bench.ts': `
    import { readFileSync } from 'node:fs'
    import { hostname } from 'node:os'
    import { describe, expect, test } from 'vitest'
    import { fib } from './src/fib.ts'
    describe('fib', () => {
      test('of small numbers', async ({ bench }) => {
        const [system] = /(?<=PRETTY_NAME=").*(?=")/.exec(readFileSync('/etc/os-release', 'utf8'))
        console.log('measured on', hostname(), 'with', system, 'below', readFileSync('/proc/1/comm', 'utf8'))
        const results = await bench.compare(
          bench('5', () => { fib(5) }),
          bench('20', { writeResult: './results/\${projectName}.json' }, () => { fib(20) }),
          ${quick},
        )
        expect(results.get('5')).toBeFasterThan(results.get('20'))
      })
      test('alone', async ({ bench }) => { await bench('10', () => { fib(10) }).run(${quick}) })
    })`,
}

/**
 * Runs an unmodified bench file on two machines, or on those that are named, and reads all that the run says.
 *
 * @param machine the kind of machines; without it whatever this computer's tests are run on
 * @returns which system each of them had, and what its first process was
 */
export async function expectComparison({
  machine,
  image = 'debian-12',
  types = [typeA, typeB],
}: { machine?: string; image?: string; types?: readonly string[] } = {}): Promise<string[]> {
  const project = new Project(files, { instances: types, image })
  const { exitCode, text } = await project.bench(
    [],
    machine === undefined ? {} : { BENCHAWAY_MACHINE: machine },
  )

  const header = linesBetween(text, 'RUN', 'fib.bench.ts')
  expect(header.join('\n')).toMatch(
    /Benchaway {3}local in \S+, project pool-test of \S+, run [0-9A-Z]{26}/,
  )
  expect(header.join('\n')).toMatch(
    new RegExp(
      String.raw`local machines \(${machine ?? '[a-z-]+'}\): numbers from this computer \(.+\), not from EC2`,
    ),
  )
  for (const type of types) {
    expect(header).toContainEqual(
      expect.stringMatching(
        new RegExp(
          String.raw`^${type} +i-[0-9a-f]{17} at [\d.]+: running after [\d.]+ s, ssh after [\d.]+ s$`,
        ),
      ),
    )
  }

  const hosts = [...text.matchAll(/measured on (\S+) with (.+)/g)]
  expect(new Set(hosts.map(([, host]) => host)).size).toBe(types.length)

  if (types.length > 1) expectTable(text, types)

  for (const type of types) {
    expect(JSON.parse(project.read(`results/${type}.json`))).toHaveProperty('latency.mean')
  }

  expect(text).toMatch(
    new RegExp(
      String.raw`Test Files +${types.length} passed \(${types.length}\)[^]*boot [\d.]+ s, ship [\d.]+ s, measure [\d.]+ s, clean up [\d.]+ s`,
    ),
  )
  expect(text).toMatch(/Inventory +0 instances, 0 volumes, 0 network interfaces, 0 security groups/)
  expect(lastLine(text)).toBe('left behind: nothing')
  expect(exitCode).toBe(0)
  expect(project.leftovers()).toEqual([])
  return hosts.map(([, , system = '']) => system)
}

/** Vitest's own, with a row for each machine. */
function expectTable(text: string, types: readonly string[]): void {
  const across = linesBetween(text, 'Cross-Project Benchmark Comparison', 'Test Files')
  const rows = across.map((line) => line.split(/\s{2,}/)[0]).filter((word) => word !== '')
  for (const name of ['of small numbers > 5', 'of small numbers > 20', 'alone > 10']) {
    const at = rows.indexOf(`fib.bench.ts > fib > ${name}`)
    expect(rows[at + 1]).toBe('project')
    expect(new Set([rows[at + 2], rows[at + 3]])).toEqual(new Set(types))
  }
  expect(across.filter((line) => line.endsWith('fastest'))).toHaveLength(3)
}
