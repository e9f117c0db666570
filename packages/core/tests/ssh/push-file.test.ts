import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { type Connection, connect } from '../../src/ssh/connection.ts'
import { farPath } from '../../src/ssh/transfer/far-file.ts'
import type { TransferProgress } from '../../src/ssh/transfer/progress.ts'
import { push, type PushOptions } from '../../src/ssh/transfer/push.ts'
import { type Sshd, startSshd } from '../sshd.ts'
import { closing, farAway } from './far-away.ts'
import { living } from './processes.ts'

let sshd: Sshd
let connection: Connection
/** Empty before each test. */
let here: string
let there: string

beforeAll(async () => {
  sshd = await startSshd({ more: ['LogLevel VERBOSE'] })
  connection = await connect(sshd.target)
})
afterAll(async () => {
  connection.close()
  await sshd[Symbol.asyncDispose]()
})
beforeEach(() => {
  here = mkdtempSync(path.join(sshd.folder, 'here-'))
  there = mkdtempSync(path.join(sshd.folder, 'there-'))
})

function local(name: string, content: string | Uint8Array): string {
  const at = path.join(here, name)
  writeFileSync(at, content)
  return at
}

describe('one file', () => {
  test('has the bytes, the mode and the time of the local one', async () => {
    const bytes = randomBytes(5_000_000)
    const near = local('near', bytes)
    execFileSync('touch', ['-d', '1969-12-31 23:59:58.123456789 UTC', near])
    execFileSync('chmod', ['6751', near])
    const far = path.join(there, 'far')
    expect(await push(connection, near, far)).toEqual({
      files: 1,
      bytes: 5_000_000,
      skipped: 0,
      durationMs: expect.any(Number),
    })
    expect(readFileSync(far).equals(bytes)).toBe(true)
    const { mode, mtimeNs } = statSync(far, { bigint: true })
    expect({ mode: Number(mode) & 0o7777, mtimeNs }).toEqual({
      mode: 0o6751,
      mtimeNs: statSync(near, { bigint: true }).mtimeNs,
    })
  })

  test.each([0, 1, 4_194_304, 4_194_305, 20_000_001])('of %d bytes arrives whole', async (size) => {
    const bytes = randomBytes(size)
    const far = path.join(there, 'far')
    await push(connection, bytes, far)
    expect(readFileSync(far).equals(bytes)).toBe(true)
    expect(statSync(far).mode & 0o7777).toBe(0o644)
    await push(connection, bytes, far, { mode: 0o4750 })
    expect(statSync(far).mode & 0o7777).toBe(0o4750)
  })

  test.each(['-rf', "it's", 'a "b" $(c) `d`', 'line\nbreak\n', ' ', '*', 'ü', 'x'.repeat(255)])(
    'may be named %j',
    async (name) => {
      await push(connection, Buffer.from('x'), path.join(there, name))
      expect(readdirSync(there)).toEqual([name])
    },
  )

  test('a relative path that begins with a hyphen is no option', () => {
    expect(farPath('-rf')).toBe('./-rf')
    expect(farPath('/-rf')).toBe('/-rf')
  })

  test('takes the place of a link, and what that led to stays', async () => {
    const precious = local('precious', 'mine')
    const far = path.join(there, 'far')
    symlinkSync(precious, far)
    await push(connection, Buffer.from('theirs'), far)
    expect(lstatSync(far).isFile()).toBe(true)
    expect(readFileSync(precious, 'utf8')).toBe('mine')
  })

  test('follows a local link that is named itself', async () => {
    local('near', 'content')
    symlinkSync('near', path.join(here, 'link'))
    await push(connection, path.join(here, 'link'), path.join(there, 'far'))
    expect(readFileSync(path.join(there, 'far'), 'utf8')).toBe('content')
  })

  test('with holes arrives with them, wherever they are', async () => {
    const near = local('near', 'begin')
    truncateSync(near, 40_000_000)
    appendFileSync(near, randomBytes(3_000_000))
    truncateSync(near, 80_000_000)
    const far = path.join(there, 'far')
    expect(await push(connection, near, far)).toMatchObject({ files: 1, bytes: 80_000_000 })
    expect(readFileSync(far).equals(readFileSync(near))).toBe(true)
    expect(statSync(far).blocks * 512).toBeLessThan(4_000_000)
  })
})

describe('what is there already', () => {
  test('is not sent again when size, time and mode are equal', async () => {
    const near = local('near', randomBytes(9_000_000))
    const far = path.join(there, 'far')
    await push(connection, near, far)
    const { ino } = statSync(far)
    expect(await push(connection, near, far)).toMatchObject({ files: 0, bytes: 0, skipped: 1 })
    expect(statSync(far).ino).toBe(ino)
  })

  test.each<[string, (near: string) => void, PushOptions]>([
    ['time', (near) => utimesSync(near, 1, 1), {}],
    ['size', (near) => appendFileSync(near, 'x'), {}],
    ['mode', () => undefined, { mode: 0o600 }],
  ])('is sent again when its %s differs', async (_, change, options) => {
    const near = local('near', 'content')
    const far = path.join(there, 'far')
    await push(connection, near, far)
    change(near)
    expect(await push(connection, near, far, options)).toMatchObject({ files: 1, skipped: 0 })
    expect(readFileSync(far)).toEqual(readFileSync(near))
  })

  test('is told by its content alone with `checksum`, bytes as well', async () => {
    const near = local('near', 'content')
    const far = path.join(there, 'far')
    await push(connection, near, far)
    utimesSync(near, 1, 1)
    const checksum = true
    const again = await push(connection, near, far, { checksum })
    expect(again).toMatchObject({ files: 0, skipped: 1 })
    const bytes = await push(connection, Buffer.from('content'), far, { checksum })
    expect(bytes).toMatchObject({ files: 0, skipped: 1 })
    // Size, time and mode are equal, and yet.
    writeFileSync(far, 'CONTENT')
    utimesSync(far, 1, 1)
    expect(await push(connection, near, far, { checksum })).toMatchObject({ files: 1, skipped: 0 })
    expect(readFileSync(far, 'utf8')).toBe('content')
  })
})

describe('a push that fails', () => {
  test('says that there is no such folder', async () => {
    await expect(
      push(connection, new Uint8Array(1), path.join(there, 'no', 'file')),
    ).rejects.toMatchObject({
      name: 'CommandError',
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(
        /^\/.*\/no\/file could not be pushed to 127\.0\.0\.1\n.*: No such file or directory$/,
      ),
      hint: 'Check the path, and that the folders in it are there.',
      exitCode: expect.any(Number),
    })
  })

  test('says that there is a folder of that name', async () => {
    await expect(push(connection, new Uint8Array(1), there)).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: `${there} could not be pushed to 127.0.0.1\n${there}: Is a directory`,
      hint: 'Name the file itself: there is a folder of that name.',
    })
    expect(readdirSync(there)).toEqual([])
  })

  test('says that the machine does not allow it', async () => {
    await expect(push(connection, new Uint8Array(1), '/sys/kernel/x')).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringMatching(/^\/sys\/kernel\/x could not be pushed to 127\.0\.0\.1\n/),
      hint: expect.any(String),
    })
  })

  const isRoot = process.getuid?.() === 0
  test.skipIf(!isRoot)(
    `says that the disk is full, and leaves room again${isRoot ? '' : ' (skipped: mounting a small disk takes root)'}`,
    async () => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', there])
      try {
        await expect(
          push(connection, randomBytes(30_000_000), path.join(there, 'far')),
        ).rejects.toMatchObject({
          code: 'DISK_FULL',
          message: expect.stringMatching(/No space left on device$/),
          hint: expect.any(String),
        })
        expect(readdirSync(there)).toEqual([])
      } finally {
        // Lazily: what waited there for another connection may have a second to live.
        execFileSync('umount', ['-l', there])
      }
    },
  )

  test('notices that the local file was changed meanwhile; the old one there stays', async () => {
    const near = local('near', randomBytes(20_000_000))
    const far = path.join(there, 'far')
    writeFileSync(far, 'old')
    await expect(
      push(connection, near, far, {
        onProgress({ bytes }) {
          if (bytes > 0) appendFileSync(near, 'x')
        },
      }),
    ).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `${near} was changed while it was pushed`,
      hint: 'Push it when nobody writes it any more.',
    })
    expect(readdirSync(there)).toEqual(['far'])
    expect(readFileSync(far, 'utf8')).toBe('old')
  })

  test('ends with the reason of its signal, and nothing of it is left', async () => {
    const reason = new Error('enough')
    const aborter = new AbortController()
    const far = path.join(there, 'far')
    const pushing = push(connection, randomBytes(30_000_000), far, {
      signal: aborter.signal,
      onProgress({ bytes }) {
        if (bytes > 10_000_000) aborter.abort(reason)
      },
    })
    await expect(pushing).rejects.toBe(reason)
    expect(readdirSync(there)).toEqual([])
    await expect(push(connection, 'x', far, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    )
  })

  test.each([
    ['at once', 0],
    ['under way', 1],
    ['at its end', 2],
  ])('says what its `onProgress` throws %s, and nothing of it is left', async (_, when) => {
    const error = new Error('mine')
    const bytes = randomBytes(20_000_000)
    const pushing = push(connection, bytes, path.join(there, 'far'), {
      onProgress(progress) {
        const isOver = progress.totalBytes !== undefined && progress.path === undefined
        if (when === (isOver ? 2 : Math.min(progress.bytes, 1))) throw error
      },
    })
    await expect(pushing).rejects.toBe(error)
    expect(readdirSync(there)).toEqual(when === 2 ? ['far'] : [])
  })

  test('leaves no local file open', async () => {
    const near = local('near', randomBytes(20_000_000))
    // Commands that end late are a reason for another connection, which is not to stay.
    using alone = closing(await connect(sshd.target, { lingerMs: 0 }))
    const before = readdirSync('/proc/self/fd').length
    for (let tries = 0; tries < 5; tries++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(push(alone, near, '/no/such/folder/file')).rejects.toMatchObject({
        code: 'FILE_NOT_FOUND',
      })
    }
    await expect
      .poll(() => readdirSync('/proc/self/fd').length, { timeout: 20_000 })
      .toBeLessThanOrEqual(before)
  })

  test.each([
    ['no such file', (at: string) => at, /cannot be used on this computer: ENOENT/],
    [
      'a pipe',
      (at: string) => {
        execFileSync('mkfifo', [at])
        return at
      },
      /is no file, folder or link$/,
    ],
  ])('says what is wrong here: %s', async (_, make, message) => {
    await expect(
      push(connection, make(path.join(here, 'near')), path.join(there, 'far')),
    ).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: expect.stringMatching(message),
    })
  })

  test.each([
    [{ resume: 5 }, `push() has no option 'resume'`],
    [{ mode: 0o10000 }, `option 'mode' of push() is 4096`],
    [{ exclude: '*.ts' }, `option 'exclude' of push() is '*.ts'`],
  ])('does not take an option that would do nothing: %j', async (options, message) => {
    await expect(push(connection, 'x', 'y', options as object)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message,
    })
  })

  test.each([
    ['near', '', `push() cannot write to ''`, 'Give a path on the machine.'],
    ['near', 'a\0b', `push() cannot write to 'a\\x00b'`, 'Give a path on the machine.'],
    [undefined, 'far', 'push() cannot read undefined', 'Give a local path, or bytes.'],
  ])('does not push %j to %j', async (source, destination, message, hint) => {
    await expect(push(connection, source as string, destination)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message,
      hint,
    })
  })
})

test('progress begins with nothing, ends with everything, and never goes back', async () => {
  const seen: TransferProgress[] = []
  const far = path.join(there, 'far')
  await push(connection, randomBytes(30_000_000), far, { onProgress: (one) => seen.push(one) })
  expect(seen[0]).toEqual({
    bytes: 0,
    totalBytes: undefined,
    files: 0,
    totalFiles: undefined,
    path: undefined,
  })
  expect(seen.at(-1)).toEqual({
    bytes: 30_000_000,
    totalBytes: 30_000_000,
    files: 1,
    totalFiles: 1,
    path: undefined,
  })
  expect(seen.slice(1, -1)).not.toEqual([])
  expect(seen.slice(1, -1).every((one) => one.path === far && one.totalBytes === 3e7)).toBe(true)
  const bytes = seen.map((one) => one.bytes)
  expect(bytes).toEqual(bytes.toSorted((a, b) => a - b))
})

describe('over a long way', () => {
  const aCommand = 'Starting session: command'
  const aLogin = 'Accepted publickey'

  /** How often sshd says so from now on. */
  function counted(words: string): Disposable & { times: number } {
    const { stderr } = sshd.process
    const count = (chunk: Buffer): void => {
      counter.times += chunk.toString().split(words).length - 1
    }
    const counter = { times: 0, [Symbol.dispose]: () => void stderr?.off('data', count) }
    stderr?.on('data', count)
    return counter
  }

  test('a large file takes several channels, and what they bring is one file', async () => {
    await using way = await farAway(sshd.target, 20)
    using far = closing(await connect(way.target))
    const bytes = randomBytes(30_000_000)
    const at = path.join(there, 'far')
    using commands = counted(aCommand)
    await push(far, bytes, at, { checksum: true })
    expect(commands.times).toBeGreaterThan(2)
    expect(readFileSync(at).equals(bytes)).toBe(true)
    expect(readdirSync(there)).toEqual(['far'])
  })

  const large = randomBytes(80 * 2 ** 20)

  test('a file that is worth it takes further connections, and the next one finds them there', async () => {
    await using way = await farAway(sshd.target, 20)
    using far = closing(await connect(way.target))
    const at = path.join(there, 'far')
    using logins = counted(aLogin)
    await push(far, large, at, { checksum: true })
    // The last of them may come too late to be of use.
    await expect.poll(() => logins.times, { timeout: 20_000 }).toBe(3)
    await push(far, large, `${at}2`, { checksum: true })
    expect(logins.times).toBe(3)
    expect(readFileSync(at).equals(large)).toBe(true)
    expect(readFileSync(`${at}2`).equals(large)).toBe(true)
  })

  test('where no further connection can be had it goes over the one that is there', async () => {
    await using way = await farAway(sshd.target, 20)
    using far = closing(await connect(way.target))
    way.refuse()
    const at = path.join(there, 'far')
    using logins = counted(aLogin)
    await push(far, large, at)
    expect(logins.times).toBe(0)
    expect(readFileSync(at).equals(large)).toBe(true)
    expect(readdirSync(there)).toEqual(['far'])
  })

  test.each(['cutNewest', 'cutOldest', 'cut'] as const)(
    'some of several connections may break (%s): what is missing comes again, and nobody waits for more',
    async (cut) => {
      await using way = await farAway(sshd.target, 20)
      using far = closing(await connect(way.target, { reconnectMs: 10_000 }))
      const at = path.join(there, 'far')
      await push(far, large, at)
      const before = way.sent
      let isCut = false
      const onProgress = ({ bytes }: TransferProgress): void => {
        if (isCut || bytes < 50 * 2 ** 20) return
        isCut = true
        way[cut]()
      }
      await push(far, large, `${at}2`, { onProgress, checksum: true })
      expect(isCut).toBe(true)
      expect(readFileSync(`${at}2`).equals(large)).toBe(true)
      expect(readdirSync(there)).toEqual(['far', 'far2'])
      // Not all of it.
      expect(way.sent - before).toBeLessThan(large.length + 45 * 2 ** 20)
      await expect.poll(() => living(there)).toEqual([])
    },
  )

  test('many at once do not wait for each other forever', async () => {
    await using way = await farAway(sshd.target, 20)
    using far = closing(await connect(way.target))
    const bytes = randomBytes(5_000_000)
    const files = Array.from({ length: 12 }, (_, index) => path.join(there, String(index)))
    await Promise.all(files.map((at) => push(far, bytes, at)))
    expect(files.filter((at) => !readFileSync(at).equals(bytes))).toEqual([])
  })

  test('a small one takes a single command', async () => {
    await using way = await farAway(sshd.target, 20)
    using far = closing(await connect(way.target))
    const bytes = randomBytes(4_000_000)
    using commands = counted(aCommand)
    await push(far, bytes, path.join(there, 'far'))
    expect(commands.times).toBe(1)
  })
})
