import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { fixturesOf } from './fixtures.ts'

let root = ''
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'benchaway fixtures ')))
  for (const folder of ['data', 'beside']) mkdirSync(join(root, folder))
  for (const file of ['data/plain', 'beside/near']) writeFileSync(join(root, file), '')
})
afterEach(() => rmSync(root, { recursive: true }))

test('a folder behind a link is all that is in it', () => {
  symlinkSync('../beside', join(root, 'data/link'))
  expect([...fixturesOf(root, ['data']).keys()].toSorted()).toEqual([
    `${root}/data/link/near`,
    `${root}/data/plain`,
  ])
})

test.for([
  ['to nothing', 'nowhere', 'leads to nothing'],
  ['to itself', 'link', 'leads to nothing'],
  ['to its own folder', '.', 'leads to a folder that it lies in'],
  ['to a folder that leads back', '../beside', 'leads to a folder that it lies in'],
])('a link %s is named', ([, to = '', words = '']) => {
  symlinkSync(to, join(root, 'data/link'))
  symlinkSync('../data', join(root, 'beside/back'))
  const link = to === '../beside' ? 'data/link/back' : 'data/link'
  expect(() => fixturesOf(root, ['data'])).toThrow(
    expect.objectContaining({
      code: 'SHIP_FAILED',
      message: `the option 'files' names the link ${root}/${link}, which ${words}`,
      hint: 'Remove the link, or name files beside it.',
    }),
  )
})
