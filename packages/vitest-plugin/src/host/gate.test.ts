import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { PluginError } from '../errors.ts'
import { Gate } from './gate.ts'

let base = ''
let gate: Gate
beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'benchaway-gate-')))
  const files = {
    'work/package.json': '{"name":"work"}',
    'work/app/package.json': '{"name":"app","dependencies":{"dep":"1"}}',
    'work/app/src/a.ts': '',
    'work/app/.env': 'SECRET=1',
    'work/app/.env.local': '',
    'work/app/.npmrc': '',
    'work/app/tls.pem': '',
    'work/lib/b.ts': '',
    'work/.git/config': '',
    'work/.hidden/.x/.git/config': '',
    'work/app/.ENV.Local': '',
    'work/app/TLS.PEM': '',
    'work/app/id_ecdsa': '',
    'work/app/me.p12': '',
    'work/.hidden/.ssh/known_hosts': '',
    'work/app/.git-credentials': '',
    'work/app/id_map.ts': '',
    'store/dep@1/node_modules/dep/package.json': '{"name":"dep"}',
    'store/dep@1/node_modules/dep/index.js': '',
    'store/other@1/node_modules/other/index.js': '',
    'outside/secret.txt': '',
    'workshop/c.ts': '',
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(base, path)), { recursive: true })
    writeFileSync(join(base, path), text)
  }
  mkdirSync(join(base, 'work/app/node_modules'))
  symlinkSync('../../../store/dep@1/node_modules/dep', join(base, 'work/app/node_modules/dep'))
  symlinkSync(join(base, 'outside'), join(base, 'work/app/out'))
  gate = new Gate({
    root: join(base, 'work/app'),
    allow: [join(base, 'work')],
    deny: ['.env', '.env.*', '*.{crt,pem}', '**/.git/**'],
  })
})
afterAll(() => rmSync(base, { recursive: true }))

const refusal = (words: string): object => ({
  code: 'REQUEST_REFUSED',
  message: expect.stringContaining(words),
})

test.for([
  'work/app/src/a.ts',
  'work/lib/b.ts',
  'work/app/node_modules/dep/index.js',
  'store/dep@1/node_modules/dep/index.js',
  'work/app/src/absent.ts',
  'work/app/id_map.ts',
])('%s may be sent', (path) => {
  expect(() => gate.check(join(base, path))).not.toThrow()
})

test.for([
  'outside/secret.txt',
  'workshop/c.ts',
  'store/other@1/node_modules/other/index.js',
  'work/app/out/secret.txt',
  'work/app/../../outside/secret.txt',
])('%s lies outside', (path) => {
  expect(() => gate.check(`${base}/${path}`)).toThrow(
    expect.objectContaining(refusal('outside the workspace')),
  )
})

test.for([
  'work/app/.env',
  'work/app/.env.local',
  'work/app/.npmrc',
  'work/app/tls.pem',
  'work/.git/config',
  'work/.hidden/.x/.git/config',
  'work/app/.ENV.Local',
  'work/app/TLS.PEM',
  'work/app/id_ecdsa',
  'work/app/me.p12',
  'work/.hidden/.ssh/known_hosts',
  'work/app/.git-credentials',
])('%s is secret by its name', (path) => {
  expect(() => gate.check(join(base, path))).toThrow(expect.objectContaining(refusal('secret')))
})

test('no way of writing a path leads around the check', () => {
  const secret = join(base, 'outside/secret.txt')
  const importer = join(base, 'work/app/src/a.ts')
  const ways: [string, string?][] = [
    [secret],
    [`${secret}?raw`],
    [`/@fs/${secret}?raw`],
    [`/@fs${secret}?url#x`],
    [`/@fs/${base}/work/app/../../outside/secret.txt?raw`],
    [`/@id/${secret}`],
    [`/@id//@fs/${secret}`],
    [pathToFileURL(secret).href],
    ['../../../outside/secret.txt?raw', importer],
    ['../../outside/secret.txt?raw'],
    ['./out/secret.txt?raw', join(base, 'work/app/x.ts')],
    ['/../../outside/secret.txt?raw'],
    ['/etc/passwd?raw'],
    ['/dev/zero?raw'],
  ]
  const refused = ways.filter(([id, from]) => {
    try {
      gate.checkRequest(id, from)
      return false
    } catch (error) {
      return error instanceof PluginError && error.message.includes('outside the workspace')
    }
  })
  expect(refused).toEqual(ways)
})

test('a path under the root is meant before one of the whole computer', () => {
  expect(() => gate.checkRequest('/src/a.ts', undefined)).not.toThrow()
  expect(() => gate.checkRequest('dep', undefined)).not.toThrow()
  expect(() => gate.checkRequest('\0virtual:module', undefined)).not.toThrow()
})

test('a file that is not there yet may not be written through a link that leads outside', () => {
  symlinkSync(join(base, 'outside/new.json'), join(base, 'work/app/dangling.json'))
  const outside = expect.objectContaining(refusal('outside the workspace'))
  expect(() => gate.checkWrite(join(base, 'work/app/out/deep/new.json'))).toThrow(outside)
  expect(() => gate.checkWrite(join(base, 'work/app/dangling.json'))).toThrow(outside)
  expect(() => gate.checkWrite(join(base, 'work/app/deep/new.json'))).not.toThrow()
})
