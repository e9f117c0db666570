import { expect, test } from 'vitest'

import { config, lastLine, linesBetween, Project, quick, typeA, typeB } from './project.ts'

const files = {
  'src/fib.ts':
    'export function fib(n: number): number { return n < 2 ? n : fib(n - 1) + fib(n - 2) }',
  'fib.bench.ts': `
    import { hostname } from 'node:os'
    import { describe, expect, test } from 'vitest'
    import { fib } from './src/fib.ts'
    describe('fib', () => {
      test('of small numbers', async ({ bench }) => {
        console.log('measured on', hostname())
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

test('an unmodified file runs on two machines, and each bench is compared across them', async () => {
  const project = new Project(files, { instances: [typeA, typeB] })
  const { exitCode, text } = await project.bench()

  const header = linesBetween(text, 'RUN', 'fib.bench.ts')
  expect(header.join('\n')).toMatch(
    /Benchaway {3}local in \S+, project pool-test of \S+, run [0-9A-Z]{26}/,
  )
  expect(header.join('\n')).toMatch(
    /local machines: numbers from this computer \(.+\), not from EC2/,
  )
  for (const type of [typeA, typeB]) {
    expect(header).toContainEqual(
      expect.stringMatching(
        new RegExp(
          String.raw`^${type} +i-[0-9a-f]{17} at [\d.]+: running after [\d.]+ s, ssh after [\d.]+ s$`,
        ),
      ),
    )
  }

  const hosts = [...text.matchAll(/measured on (\S+)/g)].map(([, host]) => host)
  expect(new Set(hosts).size).toBe(2)

  const across = linesBetween(text, 'Cross-Project Benchmark Comparison', 'Test Files')
  const rows = across.map((line) => line.split(/\s{2,}/)[0]).filter((word) => word !== '')
  for (const name of ['of small numbers > 5', 'of small numbers > 20', 'alone > 10']) {
    const at = rows.indexOf(`fib.bench.ts > fib > ${name}`)
    expect(rows[at + 1]).toBe('project')
    expect(new Set([rows[at + 2], rows[at + 3]])).toEqual(new Set([typeA, typeB]))
  }
  expect(across.filter((line) => line.endsWith('fastest'))).toHaveLength(3)

  expect(JSON.parse(project.read(`results/${typeA}.json`))).toHaveProperty('latency.mean')
  expect(JSON.parse(project.read(`results/${typeB}.json`))).toHaveProperty('latency.mean')

  expect(text).toMatch(
    /Test Files +2 passed \(2\)[^]*boot [\d.]+ s, ship [\d.]+ s, measure [\d.]+ s, clean up [\d.]+ s/,
  )
  expect(text).toMatch(/Inventory +0 instances, 0 volumes, 0 network interfaces, 0 security groups/)
  expect(lastLine(text)).toBe('left behind: nothing')
  expect(exitCode).toBe(0)
  expect(project.leftovers()).toEqual([])
})

test('one machine has nothing to be compared with', async () => {
  const { text, exitCode } = await new Project(files).bench()
  expect(text).not.toContain('Cross-Project')
  expect(text).toContain('5   ')
  expect(exitCode).toBe(0)
})

test('a program that reads TAP from stdout reads nothing else', async () => {
  const { stdout, stderr, exitCode } = await new Project(files).bench(['--reporter=tap'])
  expect(stdout).toMatch(/^TAP version 13\n/)
  expect(stdout).not.toContain('Machines')
  expect(stderr).toContain('local machines: numbers from this computer')
  expect(lastLine(stderr)).toBe('left behind: nothing')
  expect(exitCode).toBe(0)
})

test('a program that reads JSON from stdout reads nothing else, and finds each result', async () => {
  const project = new Project({
    ...files,
    'vitest.config.ts': config(
      `{ project: 'pool-test', instances: ['${typeA}', '${typeB}'], target: 'local' }`,
      `{ reporters: [['json', { stdout: true }]] }`,
    ),
  })
  const { stdout, stderr, exitCode } = await project.bench()
  const report: Report = JSON.parse(stdout)
  const tasks = report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .flatMap(({ benchmarks }) => benchmarks)
    .flatMap((benchmark) => benchmark.tasks)
  const names = tasks.map(({ name }) => Number(name))
  expect(names.toSorted((a, b) => a - b)).toEqual([5, 5, 10, 10, 20, 20])
  expect(lastLine(stderr)).toBe('left behind: nothing')
  expect(exitCode).toBe(0)
})

interface Report {
  testResults: { assertionResults: { benchmarks: { tasks: { name: string }[] }[] }[] }[]
}

test('only the machines that are needed are launched', async () => {
  const project = new Project(files, { instances: [typeA, typeB] })
  const { text, exitCode } = await project.bench(['--project', typeB])
  expect(text).toMatch(new RegExp(`${typeB} +i-`))
  expect(text).not.toMatch(new RegExp(`${typeA} +i-`))
  expect(exitCode).toBe(0)
})
