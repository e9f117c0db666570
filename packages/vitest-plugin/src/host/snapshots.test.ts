import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { answerSnapshot } from './snapshots.ts'

let base = ''
let root = ''
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'benchaway-snap-'))
  root = join(base, 'project')
  mkdirSync(root)
})
afterEach(() => rmSync(base, { recursive: true }))

const snap =
  '// Vitest Snapshot v1, https://vitest.dev/guide/snapshot.html\n\nexports[`a \\`b\\` 1`] = `\n$5 \\${x}\n`;\n'

function save(
  path: string,
  updateSnapshot: 'all' | 'new' | 'none' = 'all',
  text: string = snap,
): string | undefined {
  const options = {
    root,
    chosen: new Set([join(root, 'a.bench.ts.custom')]),
    benchFiles: new Set([join(root, 'a.bench.ts')]),
    updateSnapshot,
  }
  return answerSnapshot({ benchaway: 'snapshot', id: 1, action: 'save', path, text }, options).error
}

test('a snapshot is written, read and removed in the project', () => {
  const options = {
    root,
    chosen: new Set<string>(),
    benchFiles: new Set<string>(),
    updateSnapshot: 'new',
  } as const
  const path = join(root, 'deep/__snapshots__/a.bench.ts.snap')
  const ask = { benchaway: 'snapshot', id: 7, path } as const
  expect(answerSnapshot({ ...ask, action: 'read' }, options)).toEqual({
    benchaway: 'answer',
    id: 7,
    text: null,
  })
  answerSnapshot({ ...ask, action: 'save', text: snap }, options)
  expect(answerSnapshot({ ...ask, action: 'read' }, options).text).toBe(snap)
  answerSnapshot({ ...ask, action: 'remove' }, options)
  expect(existsSync(path)).toBe(false)
})

test('the bench file itself and the path that Vitest chose may be written', () => {
  expect(save(join(root, 'a.bench.ts'))).toBeUndefined()
  expect(save(join(root, 'a.bench.ts.custom'))).toBeUndefined()
  expect(save(join(root, 'out/__snapshots__/page.html'))).toBeUndefined()
})

test.for([
  '__snapshots__/evil.driver.bench.ts',
  '__snapshots__/vitest.config.js',
  '__snapshots__/package.json',
  '__snapshots__/run',
  '__snapshots__/dangling.txt',
  'package.json',
  'vitest.config.ts',
  'b.bench.ts',
  '../outside.snap',
  '.git/hooks/x.snap',
  'node_modules/x/index.snap',
  'linked/x.snap',
  '__snapshots__/../package.json',
])('%s may not be written', (path) => {
  symlinkSync(base, join(root, 'linked'))
  mkdirSync(join(root, '__snapshots__'))
  symlinkSync(join(root, 'new.ts'), join(root, '__snapshots__/dangling.txt'))
  writeFileSync(join(root, 'package.json'), 'old')
  expect(save(`${root}/${path}`)).toContain('may not write the snapshot')
  expect(readFileSync(join(root, 'package.json'), 'utf8')).toBe('old')
})

test.for([
  'process.exit()',
  'exports[`a`] = `${process.exit()}`;\n',
  'exports[`a`] = `\\\\${process.exit()}`;\n',
  '// x\u2028process.exit()\nexports[`a`] = `b`;\n',
  'exports[`a`] = `b`;process.exit()\n',
])('a snapshot file that would run %j is refused', (text) => {
  expect(save(join(root, 'a.bench.ts.snap'), 'all', text)).toContain('more than snapshots')
  expect(existsSync(join(root, 'a.bench.ts.snap'))).toBe(false)
})

test('nothing changes when snapshots may not, and only -u replaces plain data', () => {
  const page = join(root, '__snapshots__/page.html')
  expect(save(page, 'none')).toContain('may not change snapshots')
  expect(save(join(root, 'a.snap'), 'none')).toContain('may not change snapshots')
  expect(save(page, 'new')).toBeUndefined()
  expect(save(page, 'new')).toContain('only `-u`')
  expect(save(page, 'all')).toBeUndefined()
})

test('a bench file is rewritten for inline snapshots alone', () => {
  const bench = join(root, 'a.bench.ts')
  writeFileSync(bench, 'expect(1).toBe(1)')
  expect(save(bench, 'new')).toContain('only for its inline snapshots')
  writeFileSync(bench, 'expect(1).toMatchInlineSnapshot()')
  expect(save(bench, 'new')).toBeUndefined()
  expect(save(bench, 'none')).toContain('may not change snapshots')
})
