import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { Cover } from './cover.ts'

let root: string
let cover: Cover

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cover-'))
  for (const folder of ['base/etc/ssh', 'base/etc/private/deep', 'over']) {
    mkdirSync(join(root, folder), { recursive: true })
  }
  for (const file of ['base/etc/ssh/key', 'base/etc/ssh/other', 'base/etc/private/deep/x']) {
    writeFileSync(join(root, file), 'secret')
  }
  // What the kernel takes for "not there" only root may make; any file does for the places of it.
  writeFileSync(join(root, 'whiteout'), '')
  cover = new Cover(join(root, 'base'), join(root, 'over'), join(root, 'whiteout'))
})

afterEach(() => rmSync(root, { recursive: true }))

const tree = (): string[] =>
  execFileSync('find', ['.', '-type', 'f'], { cwd: join(root, 'over') })
    .toString()
    .trim()
    .split('\n')
    .toSorted()

test('hides what the base has, once, and nothing that it has not', () => {
  cover.hide('/etc/private')
  cover.hide('/etc/private/deep/x')
  cover.hide('/etc/absent')
  expect(tree()).toEqual(['./etc/private'])
})

test('empties a folder and puts a file of ours into it', () => {
  cover.empty('/etc/ssh')
  cover.write('/etc/ssh/key', 'ours', 0o640)
  expect(tree()).toEqual(['./etc/ssh/key', './etc/ssh/other'])
  expect(statSync(join(root, 'over/etc/ssh/key'))).toMatchObject({
    size: 4,
    mode: 0o100640,
    nlink: 1,
  })
  expect(statSync(join(root, 'whiteout')).size).toBe(0)
})

test('gives a folder the mode that it has in the base', () => {
  execFileSync('chmod', ['750', join(root, 'base/etc/private')])
  cover.write('/etc/private/ours', '', 0o644)
  expect(statSync(join(root, 'over/etc/private')).mode & 0o777).toBe(0o750)
  expect(readdirSync(join(root, 'over/etc/private'))).toEqual(['ours'])
})

test('does not write below what is hidden', () => {
  cover.hide('/etc/private')
  expect(() => cover.write('/etc/private/ours', '', 0o644)).toThrow(
    '/etc/private/ours lies in a directory that is hidden',
  )
})
