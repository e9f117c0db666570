import { execFileSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { connect } from '../../src/ssh/connection.ts'
import type { TransferProgress } from '../../src/ssh/transfer/progress.ts'
import { pull } from '../../src/ssh/transfer/pull.ts'
import { type Sshd, startSshd } from '../sshd.ts'
import { closing, type FarAway, farAway } from './far-away.ts'
import { programs } from './hostile.ts'
import { names } from './trees.ts'

let tools: string
let sshd: Sshd
/** Empty before each test. */
let here: string
let near: string
let there: string

beforeAll(async () => {
  tools = fs.mkdtempSync(path.join(tmpdir(), 'benchaway-asked-'))
  const forced = programs(tools, {
    // What is asked for by name.
    tar: `case "$*" in *' -T '*) tee ${tools}/names.$$ | /bin/tar "$@" ;; *) exec /bin/tar "$@" ;; esac`,
    dd: `echo "$@" >>${tools}/ranges; exec /bin/dd "$@"`,
  })
  sshd = await startSshd({ more: [forced] })
})
afterAll(async () => {
  await sshd[Symbol.asyncDispose]()
  fs.rmSync(tools, { recursive: true })
})
beforeEach(() => {
  here = fs.mkdtempSync(path.join(sshd.folder, 'here-'))
  near = path.join(here, 'near')
  there = fs.mkdtempSync(path.join(sshd.folder, 'there-'))
  for (const name of fs.readdirSync(tools))
    if (/^names|^ranges/.test(name)) fs.rmSync(path.join(tools, name))
})

/** Cuts the way each time so many more bytes have come. */
function cutter(
  way: FarAway,
  every: number,
  most: number,
): { cuts: number; onProgress: (progress: TransferProgress) => void } {
  const state = {
    cuts: 0,
    onProgress: ({ bytes }: TransferProgress): void => {
      if (state.cuts === most || bytes < every * (state.cuts + 1)) return
      state.cuts++
      way.cut()
    },
  }
  return state
}

function plant(files: number, bytes: number): void {
  for (let index = 0; index < files; index++) {
    const folder = path.join(there, `d${index % 5}`)
    fs.mkdirSync(folder, { recursive: true })
    fs.writeFileSync(path.join(folder, String(index)), randomBytes(bytes))
  }
}

/** Where to cut: before anything is answered, in the first answers, and anywhere before all of the content has come. */
function pointsIn(bytes: number): number[] {
  return [0, randomInt(1, 300), randomInt(300, 600), randomInt(bytes)]
}

function expectEqual(): void {
  expect(names(near)).toEqual(names(there))
  for (const name of names(there)) {
    if (!fs.statSync(path.join(there, name)).isFile()) continue
    const bytes = fs.readFileSync(path.join(there, name))
    expect([name, fs.readFileSync(path.join(near, name)).equals(bytes)]).toEqual([name, true])
  }
}

describe('when the connection is lost and comes back', () => {
  test('a large file goes on where it broke off', async () => {
    await using way = await farAway(sshd.target, 2)
    using connection = closing(await connect(way.target, { reconnectMs: 10_000 }))
    const source = path.join(there, 'file')
    const bytes = randomBytes(48 * 2 ** 20)
    fs.writeFileSync(source, bytes)
    const state = cutter(way, 10 * 2 ** 20, 3)
    const report = await pull(connection, source, near, { onProgress: state.onProgress })
    expect(state.cuts).toBeGreaterThan(0)
    expect(report).toMatchObject({ files: 1, bytes: bytes.length })
    expect(fs.readFileSync(near).equals(bytes)).toBe(true)
    const ranges = fs.readFileSync(path.join(tools, 'ranges'), 'utf8')
    const starts = [...ranges.matchAll(/skip=(\d+)/g)].map(([, start]) => Number(start))
    // One part follows the first answer; the others begin in the middle of what was lost.
    expect(starts.filter((start) => start % 2 ** 20 !== 0).length).toBeGreaterThan(0)
    expect(names(here)).toEqual(['near'])
  })

  test('a file that was changed meanwhile is no mixture', async () => {
    await using way = await farAway(sshd.target, 2)
    using connection = closing(await connect(way.target, { reconnectMs: 10_000 }))
    const source = path.join(there, 'file')
    fs.writeFileSync(source, randomBytes(48 * 2 ** 20))
    const state = cutter(way, 10 * 2 ** 20, 1)
    const onProgress = (progress: TransferProgress): void => {
      state.onProgress(progress)
      if (state.cuts === 1) fs.utimesSync(source, 1, 1)
    }
    await expect(pull(connection, source, near, { onProgress })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      message: `${source} was changed on 127.0.0.1 while it was pulled`,
    })
    expect(names(here)).toEqual([])
  })

  test('of a folder only what is missing comes', async () => {
    await using way = await farAway(sshd.target, 2)
    using connection = closing(await connect(way.target, { reconnectMs: 10_000 }))
    plant(60, 500_000)
    const state = cutter(way, 8_000_000, 2)
    const report = await pull(connection, there, near, { onProgress: state.onProgress })
    expect(state.cuts).toBeGreaterThan(0)
    expect(report).toMatchObject({ files: 60, bytes: 30_000_000, skipped: 0, refused: [] })
    expectEqual()
    const lists = fs.readdirSync(tools).filter((name) => name.startsWith('names'))
    expect(lists.length).toBeGreaterThan(0)
    for (const list of lists) {
      const asked = fs.readFileSync(path.join(tools, list), 'latin1').split('\0')
      expect(asked.length).toBeLessThan(60)
    }
    expect(names(here).filter((name) => !name.startsWith('near'))).toEqual([])
  })
})

describe('when the connection is lost once, wherever it is cut', () => {
  test.each([
    ['a file', 1, 12_000_000],
    ['a folder', 60, 200_000],
  ])('%s comes whole, and is counted once', async (_, files, bytes) => {
    plant(files, bytes)
    const source = files === 1 ? path.join(there, 'd0/0') : there
    for (const at of pointsIn(files * bytes)) {
      // oxlint-disable no-await-in-loop -- one after the other
      await using way = await farAway(sshd.target)
      using connection = closing(await connect(way.target, { reconnectMs: 10_000 }))
      way.cutAfterReceived(at)
      const report = await pull(connection, source, near)
      // oxlint-enable no-await-in-loop
      expect(report, `cut after ${at} bytes`).toEqual({
        files,
        bytes: files * bytes,
        skipped: 0,
        refused: [],
        durationMs: expect.any(Number),
      })
      execFileSync('diff', ['-r', source, near])
      fs.rmSync(near, { recursive: true })
    }
  })
})

test('how a command ended counts for nothing when the last of its output is lost', async () => {
  await using way = await farAway(sshd.target)
  using connection = closing(await connect(way.target))
  // A little more than sshd may send before anybody reads it (3 MiB): the command can end, and its output is not here.
  const { channel, exit } = await connection.openChannel('head -c 3200000 /dev/zero')
  channel.end()
  expect(await once(channel, 'exit')).toEqual([0])
  way.cut()
  let bytes = 0
  channel.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  channel.stderr.resume()
  expect(await exit).toEqual({ exitCode: undefined, signal: undefined })
  expect(bytes).toBeLessThan(3_200_000)
})

describe('when the connection is lost for good, wherever it is cut', () => {
  test.each([
    ['a file', 1, 20_000_000, 0],
    ['a file that comes over several connections', 1, 34_000_000, 15],
    ['a folder', 100, 200_000, 0],
    ['a folder that comes in several streams', 100, 200_000, 15],
  ])('the pull of %s fails, and nothing of it remains', async (_, files, bytes, oneWayMs) => {
    plant(files, bytes)
    const source = files === 1 ? path.join(there, 'd0/0') : there
    for (const at of pointsIn(files * bytes)) {
      // oxlint-disable no-await-in-loop -- one after the other
      await using way = await farAway(sshd.target, oneWayMs)
      using connection = closing(await connect(way.target))
      way.cutAfterReceived(at)
      const outcome = await pull(connection, source, near).then(
        () => 'done',
        (error: unknown) => error,
      )
      // oxlint-enable no-await-in-loop
      expect(outcome, `cut after ${at} bytes`).toMatchObject({
        code: 'CONNECTION_LOST',
        message: `the ssh connection to 127.0.0.1 port ${way.target.port} is gone`,
      })
      expect(names(here), `cut after ${at} bytes`).toEqual([])
    }
  })
})

describe('what `onProgress` throws', () => {
  test.each([
    ['a file', 'at once', 0, []],
    ['a file', 'under way', 1, []],
    ['a file', 'at its end', 2, ['near']],
    ['a folder', 'at once', 0, []],
    ['a folder', 'under way', 1, []],
    ['a folder', 'at its end', 2, ['near', 'near/d0', 'near/d0/0']],
  ])('ends the pull of %s %s, and it is called no more', async (kind, _, when, left) => {
    plant(1, 20_000_000)
    using connection = closing(await connect(sshd.target))
    const thrown: Error[] = []
    const source = kind === 'a file' ? path.join(there, 'd0/0') : there
    const outcome = await pull(connection, source, near, {
      onProgress({ bytes, totalBytes, path: name }) {
        const isOver = totalBytes !== undefined && name === undefined
        if (when !== (isOver ? 2 : Math.min(bytes, 1)) && thrown.length === 0) return
        thrown.push(new Error('mine'))
        throw thrown.at(-1)
      },
    }).catch((error: unknown) => error)
    expect(thrown.length).toBe(1)
    expect(outcome).toBe(thrown[0])
    expect(names(here)).toEqual(left)
  })

  test('about a pull that has failed hides nothing', async () => {
    using connection = closing(await connect(sshd.target))
    let words = 0
    const pulling = pull(connection, path.join(there, 'none'), near, {
      onProgress() {
        if (words++ > 0) throw new Error('mine')
      },
    })
    await expect(pulling).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
    expect(words).toBe(2)
    expect(names(here)).toEqual([])
  })
})
