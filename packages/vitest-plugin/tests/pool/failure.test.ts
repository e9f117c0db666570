import { expect, test } from 'vitest'

import { config, lastLine, linesBetween, Project, quick, typeA } from './project.ts'

const fine = `
  import { test } from 'vitest'
  test('fine', async ({ bench }) => { await bench('x', () => {}).run(${quick}) })`

test('files that kill their worker fail, those after them run, and nothing is left', async () => {
  const project = new Project({
    'a-throws.bench.ts': `throw new Error('while loading')`,
    'b-killed.bench.ts': `
      import { test } from 'vitest'
      test('killed', async () => { process.kill(process.pid, 'SIGKILL'); await new Promise(() => {}) })`,
    'c-aborted.bench.ts': `import { test } from 'vitest'; test('aborted', () => { process.abort() })`,
    'd-exited.bench.ts': `import { test } from 'vitest'; test('exited', () => { process.exit(3) })`,
    'e-fine.bench.ts': fine,
  })
  const { text, exitCode } = await project.bench()
  expect(text).toContain('Error: while loading')
  expect(text).toMatch(/Worker exited unexpectedly with signal SIGKILL .*b-killed\.bench\.ts/)
  expect(text).toMatch(/Worker exited unexpectedly with signal SIGABRT .*c-aborted\.bench\.ts/)
  expect(text).toContain('process.exit unexpectedly called with "3"')
  expect(text).toMatch(/✓ .*e-fine\.bench\.ts \(1 test\)/)
  expect(exitCode).toBe(1)
  expect(lastLine(text)).toBe('left behind: nothing')
  expect(project.leftovers()).toEqual([])
})

test('a lost connection fails the file that ran, and the next file runs over a new one', async () => {
  const project = new Project({
    'a-cut.bench.ts': `
      import { test } from 'vitest'
      // The parent of a worker is sshd's process for the whole connection.
      test('cut', async () => { process.kill(process.ppid, 'SIGKILL'); await new Promise(() => {}) })`,
    'b-fine.bench.ts': fine,
  })
  const { text, exitCode } = await project.bench()
  expect(text).toMatch(new RegExp(`Error: the ssh connection to ${typeA} i-\\w+ is gone`))
  expect(text).toMatch(/✓ .*b-fine\.bench\.ts \(1 test\)/)
  expect(text.match(/running after/g)).toHaveLength(1)
  expect(exitCode).toBe(1)
  expect(lastLine(text)).toBe('left behind: nothing')
})

test('a machine that cannot be had fails its files with one readable message, and spares the others', async () => {
  const absent = 'zz9.huge'
  const project = new Project(
    { 'a.bench.ts': fine, 'b.bench.ts': fine },
    { instances: [typeA, absent] },
  )
  const { text, exitCode } = await project.bench()
  expect(linesBetween(text, 'Failed Suites 2', 'Test Files').filter((line) => line !== '')).toEqual(
    [
      `FAIL  |${absent}| a.bench.ts [ a.bench.ts ]`,
      `FAIL  |${absent}| b.bench.ts [ b.bench.ts ]`,
      `BenchawayError: us-east-1 has no instance type '${absent}' with an x86_64 or arm64 processor`,
      'Check the spelling (such as m7i.large), or choose a region that offers it.',
      expect.stringMatching(/^⎯+\[1\/1\]⎯$/),
    ],
  )
  expect(text).toMatch(/Test Files +2 failed \| 2 passed \(4\)/)
  expect(exitCode).toBe(1)
  expect(lastLine(text)).toBe('left behind: nothing')
})

test('without a region on AWS every file says how to set one', async () => {
  const project = new Project({ 'a.bench.ts': fine }, { target: 'aws' })
  const { text, exitCode } = await project.bench([], {
    // Neither this computer's profile nor the metadata of a machine that runs these tests.
    HOME: project.folder,
    AWS_EC2_METADATA_DISABLED: 'true',
    XDG_CACHE_HOME: `${project.folder}/cache`,
  })
  expect(text).toContain('BenchawayError: no AWS region is set\nSet the option `region`')
  expect(text).not.toContain('local machines')
  expect(exitCode).toBe(1)
  expect(text).toContain('Machines  nothing was launched')
  expect(lastLine(text)).toBe('left behind: nothing')
})

test('more machines than allowed are refused before one is launched', async () => {
  const project = new Project(
    { 'a.bench.ts': fine },
    { instances: [typeA, 'm6i.large'], maxInstances: 1 },
  )
  const { text, exitCode } = await project.bench()
  expect(text).toContain('benchaway() has 2 instances, and maxInstances is 1\n')
  expect(text).not.toContain(' i-')
  expect(exitCode).toBe(1)
})

test('a pattern of `files` that matches nothing is no silence, and a folder is all that is in it', async () => {
  const reads = `import { readFileSync } from 'node:fs'
    import { test } from 'vitest'
    test('reads', async ({ bench }) => {
      readFileSync(new URL('data/deep/a.txt', import.meta.url))
      await bench('x', () => {}).run({ time: 10 })
    })`
  const sources = { 'a.bench.ts': reads, 'data/deep/a.txt': 'a' }
  const good = await new Project(sources, { files: ['data'] }).bench()
  expect(good.exitCode).toBe(0)
  const bad = await new Project(sources, { files: ['date'] }).bench()
  expect(bad.text).toContain(`'date' of the option 'files' matches nothing in `)
  expect(bad.exitCode).toBe(1)
})

test('a worker that cannot start says why', async () => {
  const project = new Project({
    'a.bench.ts': fine,
    'vitest.config.ts': config(
      `{ project: 'pool-test', instances: ['${typeA}'], target: 'local' }`,
      `{ execArgv: ['--no-such-flag'] }`,
    ),
  })
  const { text, exitCode } = await project.bench()
  expect(text).toContain('bad option: --no-such-flag')
  expect(text).toMatch(
    /BenchawayError: the worker on \S+ i-\w+ ended with exit code 9 before it was ready/,
  )
  expect(exitCode).toBe(1)
  expect(lastLine(text)).toBe('left behind: nothing')
})

test('a bench file that commands machines is told to become a driver', async () => {
  const project = new Project({
    'a.bench.ts': `import { benchaway } from '@benchaway/vitest-plugin'\n${fine}\nbenchaway`,
  })
  const { text, exitCode } = await project.bench()
  expect(text).toContain('Name the file *.driver.bench.ts')
  expect(exitCode).toBe(1)
  expect(lastLine(text)).toBe('left behind: nothing')
})
