import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import type { OpenChannel } from '../../src/ssh/channels.ts'
import { type Connection, connect } from '../../src/ssh/connection.ts'
import { Landing } from '../../src/ssh/transfer/landing.ts'
import { Meter } from '../../src/ssh/transfer/meter.ts'
import type { TransferProgress } from '../../src/ssh/transfer/progress.ts'
import { pull, type PullOptions } from '../../src/ssh/transfer/pull.ts'
import { read } from '../../src/ssh/transfer/read.ts'
import { receive } from '../../src/ssh/transfer/receive.ts'
import { TarReader } from '../../src/ssh/transfer/tar-reader.ts'
import { type Sshd, startSshd } from '../sshd.ts'
import { closing, farAway } from './far-away.ts'
import { archiveOf, watching } from './hostile.ts'
import { type Leaf, leaves as exactLeaves, names } from './trees.ts'

let sshd: Sshd
let connection: Connection
/** Both empty before each test. */
let here: string
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
  here = fs.mkdtempSync(path.join(sshd.folder, 'here-'))
  there = fs.mkdtempSync(path.join(sshd.folder, 'there-'))
})

function far(name: string, content: string | Uint8Array = '', mode = 0o644): string {
  const at = path.join(there, name)
  fs.mkdirSync(path.dirname(at), { recursive: true })
  fs.writeFileSync(at, content)
  fs.chmodSync(at, mode)
  return at
}

/** Node writes times to the microsecond. */
function leaves(folder: string): Map<string, Leaf> {
  return new Map(
    [...exactLeaves(folder)].map(([name, leaf]) => [
      name,
      { ...leaf, mtimeNs: leaf.mtimeNs / 1000n },
    ]),
  )
}

const done = (files: number, bytes: number, skipped = 0): object => ({
  files,
  bytes,
  skipped,
  refused: [],
  durationMs: expect.any(Number),
})

describe('one file', () => {
  test('has the bytes, the mode and the time of the far one, however odd its name is', async () => {
    const bytes = randomBytes(20_000_000)
    const source = far(`-it's far\n$HOME`, bytes, 0o751)
    execFileSync('touch', ['-d', '2001-02-03 04:05:06.123456 UTC', source])
    const near = path.join(here, 'near')
    expect(await pull(connection, source, near)).toEqual(done(1, 20_000_000))
    expect(fs.readFileSync(near).equals(bytes)).toBe(true)
    const { mode, mtimeNs } = fs.statSync(near, { bigint: true })
    expect(Number(mode) & 0o7777).toBe(0o751)
    expect(mtimeNs / 1000n).toBe(981_173_106_123_456n)
    expect(names(here)).toEqual(['near'])
  })

  test('is found from the login folder', async () => {
    const source = path.relative(userInfo().homedir, far('far', 'relative'))
    await pull(connection, source, path.join(here, 'near'))
    expect(fs.readFileSync(path.join(here, 'near'), 'utf8')).toBe('relative')
  })

  test('from before 1970 keeps its time to the millisecond', async () => {
    const source = far('far', 'old')
    execFileSync('touch', ['-d', '1969-12-31 23:59:58.123456 UTC', source])
    await pull(connection, source, path.join(here, 'near'))
    expect(fs.statSync(path.join(here, 'near')).mtime).toEqual(new Date(-1877))
  })

  test('takes neither set-id bits nor rights for others to write', async () => {
    const near = path.join(here, 'near')
    await pull(connection, far('far', 'x', 0o6777), near)
    expect(fs.statSync(near).mode & 0o7777).toBe(0o755)
    await pull(connection, path.join(there, 'far'), near, { mode: 0o600 })
    expect(fs.statSync(near).mode & 0o7777).toBe(0o600)
  })

  test('does not come when it is here and equal, and comes when its size or its time differs', async () => {
    const source = far('far', 'one')
    const near = path.join(here, 'near')
    expect(await pull(connection, source, near)).toEqual(done(1, 3))
    expect(await pull(connection, source, near)).toEqual(done(0, 0, 1))
    fs.appendFileSync(source, '!')
    expect(await pull(connection, source, near)).toEqual(done(1, 4))
    fs.utimesSync(near, 1, 1)
    expect(await pull(connection, source, near)).toEqual(done(1, 4))
    fs.chmodSync(near, 0o600)
    expect(await pull(connection, source, near)).toEqual(done(0, 0, 1))
    expect(fs.statSync(near).mode & 0o7777).toBe(0o644)
  })

  test('that is here and equal is not touched', async () => {
    const source = far('far', 'one')
    const near = path.join(here, 'near')
    await pull(connection, source, near)
    const { ctimeNs } = fs.statSync(near, { bigint: true })
    expect(await pull(connection, source, near)).toEqual(done(0, 0, 1))
    expect(fs.statSync(near, { bigint: true }).ctimeNs).toBe(ctimeNs)
  })

  test('is compared by its content when asked, before and after', async () => {
    const source = far('far', 'one')
    const near = path.join(here, 'near')
    fs.writeFileSync(near, 'one')
    expect(await pull(connection, source, near, { checksum: true })).toEqual(done(0, 0, 1))
    fs.writeFileSync(source, 'two')
    fs.utimesSync(source, 1, 1)
    fs.utimesSync(near, 1, 1)
    expect(await pull(connection, source, near)).toEqual(done(0, 0, 1))
    expect(await pull(connection, source, near, { checksum: true })).toEqual(done(1, 3))
    expect(fs.readFileSync(near, 'utf8')).toBe('two')
  })

  test('with a hole of four gigabytes comes in no time, and is as sparse here', async () => {
    const source = far('far')
    fs.truncateSync(source, 4 * 2 ** 30)
    const file = fs.openSync(source, 'r+')
    fs.writeSync(file, 'needle', 3_000_000_000)
    fs.closeSync(file)
    const near = path.join(here, 'near')
    const { bytes } = await pull(connection, source, near)
    expect(bytes).toBeLessThan(1_000_000)
    const { size, blocks } = fs.statSync(near)
    expect(size).toBe(4 * 2 ** 30)
    expect(blocks * 512).toBeLessThan(1_000_000)
    const found = Buffer.alloc(6)
    const opened = fs.openSync(near, 'r')
    fs.readSync(opened, found, 0, 6, 3_000_000_000)
    fs.closeSync(opened)
    expect(found.toString()).toBe('needle')
  })

  test('that says it is empty comes all the same, as those of the kernel do', async () => {
    const near = path.join(here, 'near')
    await pull(connection, '/proc/version', near)
    expect(fs.readFileSync(near, 'utf8')).toBe(fs.readFileSync('/proc/version', 'utf8'))
    await pull(connection, far('empty'), near)
    expect(fs.readFileSync(near, 'utf8')).toBe('')
  })

  test('replaces a link, and what it pointed to stays', async () => {
    const precious = path.join(here, 'precious')
    const link = path.join(here, 'link')
    fs.writeFileSync(precious, 'mine')
    fs.symlinkSync(precious, link)
    await pull(connection, far('far', 'theirs'), link)
    expect(fs.readFileSync(precious, 'utf8')).toBe('mine')
    expect(fs.readFileSync(link, 'utf8')).toBe('theirs')
    expect(fs.lstatSync(link).isFile()).toBe(true)
  })

  test('comes over a long way in several channels at once', async () => {
    await using way = await farAway(sshd.target, 15)
    using slow = closing(await connect(way.target))
    const bytes = randomBytes(24 * 2 ** 20)
    const source = far('far', bytes)
    const near = path.join(here, 'near')
    let most = 0
    const count = (): void => {
      const cmdline = (pid: string): string => {
        try {
          return fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1')
        } catch {
          return ''
        }
      }
      const readers = fs
        .readdirSync('/proc')
        .filter((pid) => /^dd\0.*skip_bytes/.test(cmdline(pid)))
      most = Math.max(most, readers.length)
    }
    await pull(slow, source, near, { onProgress: count })
    expect(most).toBeGreaterThan(3)
    expect(fs.readFileSync(near).equals(bytes)).toBe(true)
  })

  test('comes over further connections where it is worth them', async () => {
    await using way = await farAway(sshd.target, 15)
    using slow = closing(await connect(way.target))
    const bytes = randomBytes(64 * 2 ** 20)
    const source = far('far', bytes)
    const near = path.join(here, 'near')
    let logins = 0
    sshd.process.stderr?.on('data', (chunk: Buffer) => {
      logins += chunk.toString().split('Accepted publickey').length - 1
    })
    await pull(slow, source, near, { checksum: true })
    // The last of them may come too late to be of use.
    await expect.poll(() => logins, { timeout: 20_000 }).toBe(3)
    expect(fs.readFileSync(near).equals(bytes)).toBe(true)
  })
})

describe('a folder', () => {
  function plant(): void {
    far('bin/run', '#!', 0o755)
    far('data/deep/er/file', 'deep', 0o600)
    far(`it's\n odd`, 'odd')
    fs.writeFileSync(Buffer.from(`${there}/\xff\x01`, 'latin1'), 'no UTF-8')
    fs.mkdirSync(path.join(there, 'empty'), 0o750)
    fs.symlinkSync('bin/run', path.join(there, 'link'))
    fs.symlinkSync('../../bin', path.join(there, 'data/deep/up'))
    fs.symlinkSync('nobody', path.join(there, 'dangling'))
    fs.linkSync(path.join(there, 'bin/run'), path.join(there, 'hard'))
    execFileSync('touch', [
      '-h',
      '-d',
      '2001-02-03 04:05:06.654321 UTC',
      ...names(there)
        .filter((name) => !/\xff/.test(name))
        .map((name) => path.join(there, name)),
    ])
    execFileSync('touch', ['-d', '2001-02-03 04:05:06.654321 UTC', there])
    fs.lutimesSync(Buffer.from(`${there}/\xff\x01`, 'latin1'), 5, 5)
  }

  test('is here with all that is in it, names of any bytes, links, modes and times', async () => {
    plant()
    const near = path.join(here, 'near')
    expect(await pull(connection, there, near)).toEqual(done(8, 19))
    expect(leaves(near)).toEqual(
      new Map(
        [...leaves(there)].map(([name, leaf]) => [
          name,
          {
            ...leaf,
            mode: name === '' ? leaf.mode : leaf.mode & (leaf.type === 'link' ? 0o777 : 0o755),
          },
        ]),
      ),
    )
    expect(fs.readdirSync(here)).toEqual(['near'])
  })

  test('is not asked for what is here and equal', async () => {
    plant()
    const near = path.join(here, 'near')
    await pull(connection, there, near)
    expect(await pull(connection, there, near)).toEqual(done(0, 0, 8))
    fs.rmSync(path.join(near, 'data'), { recursive: true })
    fs.writeFileSync(path.join(near, 'bin/run'), '!#')
    fs.rmSync(path.join(near, 'link'))
    fs.symlinkSync('elsewhere', path.join(near, 'link'))
    expect(await pull(connection, there, near)).toEqual(done(4, 6, 4))
    const before = leaves(near)
    expect(before.get('data/deep/er/file')).toEqual(leaves(there).get('data/deep/er/file'))
    expect(before.get('bin/run')).toEqual(leaves(there).get('bin/run'))
    expect(before.get('link')).toEqual(leaves(there).get('link'))
  })

  test('is compared by its contents when asked', async () => {
    far('same', 'same')
    far('other', 'here')
    const near = path.join(here, 'near')
    await pull(connection, there, near)
    const { mtime } = fs.statSync(path.join(near, 'other'))
    far('other', 'hear')
    fs.utimesSync(path.join(there, 'other'), mtime, mtime)
    fs.utimesSync(path.join(near, 'other'), mtime, mtime)
    fs.utimesSync(path.join(there, 'same'), 1, 1)
    expect(await pull(connection, there, near, { checksum: true })).toEqual(done(1, 4, 1))
    expect(fs.readFileSync(path.join(near, 'other'), 'utf8')).toBe('hear')
  })

  test('joins what is here: other files stay, links are replaced and not followed, also on the way', async () => {
    far('a/b/file', 'new')
    far('c', 'new')
    const near = path.join(here, 'near')
    const mine = path.join(here, 'mine')
    fs.mkdirSync(path.join(near, 'a'), { recursive: true })
    fs.chmodSync(near, 0o700)
    fs.mkdirSync(mine)
    fs.writeFileSync(path.join(near, 'a/stays'), '')
    fs.symlinkSync(mine, path.join(near, 'a/b'))
    fs.symlinkSync(path.join(mine, 'c'), path.join(near, 'c'))
    expect(await pull(connection, there, near)).toEqual(done(2, 6))
    expect(names(mine)).toEqual([])
    expect(names(near)).toEqual(['a', 'a/b', 'a/b/file', 'a/stays', 'c'])
    expect(fs.lstatSync(path.join(near, 'a/b')).isDirectory()).toBe(true)
    expect(fs.statSync(near).mode & 0o777).toBe(0o700)
  })

  test('takes the place of a link to a folder, and leaves that folder alone', async () => {
    far('file', 'new')
    const mine = path.join(here, 'mine')
    fs.mkdirSync(mine)
    fs.symlinkSync(mine, path.join(here, 'near'))
    await pull(connection, there, path.join(here, 'near'))
    expect(names(here)).toEqual(['mine', 'near', 'near/file'])
  })

  test('does not remove a folder of this computer for a file', async () => {
    far('name', 'a file')
    far('other', 'comes')
    const near = path.join(here, 'near')
    fs.mkdirSync(path.join(near, 'name'), { recursive: true })
    expect(await pull(connection, there, near)).toMatchObject({
      files: 1,
      refused: [{ path: 'name', reason: 'a folder of that name is on this computer' }],
    })
    expect(names(near)).toEqual(['name', 'other'])
  })

  test.each<[PullOptions, string[]]>([
    [{ include: ['**/*.txt'] }, ['a', 'a/b', 'a/b/2.txt', '1.txt']],
    [{ exclude: ['a/b'] }, ['1.txt', 'a', 'a/3.log', 'empty']],
    [{ include: ['a/**'], exclude: ['**/*.log'] }, ['a', 'a/b', 'a/b/2.txt']],
  ])('comes in part with %j', async (options, wanted) => {
    far('1.txt')
    far('a/b/2.txt')
    far('a/3.log')
    fs.mkdirSync(path.join(there, 'empty'))
    await pull(connection, there, path.join(here, 'near'), options)
    expect(names(path.join(here, 'near'))).toEqual(wanted.toSorted())
  })

  test('whose names look like options, escapes and globs comes by list as well', async () => {
    for (const name of [
      '-rf',
      String.raw`a\nb`,
      '*',
      '[a]',
      ' lead',
      'tail ',
      '--checkpoint=1',
      'x',
    ])
      far(name, name)
    await pull(connection, there, path.join(here, 'near'), { exclude: ['x'] })
    expect(names(path.join(here, 'near'))).toEqual(names(there).filter((name) => name !== 'x'))
  })

  test('comes over a long way in several streams, each file once', async () => {
    await using way = await farAway(sshd.target, 15)
    using slow = closing(await connect(way.target))
    for (let index = 0; index < 60; index++) far(`d${index % 7}/${index}`, randomBytes(300_000))
    const near = path.join(here, 'near')
    expect(await pull(slow, there, near)).toEqual(done(60, 18_000_000))
    expect(leaves(near)).toEqual(leaves(there))
  })

  test('does not bring what other transfers have under way', async () => {
    const part = '.benchaway-0123456789ab.part'
    far('a', 'a')
    far('.benchaway-mine.part', 'mine')
    for (const folder of ['', 'deep/']) {
      far(`${folder}${part}/tree/half`, 'half')
      far(`${folder}.benchaway-ba9876543210.part`, 'half')
      far(`${folder}.benchaway-0123456789ab.end`, 'end')
    }
    const wanted = ['.benchaway-mine.part', 'a', 'deep']
    const near = path.join(here, 'near')
    expect(await pull(connection, there, near)).toEqual(done(2, 5))
    expect(names(near)).toEqual(wanted)
    expect(await pull(connection, there, near)).toEqual(done(0, 0, 2))
    expect(await pull(connection, there, path.join(here, 'list'), { exclude: ['x'] })).toEqual(
      done(2, 5),
    )
    expect(names(path.join(here, 'list'))).toEqual(wanted)
    const globs = [`${there}/**`, `${there}/.*`]
    expect(await pull(connection, globs, path.join(here, 'globs'))).toMatchObject({ refused: [] })
    expect(names(path.join(here, 'globs'))).toEqual(['.benchaway-mine.part', 'a'])
  })

  const isRoot = process.getuid?.() === 0
  test('that nobody may write to comes for an ordinary user as well', () => {
    const home = fs.mkdtempSync(path.join(tmpdir(), 'benchaway-user-'))
    const nobody = 65_534
    if (isRoot) fs.chownSync(home, nobody, nobody)
    const near = path.join(home, 'near')
    try {
      // Root may do what others may not.
      if (isRoot) process.seteuid?.(nobody)
      const limits = { maxFiles: 10, maxBytes: 1000 }
      const landing = new Landing(near, { limits, meter: new Meter(undefined), mode: undefined })
      const reader = new TarReader(landing.sink())
      reader.write(
        archiveOf(
          { name: './', type: '5', mode: 0o555 },
          { name: './d', type: '5', mode: 0o555 },
          { name: './d/x', content: 'x' },
        ),
      )
      reader.end()
      landing.place()
    } finally {
      if (isRoot) process.seteuid?.(0)
    }
    expect(names(home)).toEqual(['near', 'near/d', 'near/d/x'])
    for (const name of ['', 'd']) {
      expect(fs.statSync(path.join(near, name)).mode & 0o7777).toBe(0o555)
      fs.chmodSync(path.join(near, name), 0o755)
    }
    fs.rmSync(home, { recursive: true })
  })

  test('cannot take the place of a file', async () => {
    fs.writeFileSync(path.join(here, 'near'), '')
    const near = path.join(here, 'near')
    await expect(pull(connection, there, near)).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `${near} is a file on this computer, and what is pulled is a folder`,
    })
  })
})

describe('globs', () => {
  test('bring what they match, by its path below the folder that they have in common', async () => {
    for (const name of ['out/a.json', 'out/b.txt', 'out/deep/c.json', 'logs/1.log', 'logs/2.txt'])
      far(name, name)
    const near = path.join(here, 'near')
    expect(await pull(connection, [`${there}/out/*.json`], near)).toEqual(done(1, 10))
    expect(names(near)).toEqual(['a.json'])
    const both = path.join(here, 'both')
    await pull(connection, [`${there}/out/**/*.json`, `${there}/logs/{1,3}.log`], both)
    expect(names(both)).toEqual([
      'logs',
      'logs/1.log',
      'out',
      'out/a.json',
      'out/deep',
      'out/deep/c.json',
    ])
  })

  test('that match nothing are an error, and make nothing', async () => {
    far('a')
    await expect(
      pull(connection, [`${there}/*.json`], path.join(here, 'near')),
    ).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: `no file on 127.0.0.1 matches ${there}/*.json`,
      hint: 'Check the globs: they match files and links, and `**` stands for any number of folders.',
    })
    expect(names(here)).toEqual([])
  })
})

describe('a pull that fails', () => {
  const cases: [string, () => string, object][] = [
    [
      'nothing is there',
      () => '/no/such/file',
      {
        name: 'CommandError',
        code: 'FILE_NOT_FOUND',
        message: expect.stringMatching(
          /^\/no\/such\/file could not be pulled from 127\.0\.0\.1\n.*\/no\/such\/file: No such file or directory$/,
        ),
        hint: 'Check the path: it is absolute, or relative to the login folder.',
        stderr: expect.stringContaining('/no/such/file: No such file or directory'),
      },
    ],
    [
      'a device is there',
      () => '/dev/zero',
      {
        code: 'COMMAND_FAILED',
        message: '/dev/zero could not be pulled from 127.0.0.1\n/dev/zero: Not a file or a folder',
      },
    ],
    [
      'it is larger than allowed',
      () => far('far', Buffer.alloc(2000)),
      {
        code: 'TRANSFER_FAILED',
        message: 'the machine has or sends more than 1000 bytes',
        hint: "Pull less, or allow more with 'maxBytes'.",
      },
    ],
    [
      'there are more files than allowed',
      () => {
        for (let index = 0; index < 20; index++) far(`tree/${index}`)
        return path.join(there, 'tree')
      },
      {
        code: 'TRANSFER_FAILED',
        message: 'the machine has or sends more than 10 files',
        hint: "Pull less, or allow more with 'maxFiles'.",
      },
    ],
  ]
  test.each(cases)('because %s says so and leaves nothing', async (_, source, error) => {
    const options = { maxBytes: 1000, maxFiles: 10 }
    await expect(
      pull(connection, source(), path.join(here, 'near'), options),
    ).rejects.toMatchObject(error)
    expect(names(here)).toEqual([])
  })

  test('because the folder here is missing says what to do', async () => {
    const near = path.join(here, 'no/near')
    for (const source of [far('far', 'x'), there]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(pull(connection, source, near)).rejects.toMatchObject({
        code: 'TRANSFER_FAILED',
        message: expect.stringMatching(/no\/near cannot be written on this computer: ENOENT/),
        hint: 'Make the folder that it is to lie in first.',
      })
    }
  })

  test('because this computer cannot look at its place says so', async () => {
    const near = path.join(here, 'n'.repeat(256))
    for (const source of [there, [`${there}/*`]]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(pull(connection, source, near)).rejects.toMatchObject({
        code: 'TRANSFER_FAILED',
        message: expect.stringMatching(/n cannot be read on this computer: ENAMETOOLONG/),
        hint: 'Remove it first, or pull to another place.',
      })
    }
  })

  test('because a folder is where the file is to be leaves it', async () => {
    await expect(pull(connection, far('far', 'x'), here)).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `${here} is a folder on this computer, and what is pulled is a file`,
    })
    expect(names(here)).toEqual([])
  })

  test('because a folder takes its place meanwhile leaves that folder and nothing else', async () => {
    const near = path.join(here, 'near')
    // Large enough for progress to be told while it comes.
    const source = far('large', randomBytes(60_000_000))
    const onProgress = ({ bytes }: TransferProgress): void => {
      if (bytes > 0) fs.mkdirSync(near, { recursive: true })
    }
    await expect(pull(connection, source, near, { onProgress })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: expect.stringMatching(/near cannot be written on this computer: EISDIR/),
      hint: 'Name the file that is to be written: a folder is there.',
    })
    expect(names(here)).toEqual(['near'])
    fs.rmdirSync(near)
    const fill = ({ bytes }: TransferProgress): void => {
      if (bytes > 0) fs.mkdirSync(path.join(near, 'mine'), { recursive: true })
    }
    await expect(pull(connection, there, near, { onProgress: fill })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: expect.stringMatching(/near cannot be written on this computer: ENOTEMPTY/),
    })
    expect(names(here)).toEqual(['near', 'near/mine'])
  })

  test.each([
    ['a file', 'file'],
    ['a folder', 'tree'],
  ])('because the caller has ended it, with %s half here, leaves nothing', async (_, kind) => {
    const source = far('tree/large', randomBytes(60_000_000))
    const aborter = new AbortController()
    const reason = new Error('enough')
    const told: TransferProgress[] = []
    const onProgress = (progress: TransferProgress): void => {
      told.push(progress)
      if (progress.bytes > 1_000_000) aborter.abort(reason)
    }
    const from = kind === 'file' ? source : path.dirname(source)
    const options = { signal: aborter.signal, onProgress }
    await expect(pull(connection, from, path.join(here, 'near'), options)).rejects.toBe(reason)
    expect(told.at(-1)?.path).toBeUndefined()
    expect(names(here)).toEqual([])
  })

  test('because the caller ends it as its channel opens ends the command, and hears nothing of it', async () => {
    const aborter = new AbortController()
    const reason = new Error('enough')
    let opened: OpenChannel | undefined
    const watched = watching(connection, (one) => {
      opened = one
      aborter.abort(reason)
    })
    let heard = 0
    const hear = (chunk: Buffer): void => {
      heard += chunk.length
    }
    const received = receive(watched, 'yes', hear, { signal: aborter.signal })
    await expect(received).rejects.toBe(reason)
    // As long as it runs, it has no end.
    await opened?.exit
    expect(heard).toBe(0)
  })

  test('leaves no file open', async () => {
    const source = far('large', randomBytes(10_000_000))
    // Commands that end late are a reason for another connection, which is not to stay.
    using alone = closing(await connect(sshd.target, { lingerMs: 0 }))
    const open = (): number => fs.readdirSync('/proc/self/fd').length
    const before = open()
    for (let tries = 0; tries < 4; tries++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(
        pull(alone, tries % 2 ? source : there, path.join(here, 'near'), {
          maxBytes: 5_000_000,
        }),
      ).rejects.toMatchObject({ code: 'TRANSFER_FAILED' })
    }
    await expect.poll(open, { timeout: 20_000 }).toBeLessThanOrEqual(before)
  })

  test.each([
    ['', 'near', `pull() cannot fetch ''`],
    [[], 'near', 'pull() cannot fetch []'],
    [['/a', 'b'], 'near', `pull() cannot fetch [ '/a', 'b' ]`],
    ['far', 'a\0b', String.raw`pull() cannot write to 'a\x00b'`],
  ])('because %j cannot be fetched into %j says so at once', async (source, to, message) => {
    await expect(pull(connection, source, to)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message,
    })
  })
})

describe('a disk of this computer that is full', () => {
  const isRoot = process.getuid?.() === 0 && process.platform === 'linux'
  const why = isRoot ? '' : ' (skipped: only root of Linux can mount a small one)'
  test.skipIf(!isRoot).each([
    ['a file', 'file'],
    ['a folder', ''],
    ['a file with holes', 'sparse'],
  ])(`is named when %s does not fit, and nothing of it stays there${why}`, async (_, name) => {
    far('file', randomBytes(9_000_000))
    const sparse = fs.openSync(path.join(there, 'sparse'), 'w')
    fs.writeSync(sparse, randomBytes(9_000_000), 0, 9_000_000, 50_000_000)
    fs.closeSync(sparse)
    const disk = path.join(here, 'disk')
    fs.mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'none', disk])
    try {
      const near = path.join(disk, 'near')
      await expect(pull(connection, path.join(there, name), near)).rejects.toMatchObject({
        code: 'TRANSFER_FAILED',
        message: expect.stringMatching(/disk\/near.* cannot be written on this computer: ENOSPC/),
        hint: 'Make room on this computer, or pull into a folder on another disk.',
      })
      expect(names(disk)).toEqual([])
    } finally {
      execFileSync('umount', [disk])
    }
  })
})

test('progress begins, goes on and ends with what has come', async () => {
  for (let index = 0; index < 3; index++) far(`tree/${index}`, randomBytes(20_000_000))
  const told: TransferProgress[] = []
  await pull(connection, path.join(there, 'tree'), path.join(here, 'near'), {
    onProgress: (progress) => told.push(progress),
  })
  expect(told[0]).toEqual({
    bytes: 0,
    totalBytes: undefined,
    files: 0,
    totalFiles: undefined,
    path: undefined,
  })
  expect(told.at(-1)).toEqual({
    bytes: 60_000_000,
    totalBytes: 60_000_000,
    files: 3,
    totalFiles: 3,
    path: undefined,
  })
  const between = told.slice(1, -1)
  expect(between.length).toBeGreaterThan(0)
  expect(
    between.map(({ path: name }) => name).every((name) => ['0', '1', '2'].includes(name ?? '')),
  ).toBe(true)
})

describe('read()', () => {
  test('gives the bytes of a file', async () => {
    const bytes = randomBytes(3_000_000)
    const got = await read(connection, far('far', bytes))
    expect(createHash('sha256').update(got).digest('hex')).toBe(
      createHash('sha256').update(bytes).digest('hex'),
    )
    expect((await read(connection, '/proc/version')).toString()).toBe(
      fs.readFileSync('/proc/version', 'utf8'),
    )
  })

  test('gives no more than it may', async () => {
    const source = far('far', 'four')
    expect((await read(connection, source, { maxBytes: 4 })).toString()).toBe('four')
    await expect(read(connection, source, { maxBytes: 3 })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: 'the machine has or sends more than 3 bytes',
    })
    await expect(read(connection, '/proc/version', { maxBytes: 3 })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
    })
  })

  test('says that a folder is none, and what is missing', async () => {
    await expect(read(connection, there)).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: `${there} could not be pulled from 127.0.0.1\n${there}: Is a directory`,
    })
    await expect(read(connection, '/no/such')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  })
})
