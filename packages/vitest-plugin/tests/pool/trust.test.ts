import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { config, lastLine, Project, quick, typeA } from './project.ts'

test('a machine gets no file from outside the workspace, however it asks, and the user is told', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'benchaway-secret-'))
  onTestFinished(() => rmSync(outside, { recursive: true }))
  const secret = join(outside, 'secret.txt')
  writeFileSync(secret, 'TOP SECRET')
  writeFileSync(join(outside, 'code.ts'), 'export default "TOP SECRET"')
  const project = new Project({
    '.env': 'PASSWORD=TOP SECRET',
    '.npmrc': '//registry/:_authToken=TOP SECRET',
    'deep/x.bench.ts': `
      import { readFileSync, existsSync } from 'node:fs'
      import { expect, test, vi } from 'vitest'
      const up = '../../../../../../../../../..'
      test.for([
        '${secret}?raw', '/@fs${secret}?raw', '/@fs/${secret}?url&inline', 'file://${secret}?raw',
        '${outside}/code.ts', '/@fs${outside}/code.ts', up + '${secret}?raw', '/@id/${secret}?raw',
        '/etc/passwd?raw', '/@fs/etc/passwd?raw', '/@fs/proc/self/environ?raw',
        '/.env?raw', '../.env?raw', '../.npmrc?raw', '/@fs' + process.cwd() + '/.env?raw',
      ])('%s', async (path) => {
        let got
        try { got = (await import(path)).default } catch (error) { return }
        expect.fail('got ' + got)
      })
      test('importActual', async () => { await expect(vi.importActual('${secret}?raw')).rejects.toThrow() })
      test('it is not there either', () => {
        for (const path of ['${secret}', '../.env', '.env', '.npmrc']) expect(existsSync(path)).toBe(false)
      })`,
  })
  const { text, exitCode } = await project.bench()
  expect(text).not.toContain('TOP SECRET')
  expect(text).toMatch(/Tests +17 passed \(17\)/)
  expect(text).toContain(
    `${typeA}: ${secret} was not sent to the machine: it lies outside the workspace`,
  )
  expect(text).toMatch(/\.env was not sent to the machine: its name says that it is secret/)
  expect(exitCode).toBe(0)
  expect(lastLine(text)).toBe('left behind: nothing')
})

test('secrets of the environment do not arrive, not even by the config that copies all of it', async () => {
  const project = new Project({
    'vitest.config.ts': config(
      `{ project: 'pool-test', instances: ['${typeA}'], target: 'local' }`,
      `{ env: { ...process.env, OWN: 'value' } }`,
    ),
    'env.bench.ts': `
      import { test } from 'vitest'
      test('env', async ({ bench }) => {
        console.log('OWN is', process.env.OWN)
        console.log(JSON.stringify({ ...process.env }), JSON.stringify({ ...import.meta.env }))
        await bench('x', () => {}).run(${quick})
      })`,
  })
  const { text, exitCode } = await project.bench([], {
    GITHUB_TOKEN: 'TOP-SECRET',
    NPM_TOKEN: 'TOP-SECRET',
    MY_PASSWORD: 'TOP-SECRET',
    AWS_SECRET_ACCESS_KEY: 'TOP-SECRET',
    AWS_SESSION_TOKEN: 'TOP-SECRET',
  })
  expect(text).toContain('OWN is value')
  expect(text).not.toContain('TOP-SECRET')
  expect(exitCode).toBe(0)
})

const colour = new RegExp(String.raw`\u001b\[[0-9;]*m`, 'g')

test('what a machine prints cannot command the terminal', async () => {
  const evil = String.raw`\u001b]0;pwned\u0007\u001b[2J\u001b[1;1H\u001b]52;c;cm0K\u0007\r`
  const project = new Project({
    'evil.bench.ts': `
      import { test } from 'vitest'
      test('name ${evil}', async ({ bench }) => {
        console.log('log ${evil} \\u001b[31mred\\u001b[39m'); process.stdout.write('raw ${evil}\\n')
        await bench('bench ${evil}', () => {}).run(${quick})
        throw new Error('error ${evil}')
      })`,
  })
  const { raw, exitCode } = await project.bench()
  for (const words of ['name', 'log', 'raw', 'bench', 'error']) expect(raw).toContain(words)
  expect(raw).toContain('\u001b[31mred\u001b[39m')
  // Vitest prints colours itself; nothing else may begin with an escape, and no control character may be left.
  const controls = raw
    .replaceAll(colour, '')
    .split('')
    .filter((letter) => letter !== '\n' && letter !== '\t' && /\p{Cc}/u.test(letter))
  expect(controls).toEqual([])
  expect(raw).not.toContain('pwned')
  expect(exitCode).toBe(1)
})

test('a machine cannot overwrite files of the project with results or snapshots', async () => {
  const project = new Project({
    'write.bench.ts': `
      import { expect, test } from 'vitest'
      test('result', async ({ bench }) => { await bench('x', { writeResult: './package.json' }, () => {}).run(${quick}) })
      test('result outside', async ({ bench }) => { await bench('x', { writeResult: '../out.json' }, () => {}).run(${quick}) })
      test('snapshot', async () => { await expect('evil').toMatchFileSnapshot('./vitest.config.ts') })
      test('hook', async () => { await expect('evil').toMatchFileSnapshot('./.git/hooks/pre-commit') })
      test('code', async () => { await expect('evil').toMatchFileSnapshot('./__snapshots__/evil.driver.bench.ts') })`,
  })
  const before = [project.read('package.json'), project.read('vitest.config.ts')]
  const { text, exitCode } = await project.bench(['-u'])
  expect([project.read('package.json'), project.read('vitest.config.ts')]).toEqual(before)
  expect(text).toContain('package.json is no benchmark result, so it is not overwritten with one')
  expect(text).toContain('out.json may not be written by a machine: it lies outside the workspace')
  expect(text).toContain('may not write the snapshot')
  expect(() => project.read('.git/hooks/pre-commit')).toThrow('ENOENT')
  expect(() => project.read('__snapshots__/evil.driver.bench.ts')).toThrow('ENOENT')
  expect(exitCode).toBe(1)
})
