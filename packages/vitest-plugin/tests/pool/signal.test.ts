import { once } from 'node:events'

import { expect, test } from 'vitest'

import { lastLine, Project } from './project.ts'

const endless = {
  'endless.bench.ts': `
    import { test } from 'vitest'
    test('endless', async () => {
      console.log('spinning')
      await new Promise((resolve) => setTimeout(resolve, 100))
      for (;;) {}
    })`,
}

test.for<[NodeJS.Signals, number, string]>([
  ['SIGINT', 130, 'spinning'],
  ['SIGTERM', 143, 'Benchaway   local'],
  ['SIGHUP', 129, 'ssh after'],
])(
  '%s ends the run with exit code %i and leaves nothing, also when %s',
  async ([signal, code, moment]) => {
    const project = new Project(endless)
    const { child, until, ended } = project.start(['bench'])
    await until(moment)
    child.kill(signal)
    const { exitCode, text } = await ended
    expect(text).toContain(`benchaway: ${signal}, cleaning up (once more to leave at once)`)
    expect(text).not.toContain('Unhandled')
    expect(lastLine(text)).toBe('left behind: nothing')
    expect(exitCode).toBe(code)
    expect(project.leftovers()).toEqual([])
  },
)

test('a second signal does not wait for the clean-up', async () => {
  const project = new Project(endless)
  const { child, until, ended } = project.start(['bench'])
  await until('spinning')
  child.kill('SIGINT')
  await until('cleaning up')
  child.kill('SIGINT')
  const { exitCode, text } = await ended
  // The clean-up may just have been done.
  expect(text).toMatch(
    /SIGINT again, leaving now: what is left ends by itself|left behind: nothing/,
  )
  expect(exitCode).toBe(130)
})

test('an error that nobody caught in Vitest’s own process ends the run with its machines', async () => {
  const project = new Project({
    ...endless,
    'global.ts': `export default () => { process.once('SIGUSR2', () => { void Promise.reject(new Error('nobody cares')) }) }`,
  })
  project.write({
    'vitest.config.ts': project
      .read('vitest.config.ts')
      .replace('test: {}', `test: { globalSetup: './global.ts' }`),
  })
  const { child, until, ended } = project.start(['bench'])
  await until('spinning')
  child.kill('SIGUSR2')
  const { text, exitCode } = await ended
  expect(text).toContain('Error: nobody cares')
  expect(lastLine(text)).toBe('left behind: nothing')
  expect(exitCode).toBe(1)
  expect(project.leftovers()).toEqual([])
})

test('whoever stops reading what it says ends the run with its machines', async () => {
  const project = new Project({
    'talking.bench.ts': `
      import { test } from 'vitest'
      test('talking', async () => {
        setInterval(() => console.log('talking'), 20)
        await new Promise(() => {})
      })`,
  })
  const { child, until } = project.start(['bench'])
  await until('talking')
  child.stdout.destroy()
  child.stderr.destroy()
  expect(await once(child, 'exit')).toEqual([1, null])
  expect(project.leftovers()).toEqual([])
})

test('killed outright, it leaves no machine of this computer running', async () => {
  const project = new Project(endless)
  const { child, until } = project.start(['bench'])
  await until('spinning')
  child.kill('SIGKILL')
  await once(child, 'exit')
  await expect.poll(() => project.leftovers(), { timeout: 10_000 }).toEqual([])
})
