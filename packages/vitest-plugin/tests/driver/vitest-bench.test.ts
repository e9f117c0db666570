/** Whole runs: real machines on this computer, real `vitest bench`, its own tables. */
import { readdirSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import {
  copyProject,
  type DriverProject,
  type Ended,
  pluginFolder,
  processesNamed,
} from './driver-project.ts'
import { types } from './project/types.ts'

const [first] = types
let project: DriverProject
// Each boots machines, and shares the processor with what else is tested.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })
beforeAll(() => {
  project = copyProject()
})
afterAll(() => project[Symbol.asyncDispose]())

function lastLine(text: string): string | undefined {
  return text.trimEnd().split('\n').at(-1)
}

/** What Vitest's report says of one failed test or suite. */
function failureOf({ stderr }: Ended, name: string): string {
  const reports = stderr.split(/^⎯+\[\d+\/\d+\]⎯$/m)
  const report = reports.find((part) => part.split('\n').some((line) => isHead(line, name)))
  if (report === undefined) throw new Error(`no failure of '${name}' in:\n${stderr}`)
  return report
}

function isHead(line: string, name: string): boolean {
  return line.startsWith(' FAIL ') && (line.endsWith(` > ${name}`) || line.endsWith(`[ ${name} ]`))
}

function lineOf(file: string, code: string): number {
  const lines = readFileSync(path.join(project.folder, file), 'utf8').split('\n')
  return lines.findIndex((line) => line.includes(code)) + 1
}

test('one table holds what two machines and this computer have measured', async () => {
  const report = path.join(project.folder, 'report.json')
  const { exitCode, stdout, stderr } = await project.bench([
    'table',
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${report}`,
  ]).ended
  expect(stderr).toBe('')
  expect(exitCode).toBe(0)

  const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
  const [{ assertionResults }] = testResults
  const [table, single] = assertionResults
  expect(table.benchmarks[0].tasks.map((task: { name: string }) => task.name).toSorted()).toEqual([
    'first',
    'here',
    'little',
    'second',
  ])
  for (const { latency } of table.benchmarks[0].tasks) {
    expect(latency.samplesCount).toBeGreaterThan(64)
    expect(latency.mean).toBeGreaterThan(0)
  }
  expect(stdout).toMatch(/^ +name +hz +min/m)
  expect(single.benchmarks[0].tasks[0].latency.samplesCount).toBe(1)

  // It ran where it was told to, and its output reached the terminal without what steers it.
  const [, name] = /^it is (ip-[0-9-]+), measured 1 times$/m.exec(stdout) ?? []
  expect(stdout).toContain(`\nmeasured on ${name} by user 1000\n`)
  expect(stdout).toContain(`\nnode ${process.version} on the first\n`)
  expect(stdout).not.toContain('\u001B')
  const written = JSON.parse(readFileSync(path.join(project.folder, 'written.json'), 'utf8'))
  expect(written.latency.samplesCount).toBe(1)

  // Two machines were there at once, and are not any more.
  expect(stdout.match(/^ [a-z0-9]+\.large +i-[0-9a-f]+ at /gm)).toHaveLength(2)
  expect(lastLine(stdout)).toBe('left behind: nothing')
})

describe('what fails is explained, and points to the code of the user', () => {
  let run: Ended
  const name = `late-${process.pid}`
  beforeAll(async () => {
    run = await project.bench(['failing', 'too-early'], { NAME: name }).ended
  })

  test('the run fails, leaves nothing and ends every process', () => {
    expect(run.exitCode).toBe(1)
    expect(lastLine(run.stdout)).toBe('left behind: nothing')
    expect(run.stdout).toContain(`\n${name} begins\n`)
    expect(run.stdout).toContain('✓ after it, nothing runs on')
    expect(processesNamed(name)).toEqual([])
  })

  test.for<[failed: string, message: string, file: string, code: string]>([
    ['a throw', `RangeError: not on a ${first}`, 'functions.ts', 'throw new RangeError'],
    [
      'a missing export',
      "TypeError: functions.ts has no export 'nothing', only: fail, sayHost, spin, sum, wait",
      'failing.driver.bench.ts',
      '#nothing',
    ],
    [
      'a function as argument',
      "BenchawayError: remote('./functions.ts#sum'): args[0].callback is a function, which cannot go to a machine",
      'failing.driver.bench.ts',
      '{ on, args }',
    ],
    [
      'a hook as closure',
      "BenchawayError: options of benchmark 'x': options.beforeEach is a function, which cannot go to a machine",
      'failing.driver.bench.ts',
      'beforeEach',
    ],
    ['a signal of its own', 'Error: no longer wanted', 'failing.driver.bench.ts', 'no longer'],
    [
      'called as it is',
      "BenchawayError: remote('./functions.ts#sum') was called on this computer",
      'failing.driver.bench.ts',
      'measured here',
    ],
    [
      'inside a test',
      'BenchawayError: useInstance() was called inside a test',
      'failing.driver.bench.ts',
      "toBe('a machine')",
    ],
    [
      'too slow',
      'TestTimeoutError: Test timed out in 1500ms.',
      'failing.driver.bench.ts',
      'timeout: 1500',
    ],
    [
      'of an unknown type',
      "BenchawayError: us-east-1 has no instance type 'x99.mega' with an x86_64 or arm64 processor\nCheck the spelling",
      'failing.driver.bench.ts',
      'x99.mega',
    ],
    ['with a failing setup', 'ended with exit code 3\nno\n', 'failing.driver.bench.ts', 'exit 3'],
    [
      'with a slow setup',
      `BenchawayError: the ${first} was not set up after 10.0 s\nGive useInstance() a longer`,
      'failing.driver.bench.ts',
      'const slow',
    ],
    [
      'too-early.driver.bench.ts',
      `BenchawayError: the ${first} of this suite is not up yet\nUse what useInstance() returns`,
      'too-early.driver.bench.ts',
      'const { id }',
    ],
  ])('%s', ([failed, message, file, code]) => {
    const report = failureOf(run, failed)
    expect(report).toContain(message)
    // Only code of the user is shown.
    const [, place] = /❯ (?:\S+ )?(\S+:\d+):\d+$/m.exec(report) ?? []
    expect(place).toBe(`${file}:${lineOf(file, code)}`)
    expect(report).not.toContain(pluginFolder)
  })
})

test.for(['stack', 'list', 'parallel'])(
  'a machine ends after the hooks of its suite, also when one of them throws: %s',
  async (order) => {
    const run = await project.bench(['hooks', `--sequence.hooks=${order}`], { MOST: '1' }).ended
    expect(run.exitCode).toBe(1)
    expect(run.stderr.match(/^ FAIL .*$/gm)).toHaveLength(1)
    expect(failureOf(run, 'with a failing hook')).toContain("\nError: the hook has read '42'\n")
    expect(run.stdout).toContain('✓ there is room for a machine')
    expect(lastLine(run.stdout)).toBe('left behind: nothing')
  },
)

describe('machines and what runs on them are gone', () => {
  const name = `lasting-${process.pid}`
  function assertGone({ stdout }: Ended): void {
    expect(processesNamed(name)).toEqual([])
    // Where runs of this user prove that they live; the broker's socket would lie beside it.
    expect(readdirSync(project.temporary)).toEqual([
      expect.stringMatching(new RegExp(`^benchaway-${userInfo().uid}-`)),
    ])
    expect(lastLine(stdout)).toBe('left behind: nothing')
  }

  test.for([
    ['SIGINT', 'spin', 130],
    ['SIGTERM', 'wait', 143],
  ] as const)('after %s, in a function that would %s for ever', async ([signal, how, code]) => {
    const run = project.bench(['lasting'], { NAME: name, HOW: how })
    await run.says(`${name} begins`)
    expect(processesNamed(name)).toHaveLength(1)
    run.child.kill(signal)
    const ended = await run.ended
    expect(ended.exitCode).toBe(code)
    assertGone(ended)
  })

  test('after Ctrl-C, which every process of the terminal hears', async () => {
    const run = project.bench(['lasting'], { NAME: name, HOW: 'spin' }, { detached: true })
    await run.says(`${name} begins`)
    process.kill(-(run.child.pid ?? 0), 'SIGINT')
    const ended = await run.ended
    expect(ended.exitCode).toBe(130)
    assertGone(ended)
  })

  test('after the end of the process that had asked for them, while the run goes on', async () => {
    const variables = { NAME: name, SUICIDE: '1' }
    const ended = await project.bench(['lasting', 'too-early'], variables).ended
    expect(ended.exitCode).toBe(1)
    expect(ended.stderr).toContain('too-early.driver.bench.ts')
    for (const type of types) {
      const launched = new RegExp(`^ ${type} +(i-[0-9a-f]+) at `, 'm').exec(ended.stdout)?.[1]
      expect(ended.stdout).toContain(
        `\nbenchaway: ${type} ${launched}: its driver file is gone, terminating it\n`,
      )
    }
    assertGone(ended)
  })
})
