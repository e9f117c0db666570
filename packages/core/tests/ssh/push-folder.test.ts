import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { type Connection, connect } from '../../src/ssh/connection.ts'
import type { TransferProgress } from '../../src/ssh/transfer/progress.ts'
import { push } from '../../src/ssh/transfer/push.ts'
import { type Sshd, startSshd } from '../sshd.ts'
import { closing } from './far-away.ts'
import { programs } from './hostile.ts'
import { leaves, names } from './trees.ts'

let sshd: Sshd
let connection: Connection
const isRoot = process.getuid?.() === 0
/** A folder to push; empty before each test. */
let here: string
/** Where it is to appear; not there before each test, but the folder around it is. */
let there: string

beforeAll(async () => {
  sshd = await startSshd()
  connection = await connect(sshd.target)
})
afterAll(async () => {
  connection.close()
  await sshd[Symbol.asyncDispose]()
})
beforeEach(() => {
  here = mkdtempSync(path.join(sshd.folder, 'here-'))
  there = path.join(mkdtempSync(path.join(sshd.folder, 'there-')), 'far')
})

/** Files by name with their content; a name that ends in a slash is a folder. */
function make(files: Record<string, string | Uint8Array>, at = here): void {
  for (const [name, content] of Object.entries(files)) {
    const full = path.join(at, name)
    mkdirSync(name.endsWith('/') ? full : path.dirname(full), { recursive: true })
    if (!name.endsWith('/')) writeFileSync(full, content)
  }
}

describe('a folder that is not there yet', () => {
  test('arrives with modes, times, links and empty folders', async () => {
    make({ 'a/b/c': 'c', 'a/empty/': '', run: '#!/bin/sh\n', none: '', large: randomBytes(3e6) })
    chmodSync(path.join(here, 'run'), 0o4755)
    chmodSync(path.join(here, 'a/b/c'), 0o400)
    chmodSync(path.join(here, 'a/empty'), 0o1777)
    symlinkSync('../../nowhere', path.join(here, 'a/broken'))
    symlinkSync('/etc/passwd', path.join(here, 'absolute'))
    symlinkSync('x'.repeat(300), path.join(here, 'long'))
    const touch = (name: string, time: string): void => {
      execFileSync('touch', ['-h', '-d', time, path.join(here, name)])
    }
    touch('none', '1969-12-31 23:59:58.5 UTC')
    touch('a/broken', '2001-02-03 04:05:06.000000007 UTC')
    touch('a/b', '2001-02-03 04:05:06.7 UTC')
    touch('.', '2030-01-01 00:00:00 UTC')
    chmodSync(here, 0o750)
    const { durationMs, ...report } = await push(connection, here, there)
    expect(report).toEqual({ files: 7, bytes: 3_000_011, skipped: 0 })
    expect(durationMs).toBeGreaterThan(0)
    expect(leaves(there)).toEqual(leaves(here))
    expect(readdirSync(path.dirname(there))).toEqual(['far'])
  })

  test('arrives with names of any bytes', async () => {
    const bytes = Array.from({ length: 255 }, (_, byte) => byte + 1)
    const all = Buffer.from(bytes.filter((byte) => byte !== 0x2f))
    for (const name of [
      all.subarray(0, 127),
      all.subarray(127),
      Buffer.from('-rf'),
      Buffer.from('back\\slash'),
      Buffer.from('line\nbreak'),
      Buffer.from(' '),
      Buffer.from('GNUSparseFile.0'),
      Buffer.alloc(255, 'x'),
    ]) {
      const folder = Buffer.concat([Buffer.from(`${here}/`), name])
      mkdirSync(folder)
      writeFileSync(Buffer.concat([folder, Buffer.from('/'), name]), name)
      symlinkSync(name, Buffer.concat([folder, Buffer.from('/link')]))
    }
    await push(connection, here, there, { checksum: true })
    expect(leaves(there)).toEqual(leaves(here))
    expect(leaves(there).size).toBe(25)
    // And they are known again.
    expect(await push(connection, here, there)).toMatchObject({ files: 0, skipped: 16 })
    expect(await push(connection, here, there, { checksum: true })).toMatchObject({ files: 0 })
  })

  test('arrives with paths of any length', async () => {
    const name = 'y'.repeat(99)
    for (const depth of [1, 2, 3, 12]) {
      const folder = path.join(here, ...Array.from({ length: depth }, () => name))
      make({ [`${path.relative(here, folder)}/x`]: 'x' })
      make({ [`${path.relative(here, folder)}/${'z'.repeat(101)}/`]: '' })
    }
    await push(connection, here, there)
    expect(leaves(there)).toEqual(leaves(here))
  })

  test('leads through no link of its own', async () => {
    const outside = `${here}-outside`
    make({ secret: 'mine' }, outside)
    symlinkSync(outside, path.join(here, 'link'))
    await push(connection, here, there)
    expect(names(there)).toEqual(['link'])
    expect(lstatSync(path.join(there, 'link')).isSymbolicLink()).toBe(true)
  })

  test('brings what links lead to when that is asked for', async () => {
    const outside = `${here}-outside`
    make({ 'deep/secret': 'mine' }, outside)
    symlinkSync(outside, path.join(here, 'folder'))
    symlinkSync(path.join(outside, 'deep/secret'), path.join(here, 'file'))
    await push(connection, here, there, { followLinks: true })
    expect(names(there)).toEqual(['file', 'folder', 'folder/deep', 'folder/deep/secret'])
    expect(readFileSync(path.join(there, 'file'), 'utf8')).toBe('mine')
    expect(lstatSync(path.join(there, 'folder')).isDirectory()).toBe(true)
  })

  test('keeps holes, wherever they are', async () => {
    make({ end: 'begin', start: '', all: '', small: '' })
    truncateSync(path.join(here, 'end'), 50_000_000)
    truncateSync(path.join(here, 'start'), 50_000_000)
    appendFileSync(path.join(here, 'start'), randomBytes(70_000))
    truncateSync(path.join(here, 'all'), 2 ** 32)
    truncateSync(path.join(here, 'small'), 70_000)
    const { bytes } = await push(connection, here, there)
    expect(bytes).toBe(2 ** 32 + 100_140_000)
    for (const name of ['end', 'start', 'small']) {
      const [near, far] = [here, there].map((at) => readFileSync(path.join(at, name)))
      expect(far?.equals(near ?? Buffer.of(1))).toBe(true)
    }
    expect(statSync(path.join(there, 'all')).size).toBe(2 ** 32)
    const blocks = names(there).map((name) => statSync(path.join(there, name)).blocks)
    expect(blocks.reduce((sum, count) => sum + count * 512, 0)).toBeLessThan(3_000_000)
  })

  test('has the mode that was asked for in each file, and in no folder', async () => {
    make({ 'a/b': 'b', c: 'c' })
    chmodSync(path.join(here, 'a'), 0o750)
    await push(connection, here, there, { mode: 0o600 })
    const modes = [...leaves(there)].map(([name, { mode }]) => [name, mode.toString(8)])
    expect(modes.slice(1)).toEqual([
      ['a', '750'],
      ['a/b', '600'],
      ['c', '600'],
    ])
  })
})

test("what a user's start-up files print misleads nobody", async () => {
  // sshd's HOME: bash reads it for every command that comes over ssh.
  const startUp = path.join(sshd.folder, '.bashrc')
  writeFileSync(startUp, 'echo merge; echo kept; echo same; printf unfinished\n')
  try {
    make({ a: randomBytes(6_000_000), b: 'b' })
    await push(connection, here, there)
    expect(leaves(there)).toEqual(leaves(here))
    for (const name of ['a', 'b']) {
      const far = path.join(path.dirname(there), name)
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await push(connection, path.join(here, name), far)).toMatchObject({ files: 1 })
      expect(readFileSync(far).equals(readFileSync(path.join(here, name)))).toBe(true)
    }
  } finally {
    rmSync(startUp)
  }
})

describe('of a folder', () => {
  test('only what `include` names is sent, with the folders that hold it', async () => {
    make({ 'a.ts': '', 'a.js': '', 'src/b.ts': '', 'src/c/d.ts': '', 'src/e/f.js': '', 'g/': '' })
    await push(connection, here, there, { include: ['src/**/*.ts', 'a.js'] })
    expect(names(there)).toEqual(['a.js', 'src', 'src/b.ts', 'src/c', 'src/c/d.ts'])
  })

  test('nothing that `exclude` names is sent, nor what is below it', async () => {
    make({ 'a.ts': '', 'node_modules/x/y.ts': '', 'src/a.log': '', 'src/deep/a.log': '', 'g/': '' })
    await push(connection, here, there, { exclude: ['node_modules', '**/*.log'] })
    expect(names(there)).toEqual(['a.ts', 'g', 'src', 'src/deep'])
  })

  test('nothing is sent that another transfer has not finished', async () => {
    make({
      '.benchaway-0123456789ab.part': 'half',
      '.benchaway-mine': 'mine',
      'a/.benchaway-0123456789ab.end': '',
      'a/.benchaway-0123456789ab.part/b': 'half',
    })
    await push(connection, here, there)
    expect(names(there)).toEqual(['.benchaway-mine', 'a'])
  })

  test('nothing that ignore files name is sent, the nearest of them first', async () => {
    make({
      '.gitignore': '*.log\nbuild/\n/only-here\n',
      'a.log': '',
      'build/x': '',
      'only-here': '',
      'src/only-here': '',
      'src/b.log': '',
      'src/keep.log': '',
      'src/.gitignore': '!keep.log\n',
      'src/deep/build/y': '',
      'other/build': 'no folder',
    })
    await push(connection, here, there, { ignoreFiles: ['.gitignore'] })
    expect(names(there)).toEqual([
      '.gitignore',
      'other',
      'other/build',
      'src',
      'src/.gitignore',
      'src/deep',
      'src/keep.log',
      'src/only-here',
    ])
  })

  test('what is no file, folder or link is an error that says how to leave it out', async () => {
    execFileSync('mkfifo', [path.join(here, 'pipe')])
    await expect(push(connection, here, there)).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `${here}/pipe is no file, folder or link`,
      hint: 'Leave it out with `exclude`.',
    })
    expect(readdirSync(path.dirname(there))).toEqual([])
    await push(connection, here, there, { exclude: ['pipe'] })
    expect(names(there)).toEqual([])
  })

  test('links in a circle are an error when they are followed', async () => {
    make({ 'a/': '' })
    symlinkSync('..', path.join(here, 'a/up'))
    await expect(push(connection, here, there, { followLinks: true })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `${here}/a/up leads back into a folder that holds it`,
      hint: 'Leave the link out with `exclude`, or push without `followLinks`.',
    })
  })
})

describe('a folder that is there already', () => {
  test('keeps what else it holds, its mode, and what is equal', async () => {
    make({ 'a/same': 'same', 'a/other': 'new', 'a/sub/new': 'new', 'fresh/x': 'x' })
    await push(connection, here, there)
    make({ 'a/mine': 'mine', 'a/other': 'old', mine: 'mine' }, there)
    rmSync(path.join(there, 'a/sub'), { recursive: true })
    chmodSync(there, 0o711)
    chmodSync(path.join(there, 'a'), 0o711)
    const { ino } = statSync(path.join(there, 'a/same'))
    const report = await push(connection, here, there)
    expect(report).toMatchObject({ files: 2, bytes: 6, skipped: 2 })
    expect(statSync(path.join(there, 'a/same')).ino).toBe(ino)
    expect(readFileSync(path.join(there, 'a/other'), 'utf8')).toBe('new')
    expect(readFileSync(path.join(there, 'a/sub/new'), 'utf8')).toBe('new')
    expect(names(there)).toEqual([...names(here), 'a/mine', 'mine'].toSorted())
    expect(statSync(there).mode & 0o777).toBe(0o711)
    expect(statSync(path.join(there, 'a')).mode & 0o777).toBe(0o711)
  })

  test('may be the root of all that is pushed, with a slash behind', async () => {
    mkdirSync(there)
    make({ a: 'a' })
    await push(connection, `${here}/`, `${there}/`)
    expect(names(there)).toEqual(['a'])
  })

  test('gets nothing when nothing has changed', async () => {
    make({ a: 'a', 'b/c': 'c' })
    symlinkSync('a', path.join(here, 'link'))
    await push(connection, here, there)
    const before = leaves(there)
    const again = await push(connection, here, there)
    expect(again).toMatchObject({ files: 0, bytes: 0, skipped: 3 })
    expect(leaves(there)).toEqual(before)
  })

  test('gets what differs in content alone when checksums are asked for', async () => {
    make({ a: 'aaa', b: 'bbb' })
    await push(connection, here, there)
    const { atime, mtime } = statSync(path.join(there, 'a'))
    writeFileSync(path.join(there, 'a'), 'AAA')
    utimesSync(path.join(there, 'a'), atime, mtime)
    utimesSync(path.join(here, 'a'), atime, mtime)
    utimesSync(path.join(here, 'b'), 1, 1)
    const report = await push(connection, here, there, { checksum: true })
    expect(report).toMatchObject({ files: 1, skipped: 1 })
    expect(readFileSync(path.join(there, 'a'), 'utf8')).toBe('aaa')
  })

  test('has its links replaced, and nothing is written through them', async () => {
    const outside = `${there}-outside`
    mkdirSync(there)
    make({ precious: 'mine' }, outside)
    symlinkSync(path.join(outside, 'precious'), path.join(there, 'file'))
    symlinkSync(outside, path.join(there, 'precious'))
    make({ file: 'theirs', precious: 'theirs' })
    await push(connection, here, there)
    expect(readFileSync(path.join(outside, 'precious'), 'utf8')).toBe('mine')
    expect(lstatSync(path.join(there, 'file')).isFile()).toBe(true)
    expect(lstatSync(path.join(there, 'precious')).isFile()).toBe(true)
  })

  test.each<[string, Record<string, string>, Record<string, string>, string, string]>([
    ['file', { 'a/x': 'x' }, { 'a/x/y': 'y' }, 'a file or a link', 'a folder'],
    ['folder', { 'a/x/y': 'y' }, { 'a/x': 'x' }, 'a folder', 'a file or a link'],
  ])('is left as it is when a %s here is something else there', async (_, near, far, is, was) => {
    make({ ...near, fine: 'fine' })
    make(far, there)
    const before = leaves(there)
    await expect(push(connection, here, there)).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `${there}/a/x is ${is} here and ${was} on 127.0.0.1; nothing was pushed`,
      hint: 'Remove or rename it on one side.',
    })
    expect(leaves(there)).toEqual(before)
  })
})

describe('folders that are read-only', () => {
  /** A connection whose commands are nobody's, where it would be root's; removes `there` and what is in it. */
  async function plain(): Promise<Sshd> {
    const user = '--reuid=65534 --regid=65534 --clear-groups'
    const more = [`ForceCommand exec setpriv ${user} sh -c "$SSH_ORIGINAL_COMMAND"`]
    const server = await startSshd({ more: isRoot ? more : [] })
    there = path.join(mkdtempSync(path.join(tmpdir(), 'benchaway-nobody-')), 'far')
    if (isRoot) chownSync(path.dirname(there), 65534, 65534)
    return {
      ...server,
      async [Symbol.asyncDispose]() {
        for (const folder of [here, path.dirname(there)]) {
          execFileSync('chmod', ['-R', 'u+w', folder])
          rmSync(folder, { recursive: true })
        }
        await server[Symbol.asyncDispose]()
      },
    }
  }
  const shut = (...folders: string[]): void => {
    for (const folder of folders) chmodSync(path.join(here, folder), 0o555)
  }

  test('can be merged, also into each other, by who is not root, and are read-only again', async () => {
    await using server = await plain()
    using nobody = closing(await connect(server.target))
    make({ 'shut/a': 'a' })
    shut('shut')
    expect(await push(nobody, here, there)).toMatchObject({ files: 1, skipped: 0 })
    chmodSync(path.join(here, 'shut'), 0o755)
    make({ 'shut/b': 'b', 'shut/new/c': 'c', 'more/d': 'd', 'more/deep/e': 'e' })
    shut('shut/new', 'shut', 'more/deep', 'more')
    expect(await push(nobody, here, there)).toMatchObject({ files: 4, skipped: 1 })
    const modes = (folder: string): unknown =>
      [...leaves(folder)].slice(1).map(([name, { mode, content }]) => ({ name, mode, content }))
    expect(modes(there)).toEqual(modes(here))
  })
})

describe('a push of a folder that fails', () => {
  test('says that the machine answers without an end', async () => {
    const tools = mkdtempSync(path.join(sshd.folder, 'tools-'))
    const more = [programs(tools, { find: 'exec head -c 9000000 /dev/zero' })]
    await using server = await startSshd({ more })
    using talkative = closing(await connect(server.target))
    make({ a: 'a' })
    mkdirSync(there)
    await expect(push(talkative, here, there)).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: '127.0.0.1 answers with more than it was asked for',
      hint: 'Check that nothing on the machine prints when a shell starts.',
    })
    expect(names(there)).toEqual([])
  })

  test('says what its `onProgress` throws, and nothing of it is left', async () => {
    make({ a: randomBytes(20_000_000) })
    const error = new Error('mine')
    const pushing = push(connection, here, there, {
      onProgress({ bytes }) {
        if (bytes > 0) throw error
      },
    })
    await expect(pushing).rejects.toBe(error)
    expect(readdirSync(path.dirname(there))).toEqual([])
  })

  test('says that there is a file of that name', async () => {
    writeFileSync(there, 'mine')
    await expect(push(connection, here, there)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: `${there} could not be pushed to 127.0.0.1\n${there}: Not a directory`,
    })
    expect(readFileSync(there, 'utf8')).toBe('mine')
  })

  test('says that there is no folder around it', async () => {
    const far = path.join(there, 'deeper')
    await expect(push(connection, here, far)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(/could not be pushed.*\n.*No such file or directory$/),
      hint: 'Check the path, and that the folders in it are there.',
    })
  })

  test.skipIf(!isRoot)(
    `says that the disk is full, and leaves room again${isRoot ? '' : ' (skipped: mounting a small disk takes root)'}`,
    async () => {
      const disk = path.dirname(there)
      make({ small: 'x', large: randomBytes(30_000_000), last: 'x' })
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk])
      try {
        await expect(push(connection, here, there)).rejects.toMatchObject({
          code: 'DISK_FULL',
          message: expect.stringContaining('No space left on device'),
        })
        expect(readdirSync(disk)).toEqual([])
      } finally {
        // Lazily: what waited there for another connection may have a second to live.
        execFileSync('umount', ['-l', disk])
      }
    },
  )

  test.each([0, 2_000_000])(
    'notices a file of %d bytes that is changed meanwhile',
    async (size) => {
      make({ a: randomBytes(30_000_000), b: 'b'.repeat(size) })
      await expect(
        push(connection, here, there, {
          onProgress({ bytes }) {
            if (bytes > 0) appendFileSync(path.join(here, 'b'), 'x')
          },
        }),
      ).rejects.toMatchObject({
        code: 'TRANSFER_FAILED',
        message: expect.stringMatching(/b was changed while it was pushed$/),
        hint: 'Push it when nobody writes it any more.',
      })
      expect(readdirSync(path.dirname(there))).toEqual([])
    },
  )

  test('ends with the reason of its signal, and nothing of it is left', async () => {
    make({ a: randomBytes(20_000_000), 'read-only/b': 'b' })
    chmodSync(path.join(here, 'read-only'), 0o555)
    const reason = new Error('enough')
    const aborter = new AbortController()
    const pushing = push(connection, here, there, {
      signal: aborter.signal,
      onProgress({ bytes }) {
        if (bytes > 5_000_000) aborter.abort(reason)
      },
    })
    await expect(pushing).rejects.toBe(reason)
    expect(readdirSync(path.dirname(there))).toEqual([])
  })
})

test('progress of a folder names its files, and ends with all of them', async () => {
  make({ a: randomBytes(20_000_000), 'b/c': randomBytes(20_000_000) })
  const seen: TransferProgress[] = []
  await push(connection, here, there, { onProgress: (one) => seen.push(one) })
  expect(seen.at(-1)).toEqual({
    bytes: 40_000_000,
    totalBytes: 40_000_000,
    files: 2,
    totalFiles: 2,
    path: undefined,
  })
  expect(new Set(seen.map((one) => one.path))).toEqual(new Set([undefined, 'a', 'b/c']))
  expect(existsSync(there)).toBe(true)
})
