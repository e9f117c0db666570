import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { recipeOf } from './bootstrap.ts'

test('a root file system that is removed while it is built is not tidied in the place of another', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bootstrap-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const file of ['etc/hostname', 'etc/apt/sources.list.d/mine', 'usr/share/doc/read']) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), '')
  }
  const tree = (): string => execFileSync('find', [folder, '-size', '0'], { encoding: 'utf8' })
  const before = tree()
  const { options } = recipeOf({ codename: 'x', lines: [], archive: ['deb x'] }, [])
  const hooks = options.flatMap((option) => /^--customize-hook=(.*)$/s.exec(option)?.[1] ?? [])
  expect(hooks).toHaveLength(1)
  for (const hook of hooks) {
    const { status } = spawnSync('sh', ['-c', hook, 'sh', join(folder, 'gone')], { cwd: folder })
    expect(status).not.toBe(0)
  }
  expect(tree()).toBe(before)
})
