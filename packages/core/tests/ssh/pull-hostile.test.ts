import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import type { OpenChannel } from '../../src/ssh/channels.ts'
import { type Connection, connect } from '../../src/ssh/connection.ts'
import { Landing } from '../../src/ssh/transfer/landing.ts'
import { Meter } from '../../src/ssh/transfer/meter.ts'
import { pull, type PullOptions } from '../../src/ssh/transfer/pull.ts'
import { read } from '../../src/ssh/transfer/read.ts'
import { TarReader } from '../../src/ssh/transfer/tar-reader.ts'
import { type Sshd, startSshd } from '../sshd.ts'
import { archiveOf, end, type Member, members, paxRecords, programs, watching } from './hostile.ts'
import { names } from './trees.ts'

/** Its `tar` prints what lies in `stream`, its `find` what lies in `list`, its `dd` and `stat` what scripts say. */
let tools: string
let honestStat: string
const tarOf = (folder: string): string => `exec /bin/cat ${folder}/stream`
const ddOf = (folder: string): string =>
  `[ -e ${folder}/stream ] && exec /bin/cat ${folder}/stream; exec /bin/dd "$@"`
let sshd: Sshd
let connection: Connection
/** Empty before each test: what is beside the target may not change. */
let here: string
let near: string
let far: string

beforeAll(async () => {
  tools = fs.mkdtempSync(path.join(tmpdir(), 'benchaway-hostile-'))
  const forced = programs(tools, {
    tar: tarOf(tools),
    find: `exec /bin/cat ${tools}/list`,
    stat: '',
    dd: ddOf(tools),
  })
  honestStat = `#!/bin/sh\n[ -e ${tools}/says ] && exec /bin/cat ${tools}/says; exec /usr/bin/stat "$@"\n`
  fs.writeFileSync(path.join(tools, 'stat'), honestStat)
  sshd = await startSshd({ more: [forced] })
  connection = await connect(sshd.target)
})
afterAll(async () => {
  connection.close()
  await sshd[Symbol.asyncDispose]()
  fs.rmSync(tools, { recursive: true })
})
beforeEach(() => {
  here = fs.mkdtempSync(path.join(sshd.folder, 'here-'))
  near = path.join(here, 'near')
  far = fs.mkdtempSync(path.join(sshd.folder, 'far-'))
  fs.writeFileSync(path.join(here, 'precious'), 'mine')
  for (const name of ['stream', 'list', 'says']) fs.rmSync(path.join(tools, name), { force: true })
})

function sends(stream: Buffer): void {
  fs.writeFileSync(path.join(tools, 'stream'), stream)
}

/** Nothing but the target has changed. */
function expectNothingElse(inside: string[] | undefined): void {
  expect(fs.readFileSync(path.join(here, 'precious'), 'utf8')).toBe('mine')
  expect(fs.readdirSync(here).toSorted()).toEqual(inside ? ['near', 'precious'] : ['precious'])
  expect(inside && names(near)).toEqual(inside)
}

const good: Member = { name: './good', content: 'good' }
const link = (name: string, to: string): Member => ({ name, type: '2', link: to })

describe('an entry that is not let in is told, and the rest comes', () => {
  test.each<[string, Member[], string[], { path: string; reason: string }[]]>([
    [
      'goes up',
      [{ name: '../precious', content: 'bad' }],
      [],
      [{ path: '../precious', reason: "its name has '..'" }],
    ],
    [
      'goes up later',
      [{ name: './a/../../precious' }],
      [],
      [{ path: './a/../../precious', reason: "its name has '..'" }],
    ],
    [
      'is absolute',
      [{ name: '/etc/benchaway-was-here' }],
      [],
      [{ path: '/etc/benchaway-was-here', reason: 'its name is absolute' }],
    ],
    [
      'goes up in a pax record',
      [{ name: 'x', pax: { path: '../precious' } }],
      [],
      [{ path: '../precious', reason: "its name has '..'" }],
    ],
    [
      'has a NUL',
      [{ name: 'x', pax: { path: 'a\0b' } }],
      [],
      [{ path: String.raw`a\x00b`, reason: 'its name has a NUL' }],
    ],
    [
      'has no name',
      [{ name: '' }, { name: 'a//b' }],
      [],
      [
        { path: '', reason: 'its name is none' },
        { path: 'a//b', reason: 'its name is none' },
      ],
    ],
    [
      'has a name that no computer takes',
      [
        { name: 'x', pax: { path: 'n'.repeat(256) } },
        { name: 'y', pax: { path: 'n/'.repeat(2100) } },
      ],
      [],
      [
        { path: 'n'.repeat(256), reason: 'this computer does not take its name: ENAMETOOLONG' },
        { path: 'n/'.repeat(2048), reason: 'its name is too long' },
      ],
    ],
    [
      'is the folder itself, as a file',
      [{ name: './' }],
      [],
      [{ path: '', reason: 'it came before' }],
    ],
    [
      'is a link to an absolute path',
      [link('l', '/etc/passwd')],
      [],
      [{ path: 'l', reason: 'it is a link to an absolute path' }],
    ],
    [
      'is a link out',
      [link('a/l', '../../precious')],
      ['a'],
      [{ path: 'a/l', reason: 'it is a link out of the folder' }],
    ],
    [
      'is a link that goes up after a name',
      [link('a/deep/up', '../..'), link('l', 'a/deep/up/../../precious')],
      ['a', 'a/deep', 'a/deep/up'],
      [{ path: 'l', reason: "it is a link that goes up ('..') after a name" }],
    ],
    [
      'is a link to more than a name',
      [link('l', 'x'), { ...link('m', ''), pax: { linkpath: 'n/'.repeat(2100) } }],
      ['l'],
      [{ path: 'm', reason: 'it is a link to a name that is too long' }],
    ],
    [
      'is a link that no computer takes',
      [{ ...link('l', 'good'), pax: { path: 'n'.repeat(256) } }],
      [],
      [
        {
          path: 'n'.repeat(256),
          reason: 'this computer does not take such a link: ENAMETOOLONG',
        },
      ],
    ],
    [
      'is a link to nowhere',
      [link('l', '')],
      [],
      [{ path: 'l', reason: 'it is a link to nowhere' }],
    ],
    [
      'is written through a link',
      [link('l', '.'), { name: 'l/x', content: 'bad' }],
      ['l'],
      [{ path: 'l/x', reason: "'l' is a link" }],
    ],
    [
      'is written over a link',
      [link('l', 'good'), { name: 'l', content: 'bad' }],
      ['l'],
      [{ path: 'l', reason: 'it came before' }],
    ],
    [
      'is a link over a folder',
      [{ name: 'd/x' }, link('d', '.'), { name: 'd/y' }],
      ['d', 'd/x', 'd/y'],
      [{ path: 'd', reason: 'it came before' }],
    ],
    [
      'is a hard link',
      [{ name: 'h', type: '1', link: '/etc/passwd' }],
      [],
      [{ path: 'h', reason: 'it is a hard link' }],
    ],
    [
      'is a device or a pipe',
      [
        { name: 'c', type: '3' },
        { name: 'b', type: '4' },
        { name: 'p', type: '6' },
      ],
      [],
      ['c', 'b', 'p'].map((name) => ({ path: name, reason: 'it is a device or pipe' })),
    ],
    [
      'is of no known kind',
      [{ name: 'q', type: 'Q', content: 'skipped' }],
      [],
      [{ path: 'q', reason: 'it is nothing that is known here' }],
    ],
    [
      'comes twice',
      [
        { name: 'x', content: '1' },
        { name: './x', content: '2' },
      ],
      ['x'],
      [{ path: 'x', reason: 'it came before' }],
    ],
    [
      'lies in a file',
      [{ name: 'x', content: '1' }, { name: 'x/y' }],
      ['x'],
      [{ path: 'x/y', reason: "'x' is a file" }],
    ],
    [
      'would steer the terminal from the report',
      [{ name: 'x', pax: { path: Buffer.from('../\u001B[2J\u009B1m').toString('latin1') } }],
      [],
      [{ path: String.raw`../\x1b[2J\x9b1m`, reason: "its name has '..'" }],
    ],
  ])('when it %s', async (_, hostile, inside, refused) => {
    sends(archiveOf({ name: './', type: '5', mode: 0o755 }, ...hostile, good))
    const report = await pull(connection, far, near)
    expect(report.refused).toEqual(refused)
    expectNothingElse([...inside, 'good'].toSorted())
    expect(fs.existsSync('/etc/benchaway-was-here')).toBe(false)
  })

  test('when a folder that is here has links to follow', async () => {
    fs.mkdirSync(near)
    fs.symlinkSync(here, path.join(near, 'd'))
    fs.symlinkSync(path.join(here, 'precious'), path.join(near, 'f'))
    const list = ['d 755 0 1.0 0 d', 'f 644 3 1.0 0 d/precious', 'f 644 3 1.0 0 f']
    fs.writeFileSync(path.join(tools, 'list'), list.map((line) => `${line}\0\0`).join(''))
    sends(archiveOf({ name: 'd/precious', content: 'bad' }, { name: 'f', content: 'bad' }))
    await expect(pull(connection, far, near)).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `${far}/d did not come from 127.0.0.1, which has listed it`,
    })
    expect(fs.readdirSync(here).toSorted()).toEqual(['near', 'precious'])
    expect(names(near)).toEqual(['d', 'f'])
    sends(
      archiveOf(
        { name: 'd', type: '5' },
        { name: 'd/precious', content: 'bad' },
        { name: 'f', content: 'bad' },
      ),
    )
    expect(await pull(connection, far, near)).toMatchObject({ files: 2, refused: [] })
    expectNothingElse(['d', 'd/precious', 'f'])
  })

  test('when it was not asked for', async () => {
    fs.writeFileSync(path.join(tools, 'list'), 'f 644 4 1.0 0 good\0\0f 644 0 1.0 0 ../bad\0\0')
    sends(archiveOf(good, { name: 'more', content: 'bad' }))
    const { refused } = await pull(connection, far, near, { exclude: ['x'] })
    expect(refused).toEqual([
      { path: '../bad', reason: "its name has '..'" },
      { path: 'more', reason: 'it was not asked for' },
    ])
    expectNothingElse(['good'])
  })

  test('when it is listed under a name that no computer takes', async () => {
    const long = 'n'.repeat(256)
    fs.mkdirSync(near)
    fs.writeFileSync(path.join(tools, 'list'), `f 644 4 1.0 0 good\0\0f 644 0 1.0 0 ${long}\0\0`)
    sends(archiveOf(good, { name: 'x', pax: { path: long } }))
    const { refused } = await pull(connection, far, near)
    expect(refused).toEqual([
      { path: long, reason: 'this computer does not take its name: ENAMETOOLONG' },
    ])
    expectNothingElse(['good'])
  })

  test('and what was listed has to come', async () => {
    fs.writeFileSync(path.join(tools, 'list'), 'f 644 4 1.0 0 good\0\0f 644 0 1.0 0 better\0\0')
    sends(archiveOf(good))
    await expect(pull(connection, far, near, { exclude: ['x'] })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `${far}/better did not come from 127.0.0.1, which has listed it`,
    })
    expectNothingElse(undefined)
  })

  test('when the file system takes two names for one', () => {
    const limits = { maxFiles: 100, maxBytes: 100 }
    const landing = new Landing(
      near,
      { limits, meter: new Meter(undefined), mode: undefined },
      true,
    )
    const reader = new TarReader(landing.sink())
    const cafe = Buffer.from('Caf\u00E9').toString('latin1')
    const decomposed = Buffer.from('cafe\u0301').toString('latin1')
    reader.write(
      archiveOf(
        { name: 'Makefile', content: 'one' },
        { name: 'makefile', content: 'two' },
        link('Dir', '.'),
        { name: 'dir/x', content: 'bad' },
        { name: 'x', pax: { path: cafe }, content: 'one' },
        { name: 'x', pax: { path: decomposed }, content: 'two' },
      ),
    )
    reader.end()
    landing.place()
    expect(landing.refused).toEqual([
      { path: 'makefile', reason: "'Makefile' has the same name here" },
      { path: 'dir/x', reason: "'Dir' has the same name here as its folder" },
      { path: 'cafe\u0301', reason: "'Caf\u00E9' has the same name here" },
    ])
    expectNothingElse([cafe, 'Dir', 'Makefile'])
  })

  test('and what comes has neither set-id bits nor rights for others to write', async () => {
    sends(
      archiveOf(
        { name: './', type: '5', mode: 0o7777 },
        { ...good, mode: 0o7777 },
        { name: 'd', type: '5', mode: 0o7777 },
      ),
    )
    await pull(connection, far, near)
    for (const name of ['', 'good', 'd']) {
      expect(fs.statSync(path.join(near, name)).mode & 0o7777).toBe(0o755)
    }
  })
})

describe('a stream that does not hold together is an error, and nothing of it remains', () => {
  const sparse = (map: string, content = '', more: Record<string, string> = {}): Member => ({
    name: 'x',
    content: map.padEnd(Math.ceil(map.length / 512) * 512, '\0') + content,
    pax: {
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.name': 's',
      'GNU.sparse.realsize': '4096',
      ...more,
    },
  })
  const of = (count: number, member: Member): Member[] =>
    Array.from({ length: count }, () => member)
  test.each<[string, Buffer, string]>([
    ['nothing', Buffer.alloc(0), 'it breaks off'],
    ['words', Buffer.from('Welcome!\n'.repeat(100)), 'what should be a header is none'],
    [
      'a file that breaks off',
      members({ name: 'x', content: 'half', size: 5000 }),
      'it breaks off',
    ],
    [
      'a file that is longer than its header says',
      archiveOf({ name: 'x', content: 'x'.repeat(2000), size: 10 }),
      'what should be a header is none',
    ],
    [
      'a header whose sum is wrong',
      Buffer.concat([archiveOf(good).fill('x', 0, 3)]),
      'what should be a header is none',
    ],
    ['no end', members(good), 'it breaks off'],
    [
      'something after the end',
      Buffer.concat([archiveOf(good), archiveOf(good)]),
      'something follows its end',
    ],
    [
      'zeros without end',
      Buffer.concat([members(good), Buffer.alloc(9 * 2 ** 20)]),
      'it does not end',
    ],
    [
      'headers that describe nothing',
      members(...of(9, { name: 'x', type: 'x' })),
      'headers that describe nothing',
    ],
    [
      'a description of many megabytes',
      members({ name: 'x', type: 'L', size: 2 ** 30 }),
      'a header of 1073741824 bytes',
    ],
    [
      'records that are none',
      members({ name: 'x', type: 'x', content: '9999 path=x\n' }),
      'records that are none',
    ],
    [
      'a record that overlaps',
      members({ name: 'x', type: 'x', content: '3 path=x\n' }),
      'records that are none',
    ],
    ['a size that is none', archiveOf({ name: 'x', pax: { size: '-1' } }), 'a size that is none'],
    [
      'a size beyond counting',
      archiveOf({ name: 'x', pax: { size: '9'.repeat(17) } }),
      'a size that is none',
    ],
    [
      'a time that is none',
      archiveOf({ name: 'x', pax: { mtime: 'noon' } }),
      'a time that is none',
    ],
    [
      'global records of many megabytes',
      members(
        ...['a', 'b', 'c'].map((key) => ({
          name: 'g',
          type: 'g',
          content: paxRecords({ [key]: 'x'.repeat(500_000) }),
        })),
      ),
      'too many global records',
    ],
    ['an entry of an old format', archiveOf({ name: 'x', type: 'S' }), 'an entry of type S'],
    [
      'a sparse file of an old format',
      archiveOf(sparse('0\n', '', { 'GNU.sparse.major': '0' })),
      'a sparse file of an old format',
    ],
    ['a map that is none', archiveOf(sparse('one\n')), 'a sparse file whose map is none'],
    [
      'a map with more than the file',
      archiveOf(sparse('1\n0\n9999\n')),
      'a sparse file whose map is wrong',
    ],
    [
      'a map beyond the end',
      archiveOf(sparse('1\n4096\n512\n', 'x'.repeat(512))),
      'a sparse file whose map is wrong',
    ],
    [
      'a map that goes back',
      archiveOf(sparse('2\n512\n512\n0\n512\n', 'x'.repeat(1024))),
      'a sparse file whose map is wrong',
    ],
    [
      'a map of a million regions',
      archiveOf(sparse('9999999\n')),
      'a sparse file of 9999999 regions',
    ],
    [
      'a map that does not end',
      archiveOf(sparse(`300\n${'0\n'.repeat(254)}`)),
      'a sparse file that is shorter than its map',
    ],
  ])('%s', async (_, stream, message) => {
    sends(stream)
    await expect(pull(connection, far, near)).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `what 127.0.0.1 sends for ${far} is no archive: ${message}`,
    })
    expectNothingElse(undefined)
  })

  test.each<[string, Buffer, string]>([
    [
      'more files than allowed',
      members(...Array.from({ length: 30 }, (_, index) => ({ name: `f${index}` }))),
      '20 files',
    ],
    [
      'more folders than allowed in one name',
      members({ name: 'x', pax: { path: `${'d/'.repeat(30)}f` } }, good),
      '20 files',
    ],
    [
      'more entries than allowed that are refused',
      members(...Array.from({ length: 30 }, () => ({ name: '../f' }))),
      '20 files',
    ],
    [
      'more bytes than allowed',
      members({ name: 'x', content: Buffer.alloc(600) }, { name: 'y', content: Buffer.alloc(600) }),
      '1000 bytes',
    ],
    [
      'more bytes than allowed that are refused',
      members({ name: '../x', content: Buffer.alloc(1001) }),
      '1000 bytes',
    ],
    [
      'a file with a hole that is larger than allowed',
      archiveOf(sparse('0\n', '', { 'GNU.sparse.realsize': String(2 ** 50) })),
      '1000 bytes',
    ],
  ])('%s', async (_, stream, allowed) => {
    sends(stream)
    await expect(
      pull(connection, far, near, { maxFiles: 20, maxBytes: 1000 }),
    ).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `the machine has or sends more than ${allowed}`,
    })
    expectNothingElse(undefined)
  })

  // 2 ** 20 + 256 * 300
  const mostNames = 1_125_376
  const numbers = Array.from({ length: 300 }, (_, index) => String(index))
  const names4000 = numbers.map((index) => `${'n/'.repeat(2000)}${index}`)
  test.each<[string, Buffer, PullOptions]>([
    [
      'of files in a list',
      Buffer.from(names4000.map((name) => `f 644 0 1.0 0 ${name}\0\0`).join('')),
      { exclude: ['x'] },
    ],
    [
      'that links in a list lead to',
      Buffer.from(names4000.map((name, at) => `l 777 0 1.0 0 ${at}\0${name}\0`).join('')),
      { exclude: ['x'] },
    ],
    [
      'that links lead to',
      members(...names4000.map((linkpath, at) => ({ ...link(`${at}`, 'x'), pax: { linkpath } }))),
      {},
    ],
    [
      'that are refused',
      members(...names4000.map((name) => ({ name: 'x', pax: { path: `../${name}` } }))),
      {},
    ],
  ])('names %s that fill up memory', async (_, stream, options) => {
    sends(stream)
    fs.writeFileSync(path.join(tools, 'list'), stream)
    await expect(pull(connection, far, near, { ...options, maxFiles: 300 })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `the machine has or sends more than ${mostNames} bytes of names`,
      hint: "Pull less, or allow more with 'maxFiles'.",
    })
    expectNothingElse(undefined)
  })

  test('what goes on when it was given up is not written, though its number is another file now', () => {
    const limits = { maxFiles: 100, maxBytes: 1e6 }
    const landing = new Landing(near, { limits, meter: new Meter(undefined), mode: undefined })
    const file = landing.begin({
      name: Buffer.from('x'),
      kind: 'file',
      size: 5000,
      isSparse: false,
      mode: 0o644,
      mtime: 1,
      linkTarget: Buffer.alloc(0),
    })
    if (file === undefined) throw new Error('it is not let in')
    landing.write(file, Buffer.from('half'), 0)
    landing.discard()
    const precious = path.join(here, 'precious')
    const fd = fs.openSync(precious, 'r+')
    expect(fd).toBe(file.fd)
    const error = expect.objectContaining({
      code: 'TRANSFER_FAILED',
      message: `${near}/x cannot be written on this computer: it was given up`,
    })
    expect(() => landing.write(file, Buffer.from('bad'), 0)).toThrow(error)
    expect(() => landing.finish(file)).toThrow(error)
    landing.drop(file)
    fs.writeSync(fd, 'mine')
    fs.closeSync(fd)
    expectNothingElse(undefined)
  })

  test('one of several streams that fails ends the others before anybody hears of it', async () => {
    fs.writeFileSync(
      path.join(tools, 'list'),
      ['a', 'b'].map((name) => `f 644 2000000 1.0 0 ./${name}\0\0`).join(''),
    )
    // The other one never ends by itself.
    const slow = String.raw`while printf '\0'; do sleep 0.1; done`
    fs.writeFileSync(
      path.join(tools, 'tar'),
      `#!/bin/sh\ncase "$(/bin/cat | tr -d '\\0')" in ./a) ${slow} ;; *) exit 2 ;; esac\n`,
    )
    const opened: OpenChannel[] = []
    const watched = watching(connection, (one) => opened.push(one))
    await expect(pull(watched, [`${far}/*`], near)).rejects.toMatchObject({
      name: 'CommandError',
      exitCode: 2,
    })
    expect(opened).toHaveLength(3)
    // With it open this waits until the test is over.
    await Promise.all(opened.map(({ exit }) => exit))
    fs.writeFileSync(path.join(tools, 'tar'), `#!/bin/sh\n${tarOf(tools)}\n`)
    expectNothingElse(undefined)
  })

  test('a file that has become shorter is told of, however much is said after it', async () => {
    sends(archiveOf(good))
    const log = 'tar: ./a/long/way/down/to/some/log: file changed as we read it'
    fs.writeFileSync(
      path.join(tools, 'tar'),
      [
        '#!/bin/sh',
        `/bin/cat ${tools}/stream`,
        '[ -e "$0.shrinks" ] && echo "tar: good: File shrank by 2 bytes; padding with zeros" >&2',
        `for i in $(seq 200); do echo '${log}' >&2; done; exit 1`,
        '',
      ].join('\n'),
    )
    expect(await pull(connection, far, near)).toMatchObject({ files: 1 })
    fs.rmSync(near, { recursive: true })
    fs.writeFileSync(path.join(tools, 'tar.shrinks'), '')
    await expect(pull(connection, far, near)).rejects.toMatchObject({
      name: 'CommandError',
      code: 'COMMAND_FAILED',
      exitCode: 1,
    })
    fs.rmSync(path.join(tools, 'tar.shrinks'))
    fs.writeFileSync(path.join(tools, 'tar'), `#!/bin/sh\n${tarOf(tools)}\n`)
    expectNothingElse(undefined)
  })

  test('a stream without an end, while the machine is still sending it', async () => {
    const files = members(...Array.from({ length: 100 }, (_, index) => ({ name: `f${index}` })))
    sends(files)
    fs.writeFileSync(path.join(tools, 'tar'), `#!/bin/sh\nwhile cat ${tools}/stream; do :; done\n`)
    await expect(pull(connection, far, near, { maxFiles: 1000 })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
    })
    expectNothingElse(undefined)
    fs.writeFileSync(path.join(tools, 'tar'), `#!/bin/sh\nexec /bin/cat ${tools}/stream\n`)
  })

  test('global records count for all that follows, and are bound as others are', async () => {
    sends(
      Buffer.concat([
        members({ name: 'g', type: 'g', content: paxRecords({ path: '../precious' }) }, good, good),
        end,
      ]),
    )
    const { refused } = await pull(connection, far, near)
    expect(refused.map(({ path: name }) => name)).toEqual(['../precious', '../precious'])
    expectNothingElse([])
  })
})

describe('one file from a machine that lies', () => {
  const file = (): string => {
    const at = path.join(far, 'file')
    fs.writeFileSync(at, 'four')
    return at
  }

  test('about its size has no chance: too few bytes are an error, too many are left out', async () => {
    const source = file()
    sends(Buffer.from('fo'))
    await expect(pull(connection, source, near)).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `${source} was changed on 127.0.0.1 while it was pulled`,
    })
    await expect(read(connection, source)).rejects.toMatchObject({ code: 'TRANSFER_FAILED' })
    expectNothingElse(undefined)
    sends(Buffer.from('four and more'))
    await pull(connection, source, near)
    expect(fs.readFileSync(near, 'utf8')).toBe('four')
  })

  test.each([
    ['-1 1.000000 644 8'],
    ['99999999999999999 1.000000 644 8'],
    ['4 noon 644 8'],
    ['4 1.000000 999 8'],
    [''],
  ])('about it in the words %j is not understood', async (says) => {
    fs.writeFileSync(path.join(tools, 'says'), says)
    await expect(pull(connection, file(), near)).rejects.toMatchObject({
      name: expect.stringMatching(/Error/),
    })
    expectNothingElse(undefined)
  })

  test('about what is here, or about what comes instead, is not believed', async () => {
    const source = file()
    // In place of the script's own words.
    const answer = (kind: string): void => {
      const words = String.raw`printf '${kind} 4 1.000000 644 0 \n'; /bin/cat ${tools}/stream`
      const script = `#!/bin/sh\n{ ${words}; } >/proc/$PPID/fd/1; kill -9 $PPID\n`
      fs.writeFileSync(path.join(tools, 'stat'), script)
    }
    sends(Buffer.alloc(0))
    for (const kind of ['equal', 'elsewhere', 'folders']) {
      answer(kind)
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(pull(connection, source, near)).rejects.toMatchObject({
        code: 'TRANSFER_FAILED',
        message: `127.0.0.1 answers with something else than ${source} was asked for`,
      })
    }
    answer('sparse')
    for (const stream of [archiveOf(good, good), archiveOf(link('x', '/etc/passwd'))]) {
      sends(stream)
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(pull(connection, source, near)).rejects.toMatchObject({
        code: 'TRANSFER_FAILED',
        message: `what 127.0.0.1 sends for ${source} is no archive: it has something else than the file that was asked for`,
      })
    }
    fs.writeFileSync(path.join(tools, 'stat'), honestStat)
    expectNothingElse(undefined)
  })

  test('or is written to while it is read, at the same length, is no mixture', async () => {
    const source = file()
    fs.utimesSync(source, 1, 1)
    const writes = `printf x | /bin/dd of=${source} conv=notrunc status=none`
    fs.writeFileSync(path.join(tools, 'dd'), `#!/bin/sh\n/bin/dd "$@"\n${writes}\n`)
    const error = {
      code: 'TRANSFER_FAILED',
      message: `${source} was changed on 127.0.0.1 while it was pulled`,
      hint: 'Pull it when nobody writes it any more.',
    }
    await expect(pull(connection, source, near)).rejects.toMatchObject(error)
    fs.utimesSync(source, 1, 1)
    await expect(read(connection, source)).rejects.toMatchObject(error)
    fs.truncateSync(source, 2 ** 21)
    fs.utimesSync(source, 1, 1)
    fs.writeFileSync(path.join(tools, 'tar'), `#!/bin/sh\n/bin/tar "$@"\n${writes}\n`)
    await expect(pull(connection, source, near)).rejects.toMatchObject(error)
    fs.writeFileSync(path.join(tools, 'tar'), `#!/bin/sh\n${tarOf(tools)}\n`)
    // More than comes with the first answer: the last range is the one that notices.
    fs.writeFileSync(source, randomBytes(9 * 2 ** 20))
    fs.utimesSync(source, 1, 1)
    fs.writeFileSync(
      path.join(tools, 'dd'),
      `#!/bin/sh\n/bin/dd "$@" || exit\ncase "$*" in *skip=*) ${writes} ;; esac\n`,
    )
    await expect(pull(connection, source, near)).rejects.toMatchObject(error)
    fs.writeFileSync(path.join(tools, 'dd'), `#!/bin/sh\n${ddOf(tools)}\n`)
    expectNothingElse(undefined)
  })

  test('about its content is found out when asked', async () => {
    const source = file()
    sends(Buffer.from('fore'))
    await expect(pull(connection, source, near, { checksum: true })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `${source} arrived from 127.0.0.1 with another content than it has there`,
    })
    expectNothingElse(undefined)
  })

  test('and sends one without end is not listened to', async () => {
    const source = path.join(far, 'empty')
    fs.writeFileSync(source, '')
    fs.writeFileSync(path.join(tools, 'cat'), '#!/bin/sh\nexec yes\n', { mode: 0o755 })
    const error = {
      code: 'TRANSFER_FAILED',
      message: 'the machine has or sends more than 100000 bytes',
    }
    await expect(pull(connection, source, near, { maxBytes: 100_000 })).rejects.toMatchObject(error)
    await expect(read(connection, source, { maxBytes: 100_000 })).rejects.toMatchObject(error)
    fs.rmSync(path.join(tools, 'cat'))
    expectNothingElse(undefined)
  })

  test('about the end of a list is not believed', async () => {
    for (const list of [
      'f 644 4 1.0 0 good',
      'f 644 4 1.0 0 good\0',
      'hello\0\0',
      'x'.repeat(20_000),
    ]) {
      fs.writeFileSync(path.join(tools, 'list'), list)
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(pull(connection, far, near, { exclude: ['x'] })).rejects.toMatchObject({
        code: 'TRANSFER_FAILED',
        message: expect.stringContaining('is no archive: '),
      })
    }
    expectNothingElse(undefined)
  })

  test('in the name of its system says so in its words, which cannot steer the terminal', async () => {
    const words = String.raw`printf 'tar: \033[2Jsecret: Cannot open: Permission denied\n' >&2; exit 2`
    fs.writeFileSync(path.join(tools, 'tar'), `#!/bin/sh\n${words}\n`)
    await expect(pull(connection, far, near)).rejects.toMatchObject({
      name: 'CommandError',
      code: 'ACCESS_DENIED',
      exitCode: 2,
      message: `${far} could not be pulled from 127.0.0.1\ntar: secret: Cannot open: Permission denied`,
    })
    fs.writeFileSync(path.join(tools, 'tar'), `#!/bin/sh\nexec /bin/cat ${tools}/stream\n`)
    expectNothingElse(undefined)
  })
})
