import { expect, test } from 'vitest'

import { config, Project, quick, typeA } from './project.ts'

const given = `{ project: 'pool-test', instances: ['${typeA}'], target: 'local' }`
const files = {
  'fine.bench.ts': `
    import { test } from 'vitest'
    test('fine', async ({ bench }) => { await bench('x', () => {}).run(${quick}) })`,
  // Vitest asks for it before it loads any file.
  'node_modules/jsdom/package.json': '{ "name": "jsdom", "main": "jsdom.js" }',
  'node_modules/jsdom/jsdom.js': '',
  'unit.test.ts': `import { expect, test } from 'vitest'; test('unit', () => { expect(1).toBe(1) })`,
}

test.for([
  ['run', '--reporter=verbose'],
  ['list', '--json'],
])('vitest %s %s is the same with the plugin as without', async (args) => {
  // With this Vitest also counts bench files when it runs tests, and runs them here.
  const project = new Project({
    ...files,
    'vitest.config.ts': config(given, '{ benchmark: { enabled: true } }'),
    'plain.config.ts': 'export default { test: { benchmark: { enabled: true } } }',
  })
  const run = async (more: string[]): Promise<string> => {
    const { text, exitCode } = await project.start([...args, ...more]).ended
    const [report = ''] = text.split('Start at')
    const steady = report.replaceAll(/[\d.,:]+(?:ms|s)?|±|%/g, '').replaceAll(/ +/g, ' ')
    return `${steady}exit ${exitCode}`
  }
  const [ours, plain] = [await run([]), await run(['--config', 'plain.config.ts'])]
  expect(ours).toBe(plain)
  expect(ours).toContain('unit')
  expect(ours).toContain('fine')
})

test.for<[what: string, config: string, args: string[], words: string[]]>([
  [
    'an option that does not exist',
    config(`{ project: 'x', instances: ['${typeA}'], targt: 'local' }`),
    [],
    [
      "BenchawayError (OPTION_INVALID): benchaway() has no option 'targt'",
      "Did you mean 'target'?",
    ],
  ],
  [
    'an option of the wrong type',
    config(`{ project: 'x', instances: '${typeA}' }`),
    [],
    [`option 'instances' of benchaway() is '${typeA}'`, 'Give a list of different instance types'],
  ],
  [
    'projects of the user',
    config(given, `{ projects: ['a', 'b'] }`),
    [],
    ['BenchawayError (CONFIG_CONFLICT): the config has `test.projects`'],
  ],
  [
    'a pool on the command line',
    config(given),
    ['--pool=threads'],
    ['--pool=threads and benchaway both decide where bench files run'],
  ],
  [
    'an environment that no machine has',
    config(given, `{ environment: 'jsdom' }`),
    [],
    [
      "BenchawayError (CONFIG_CONFLICT): the config has `test.environment` 'jsdom', and machines have only 'node'",
      'Give benchmarks a config of their own: vitest bench --config vitest.bench.config.ts',
    ],
  ],
])('%s stops the run before anything is launched', async ([, text, args, words]) => {
  const project = new Project({ ...files, 'vitest.config.ts': text })
  const output = await project.bench(args)
  for (const expected of words) expect(output.text).toContain(expected)
  expect(output.text).not.toContain('    at ')
  expect(output.text).not.toContain('Benchaway   ')
  expect(output.exitCode).toBe(1)
})

test('with a Vite server for each project the files still run on machines', async () => {
  const project = new Project({
    ...files,
    'vitest.config.ts': config(given, '{ sharedViteServer: false }'),
  })
  const { text, exitCode } = await project.bench()
  expect(text).toMatch(new RegExp(`${typeA} +i-\\w+ at `))
  expect(text).toMatch(/Test Files +1 passed \(1\)/)
  expect(exitCode).toBe(0)
})

test('a file with an environment that no machine has fails alone, and says so', async () => {
  // In one piece Vitest would take it for a wish of this file.
  const comment = ['// @vitest', 'environment jsdom'].join('-')
  const project = new Project({
    ...files,
    'a.bench.ts': `${comment}\n${files['fine.bench.ts']}`,
  })
  const { text, exitCode } = await project.bench()
  expect(text).toContain("Error: Cannot find package 'jsdom'")
  expect(text).toMatch(/Test Files +1 failed \| 1 passed \(2\)/)
  expect(text).not.toContain('Unhandled')
  expect(exitCode).toBe(1)
})

test('no bench file, no machine', async () => {
  const project = new Project({ ...files })
  const { text, exitCode } = await project.bench(['no-such-file'])
  expect(text).toContain('No test files found')
  expect(text).not.toContain('Benchaway')
  expect(exitCode).toBe(1)
})
