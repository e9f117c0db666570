import { expect, test } from 'vitest'

import { lastLine, Project, quick, type Running, typeA } from './project.ts'

const bench = (name: string): string => `
  import { test } from 'vitest'
  test('${name}', async ({ bench }) => { await bench('x', () => {}).run(${quick}) })`

/** Watched until the test ends it; says `run N passed` or `run N failed`, and has no variable `unset` from then on. */
function watched(options: Readonly<Record<string, unknown>>, unset = ''): Project {
  const project = new Project({ 'a.bench.ts': bench('first') }, options)
  const reporter = `{
    onTestRunEnd(modules, errors, reason) {
      delete process.env['${unset}']
      console.log('run', ++runs, reason)
    }
  }`
  const text = project.read('vitest.config.ts')
  project.write({
    'vitest.config.ts': `let runs = 0\n${text.replace('test: {}', `test: { reporters: ['default', ${reporter}] }`)}`,
  })
  return project
}

async function interrupted({ child, ended }: Running): Promise<string> {
  child.kill('SIGINT')
  const { exitCode, text } = await ended
  expect(exitCode).toBe(130)
  expect(lastLine(text)).toBe('left behind: nothing')
  return text
}

const machinesOf = (text: string): string[] => text.match(/ i-\w+ at .*running after/g) ?? []

test.for<[what: string, variable: string, machines: number, words: string]>([
  ['the local machines', 'BENCHAWAY_MACHINE', 1, 'the variable BENCHAWAY_MACHINE must be one of'],
  ['the run', 'TMPDIR', 1, 'cannot make /dev/null/benchaway-'],
  ['a machine', 'XDG_CACHE_HOME', 2, 'ENOTDIR: not a directory'],
])(
  'in watch mode %s that could not be made ready is made anew by the next run',
  async ([, variable, machines, words]) => {
    const project = watched({}, variable)
    const running = project.start(['bench', '--watch'], { [variable]: '/dev/null' })
    await running.until('run 1 failed')
    project.write({ 'a.bench.ts': bench('second') })
    await running.until('run 2')
    const text = await interrupted(running)
    expect(text).toContain(words)
    expect(text).toContain('run 2 passed')
    expect(machinesOf(text)).toHaveLength(machines)
    expect(project.leftovers()).toEqual([])
  },
)

const endsItself = `
  import { execSync } from 'node:child_process'
  import { test } from 'vitest'
  test('ends', async () => {
    execSync('sudo -n sh -c "printf e >/run/benchaway/beat"')
    await new Promise(() => {})
  })`

test('in watch mode a machine stays for the next run, and one that has ended is replaced', async () => {
  const project = watched({})
  const running = project.start(['bench', '--watch'])
  await running.until('run 1 passed')
  project.write({ 'a.bench.ts': endsItself })
  await running.until('run 2 failed')
  project.write({ 'a.bench.ts': bench('third') })
  await running.until('run 3')
  const text = await interrupted(running)
  expect(text).toContain('run 3 passed')
  expect(text).toMatch(new RegExp(`benchaway: ${typeA} i-\\w+ has ended`))
  expect(machinesOf(text)).toHaveLength(2)
  expect(project.leftovers()).toEqual([])
})
