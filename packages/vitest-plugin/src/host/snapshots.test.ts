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

function save(path: string): string | undefined {
  const options = {
    root,
    chosen: new Set([join(root, 'a.bench.ts.custom')]),
    benchFiles: new Set([join(root, 'a.bench.ts')]),
  }
  return answerSnapshot(
    { benchaway: 'snapshot', id: 1, action: 'save', path, text: 'new' },
    options,
  ).error
}

test('a snapshot is written, read and removed in the project', () => {
  const options = { root, chosen: new Set<string>(), benchFiles: new Set<string>() }
  const path = join(root, 'deep/__snapshots__/a.bench.ts.snap')
  const ask = { benchaway: 'snapshot', id: 7, path } as const
  expect(answerSnapshot({ ...ask, action: 'read' }, options)).toEqual({
    benchaway: 'answer',
    id: 7,
    text: null,
  })
  answerSnapshot({ ...ask, action: 'save', text: 'content' }, options)
  expect(answerSnapshot({ ...ask, action: 'read' }, options).text).toBe('content')
  answerSnapshot({ ...ask, action: 'remove' }, options)
  expect(existsSync(path)).toBe(false)
})

test('the bench file itself and the path that Vitest chose may be written', () => {
  expect(save(join(root, 'a.bench.ts'))).toBeUndefined()
  expect(save(join(root, 'a.bench.ts.custom'))).toBeUndefined()
  expect(save(join(root, 'out/__snapshots__/page.html'))).toBeUndefined()
})

test.for([
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
  writeFileSync(join(root, 'package.json'), 'old')
  expect(save(`${root}/${path}`)).toContain('may not write the snapshot')
  expect(readFileSync(join(root, 'package.json'), 'utf8')).toBe('old')
})
