import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { markAsUsed, tidyCache } from '../../src/machine/image-cache.ts'

test('a half-built root file system goes when its builder is gone, even if another process has its id', async () => {
  const dead = spawnSync('true').pid
  const alive = `rootfs-trixie-0.${process.pid}-${startOf(process.pid)}`
  const cache = cacheOf([
    `rootfs-trixie-0.${dead}-1`,
    `image-trixie-0.${dead}-1`,
    // This very process has the id, but started at another time than the builder.
    `rootfs-trixie-0.${process.pid}-1`,
    alive,
    'rootfs-trixie-0',
    'notes',
  ])
  await tidyCache(cache)
  expect(readdirSync(cache).toSorted()).toEqual(['notes', 'rootfs-trixie-0', alive].toSorted())
})

test('an image goes thirty days after it was last used, and nothing else does', async () => {
  const cache = cacheOf(['image-bookworm-1', 'image-bookworm-2', 'rootfs-trixie-3', 'notes'])
  const days = (count: number): Date => new Date(Date.now() - count * 86_400_000)
  for (const name of readdirSync(cache)) utimesSync(join(cache, name), days(60), days(60))
  markAsUsed(join(cache, 'image-bookworm-1'))
  markAsUsed(join(cache, 'image-bookworm-2'))
  utimesSync(join(cache, 'image-bookworm-1.lock'), days(29.9), days(29.9))
  utimesSync(join(cache, 'image-bookworm-2.lock'), days(30.1), days(30.1))
  await tidyCache(cache)
  expect(readdirSync(cache).toSorted()).toEqual([
    'image-bookworm-1',
    'image-bookworm-1.lock',
    'notes',
  ])
})

function cacheOf(names: readonly string[]): string {
  const cache = mkdtempSync(join(tmpdir(), 'local-ec2-rootfs-'))
  onTestFinished(() => rmSync(cache, { recursive: true }))
  for (const name of names) {
    mkdirSync(join(cache, name))
    writeFileSync(join(cache, name, 'file'), '')
  }
  return cache
}

function startOf(pid: number): string | undefined {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19]
}
