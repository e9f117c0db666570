import { chmodSync } from 'node:fs'

import { expect, test } from 'vitest'

import { config, lastLine, linesBetween, Project, quick, typeA } from './project.ts'

test('a bench file finds on the machine what it finds at home', async () => {
  const project = new Project({
    'vitest.config.ts': config(
      `{ project: 'pool-test', instances: ['${typeA}'], target: 'local', files: ['fixtures/**'], env: ['LISTED'] }`,
      `{ setupFiles: './setup.ts', globalSetup: './global.ts', provide: { given: [1, { two: 2n }] }, env: { WRITTEN: 'down' } }`,
    ),
    'setup.ts': 'globalThis.setUp = true',
    'global.ts': `
      import { appendFileSync } from 'node:fs'
      export default (project) => {
        appendFileSync('global.log', 'up ')
        project.provide('fromGlobal', 'hello')
        return () => appendFileSync('global.log', 'down ')
      }`,
    'fixtures/input.txt': 'read me',
    'data.json': '{ "answer": 42 }',
    'src/mocked.ts': 'export const real = () => "real"',
    'node_modules/esm-package/package.json':
      '{ "name": "esm-package", "type": "module", "exports": "./index.js", "dependencies": { "cjs-package": "1" } }',
    'node_modules/esm-package/index.js': `import cjs from 'cjs-package'; export const sum = cjs.one + 1`,
    'node_modules/cjs-package/package.json': '{ "name": "cjs-package", "main": "main.js" }',
    'node_modules/cjs-package/main.js': `exports.one = require('./lib/one.js')`,
    'node_modules/cjs-package/lib/one.js': 'module.exports = 1',
    'node_modules/vitest-helper/package.json':
      '{ "name": "vitest-helper", "type": "module", "exports": "./index.js" }',
    'node_modules/vitest-helper/index.js': `import { expect } from 'vitest'; export const check = (value) => expect(value).toBe(true)`,
    'all.bench.ts': `
      import { readFileSync } from 'node:fs'
      import { sum } from 'esm-package'
      import { afterAll, beforeEach, describe, expect, inject, test, vi } from 'vitest'
      import { check } from 'vitest-helper'
      import data from './data.json'
      import raw from './fixtures/input.txt?raw'
      import { real } from './src/mocked.ts'
      vi.mock('./src/mocked.ts', () => ({ real: () => 'mocked' }))
      const order: string[] = []
      beforeEach(() => void order.push('beforeEach'))
      afterAll(() => console.log('order:', order.join(' ')))
      describe('everything', () => {
        test('packages, with theirs, and one that imports Vitest', () => { expect(sum).toBe(2); check(true) })
        test('json and raw text', () => { expect([data.answer, raw]).toEqual([42, 'read me']) })
        test('a fixture at run time', () => {
          expect(readFileSync(new URL('./fixtures/input.txt', import.meta.url), 'utf8')).toBe('read me')
          expect(readFileSync('fixtures/input.txt', 'utf8')).toBe('read me')
        })
        test('its own path', () => { expect(import.meta.dirname).toBe(process.cwd()) })
        test('set-up, provided values and environment', () => {
          expect(globalThis.setUp).toBe(true)
          expect(inject('given')).toEqual([1, { two: 2n }])
          expect(inject('fromGlobal')).toBe('hello')
          expect(inject('benchaway:instance')).toBe('${typeA}')
          expect([process.env.LISTED, process.env.UNLISTED, process.env.WRITTEN]).toEqual(['yes', undefined, 'down'])
          expect(import.meta.env.MODE).toBe('test')
        })
        test('mocks', () => { expect(real()).toBe('mocked') })
        test('the same Node', () => { expect(process.version).toBe('${process.version}') })
        test('a benchmark', async ({ bench }) => {
          order.push('bench')
          await bench('sum', () => sum + 1).run(${quick})
        })
        test('output', () => {
          console.log('with console.log'); console.error('with console.error')
          process.stdout.write('on stdout\\n'); process.stderr.write('on stderr\\n')
        })
        test.skip('skipped', () => {})
        test.todo('to do')
      })`,
  })
  const { text, exitCode } = await project.bench([], { LISTED: 'yes', UNLISTED: 'no' })
  expect(text).toMatch(/Tests +9 passed \| 1 skipped \| 1 todo \(11\)/)
  for (const words of ['with console.log', 'with console.error', 'on stdout', 'on stderr']) {
    expect(text).toContain(words)
  }
  expect(text).toMatch(/order: beforeEach.* bench/)
  expect(project.read('global.log')).toBe('up down ')
  expect(lastLine(text)).toBe('left behind: nothing')
  expect(exitCode).toBe(0)
})

test('what fails on a machine is reported word for word as what fails at home', async () => {
  const project = new Project({
    'local.config.ts': 'export default {}',
    'src/throws.ts': `
      export function outer(): never { return inner() }
      function inner(): never {
        throw new TypeError('from the depth', { cause: new Error('the cause') })
      }`,
    'fails.bench.ts': `
      import { expect, test } from 'vitest'
      import { outer } from './src/throws.ts'
      test('a diff', () => { expect({ a: [1, 2], b: 'x' }).toEqual({ a: [1, 3], b: 'x' }) })
      test('a thrown error', () => { outer() })
      test('a benchmark that throws', async ({ bench }) => { await bench('x', () => { throw new Error('in the bench') }).run(${quick}) })
      test('a missing module', async () => { await import('./not-there.ts') })
      test('a missing package', async () => { await import('not-installed') })
      test('a time-out', async () => { await new Promise(() => {}) }, 20)
      test.fails('expected to fail', () => { throw new Error('as it should') })
      test('a snapshot that differs', () => { expect('new').toMatchInlineSnapshot('"old"') })`,
  })
  const [remote, local] = await Promise.all([
    project.bench(),
    project.bench(['--config', 'local.config.ts']),
  ])
  const failures = (text: string): string[] =>
    linesBetween(text, 'Failed Tests', 'Test Files')
      // On a machine tinybench is a part of Vitest's bundle, whose frames Vitest hides.
      .filter((line) => !line.includes('node_modules/tinybench'))
      .map((line) => line.replace(/\|.+?\| /, '').replaceAll(/\d+ms/g, 'ms'))
  expect(failures(remote.text)).toEqual(failures(local.text))
  expect(failures(local.text).join('\n')).toContain('src/throws.ts:4:15')
  expect([remote.exitCode, local.exitCode]).toEqual([1, 1])
  expect(lastLine(remote.text)).toBe('left behind: nothing')
})

test('snapshots and results lie in the project afterwards, and are read from there', async () => {
  const project = new Project({
    'snap.bench.ts': `
      import { expect, test } from 'vitest'
      test('snap', async ({ bench }) => {
        expect({ a: 1 }).toMatchSnapshot()
        expect('inline').toMatchInlineSnapshot()
        await expect('<html>').toMatchFileSnapshot('./__snapshots__/page.html')
        await bench('x', { writeResult: './results/x.json' }, () => {}).run(${quick})
        await bench.compare(bench('y', () => {}), bench.from('before', './results/x.json'), ${quick})
      })`,
  })
  const first = await project.bench()
  expect(first.text).toMatch(/Snapshots +3 written/)
  expect(first.exitCode).toBe(0)
  expect(project.read('__snapshots__/snap.bench.ts.snap')).toContain('"a": 1')
  expect(project.read('__snapshots__/page.html')).toBe('<html>')
  expect(project.read('snap.bench.ts')).toContain(`toMatchInlineSnapshot(\`"inline"\`)`)

  project.write({ 'snap.bench.ts': project.read('snap.bench.ts').replace('a: 1', 'a: 2') })
  const second = await project.bench()
  expect(second.text).toContain('Snapshots  1 failed')
  expect(second.exitCode).toBe(1)
})

test('a project below a folder that only its owner may enter runs on a machine too', async () => {
  const project = new Project({
    'in here.bench.ts': `
      import { test } from 'vitest'
      test('x', async ({ bench }) => { await bench('x', () => {}).run(${quick}) })`,
  })
  chmodSync(project.folder, 0o700)
  const { exitCode, text } = await project.bench()
  expect(text).toContain('in here.bench.ts (1 test)')
  expect(exitCode).toBe(0)
})

test('a package of a workspace runs with what lies above it, linked as pnpm does', async () => {
  const project = new Project({
    'pnpm-workspace.yaml': 'packages: [packages/*]',
    'packages/lib/src/index.ts': `export const twice = (n: number): number => n * 2`,
    'packages/lib/package.json': '{ "name": "lib", "type": "module", "exports": "./src/index.ts" }',
    'packages/app/package.json':
      '{ "name": "app", "type": "module", "dependencies": { "one": "1", "lib": "1" } }',
    'packages/app/app.bench.ts': `
      import { twice } from 'lib'
      import { one } from 'one'
      import { expect, test } from 'vitest'
      test('app', async ({ bench }) => {
        expect(twice(one)).toBe(4)
        await bench('x', () => twice(one)).run(${quick})
      })`,
    'node_modules/.pnpm/one@1/node_modules/one/package.json':
      '{ "name": "one", "type": "module", "exports": "./index.js", "dependencies": { "two": "1" } }',
    'node_modules/.pnpm/one@1/node_modules/one/index.js': `export { two as one } from 'two'`,
    'node_modules/.pnpm/two@1/node_modules/two/package.json':
      '{ "name": "two", "main": "index.cjs" }',
    'node_modules/.pnpm/two@1/node_modules/two/index.cjs': 'exports.two = 2',
  })
  project.link(
    'packages/app/node_modules/one',
    '../../../node_modules/.pnpm/one@1/node_modules/one',
  )
  project.link('node_modules/.pnpm/one@1/node_modules/two', '../../two@1/node_modules/two')
  project.link('packages/app/node_modules/lib', '../../lib')
  project.write({ 'packages/app/vitest.config.ts': project.read('vitest.config.ts') })
  const { text, exitCode } = await project.bench(['--root', 'packages/app'])
  expect(text).toMatch(/Tests +1 passed \(1\)/)
  expect(exitCode).toBe(0)
  expect(lastLine(text)).toBe('left behind: nothing')
})
