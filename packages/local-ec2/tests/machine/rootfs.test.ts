import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { removeAbandoned } from '../../src/machine/rootfs.ts'

const isRoot = process.getuid?.() === 0

test.skipIf(isRoot)(
  `a half-built root file system goes when its builder is gone, even if another process has its id${isRoot ? ' (for ordinary users)' : ''}`,
  async () => {
    const cache = mkdtempSync(join(tmpdir(), 'local-ec2-rootfs-'))
    onTestFinished(() => rmSync(cache, { recursive: true }))
    const dead = spawnSync('true').pid
    const alive = `rootfs-trixie-0.${process.pid}-${startOf(process.pid)}`
    const names = [
      `rootfs-trixie-0.${dead}-1`,
      // This very process has the id, but started at another time than the builder.
      `rootfs-trixie-0.${process.pid}-1`,
      alive,
      'rootfs-trixie-0',
      'notes',
    ]
    for (const name of names) {
      mkdirSync(join(cache, name))
      writeFileSync(join(cache, name, 'file'), '')
    }
    await removeAbandoned(cache)
    expect(readdirSync(cache).toSorted()).toEqual(['notes', 'rootfs-trixie-0', alive].toSorted())
  },
)

function startOf(pid: number): string | undefined {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19]
}
