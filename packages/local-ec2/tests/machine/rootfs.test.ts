import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test, vi } from 'vitest'

import { markAsUsed, tidyCache } from '../../src/machine/image-cache.ts'
import { prepareImage } from '../../src/machine/rootfs.ts'

test('a half-built root file system goes when its builder is gone, and not while that lives, be it in another container', async () => {
  // By numbers that mean nothing here, as those of a process in another pid namespace.
  const halves = ['image-trixie-0.1-1', 'image-trixie-0.AbCdEfGhIj']
  const cache = cacheOf([...halves, 'rootfs-trixie-0.1-1', 'rootfs-trixie-0', 'notes'])
  const builder = spawn('flock', [join(cache, 'image-trixie-0.lock'), 'sh', '-c', 'echo; read _'])
  onTestFinished(() => void builder.kill('SIGKILL'))
  await once(builder.stdout, 'data')
  await tidyCache(cache)
  expect(built(cache)).toEqual([...halves, 'notes', 'rootfs-trixie-0'])
  builder.stdin.end()
  await once(builder, 'exit')
  await tidyCache(cache)
  expect(built(cache)).toEqual(['notes', 'rootfs-trixie-0'])
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
  expect(built(cache)).toEqual(['image-bookworm-1', 'notes'])
})

test('a cache that cannot be written, or is gone, keeps nobody from what is in it', async () => {
  expect(markAsUsed('/proc/image-trixie-0')).toBeUndefined()
  expect(await tidyCache('/proc/gone')).toBeUndefined()
})

test('nobody but its user can read the cache, whatever the umask', async () => {
  const cache = cacheOf([])
  vi.stubEnv('XDG_CACHE_HOME', cache)
  onTestFinished(() => void vi.unstubAllEnvs())
  const before = process.umask(0)
  onTestFinished(() => void process.umask(before))
  const asked = prepareImage('debian-13', AbortSignal.abort(new Error('nobody waits')))
  await expect(asked).rejects.toThrow('nobody waits')
  expect(statSync(join(cache, 'benchaway')).mode.toString(8)).toBe('40700')
})

test('where the cache cannot be, that is told', async () => {
  vi.stubEnv('XDG_CACHE_HOME', '/dev/null')
  onTestFinished(() => void vi.unstubAllEnvs())
  await expect(prepareImage('debian-13')).rejects.toMatchObject({
    name: 'LocalEc2Error',
    code: 'ROOTFS_FAILED',
    message: expect.stringMatching(
      /^Debian trixie has no place in \/dev\/null\/benchaway: Error: ENOTDIR: /,
    ),
    hint: 'Set XDG_CACHE_HOME to a directory that may be written.',
  })
})

/** What is there but for locks. */
const built = (cache: string): string[] =>
  readdirSync(cache)
    .filter((name) => !name.endsWith('.lock'))
    .toSorted()

function cacheOf(names: readonly string[]): string {
  const cache = mkdtempSync(join(tmpdir(), 'local-ec2-rootfs-'))
  onTestFinished(() => rmSync(cache, { recursive: true }))
  for (const name of names) {
    mkdirSync(join(cache, name))
    writeFileSync(join(cache, name, 'file'), '')
  }
  return cache
}
