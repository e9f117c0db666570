import { expect, test } from 'vitest'

import { expectComparison, files } from './comparison.ts'
import { config, lastLine, Project, typeA, typeB } from './project.ts'

test('an unmodified file runs on two machines, and each bench is compared across them', async () => {
  await expectComparison()
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
  expect(stderr).toMatch(/local machines \(.+\): numbers from this computer/)
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
