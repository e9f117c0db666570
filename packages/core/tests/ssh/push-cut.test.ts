/** Connections that are lost while something is pushed over them. */
import { randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { type Connection, connect } from '../../src/ssh/connection.ts'
import type { OnProgress } from '../../src/ssh/transfer/progress.ts'
import { push } from '../../src/ssh/transfer/push.ts'
import { type Sshd, startSshd } from '../sshd.ts'
import { closing, type FarAway, farAway } from './far-away.ts'
import { living } from './processes.ts'
import { leaves, names } from './trees.ts'

let sshd: Sshd
let way: FarAway
let here: string
let there: string

beforeAll(async () => {
  sshd = await startSshd()
  way = await farAway(sshd.target)
})
afterAll(async () => {
  await way[Symbol.asyncDispose]()
  await sshd[Symbol.asyncDispose]()
})
beforeEach(() => {
  here = mkdtempSync(path.join(sshd.folder, 'here-'))
  there = mkdtempSync(path.join(sshd.folder, 'there-'))
})

/** Cuts the way as soon as so many bytes are on theirs, once each. */
function cutAt(...points: number[]): OnProgress {
  return ({ bytes }) => {
    if (bytes <= (points[0] ?? Infinity)) return
    points.shift()
    way.cut()
  }
}

/** A folder with small files, large ones, links and folders; some 12 MB. */
function makeTree(): string {
  const tree = path.join(here, 'tree')
  for (let folder = 0; folder < 20; folder++) {
    mkdirSync(path.join(tree, `folder-${folder}`, 'empty'), { recursive: true })
    for (let file = 0; file < 20; file++) {
      writeFileSync(path.join(tree, `folder-${folder}`, `file-${file}`), randomBytes(folder * 500))
    }
    symlinkSync(`../folder-${folder}/file-0`, path.join(tree, `folder-${folder}`, 'link'))
  }
  writeFileSync(path.join(tree, 'large'), randomBytes(10_000_000))
  return tree
}

/** Nothing of ours runs or lies there any more. */
async function tidy(): Promise<void> {
  await expect.poll(() => living(there), { timeout: 10_000 }).toEqual([])
  const ours = (): string[] => names(there).filter((name) => name.includes('.benchaway-'))
  await expect.poll(ours, { timeout: 10_000 }).toEqual([])
}

const random = (below: number): number => Math.floor(Math.random() * below)

describe('without another connection', () => {
  test('a file has its old or its new content, and nothing else is left', async () => {
    const bytes = randomBytes(20_000_000)
    const far = path.join(there, 'far')
    for (let tries = 0; tries < 8; tries++) {
      writeFileSync(far, 'old')
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      using connection = closing(await connect(way.target))
      way.cutAfter(random(2e7))
      const pushing = push(connection, bytes, far, { resumeMs: 0 })
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(pushing).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect.poll(() => readdirSync(there), { timeout: 10_000 }).toEqual(['far'])
      const content = readFileSync(far)
      expect(content.equals(bytes) || content.toString() === 'old').toBe(true)
    }
  })

  test('a folder is there whole or not at all', async () => {
    const tree = makeTree()
    const whole = leaves(tree)
    for (let tries = 0; tries < 8; tries++) {
      const far = path.join(there, `far-${tries}`)
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      using connection = closing(await connect(way.target))
      way.cutAfter(random(1e7))
      const pushing = push(connection, tree, far, { resumeMs: 0 })
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(pushing).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await tidy()
      expect([undefined, whole]).toContainEqual(existsSync(far) ? leaves(far) : undefined)
    }
  })

  test('each file of a folder that was there is its old or its new self', async () => {
    const tree = makeTree()
    const far = path.join(there, 'far')
    const whole = leaves(tree)
    mkdirSync(far)
    for (let tries = 0; tries < 4; tries++) {
      for (const [name, { type }] of whole) {
        if (type === 'folder') mkdirSync(path.join(far, name), { recursive: true })
        if (type === 'file') writeFileSync(path.join(far, name), 'old')
      }
      const old = leaves(far)
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      using connection = closing(await connect(way.target))
      way.cutAfter(random(1e7))
      const pushing = push(connection, tree, far, { resumeMs: 0 })
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(pushing).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await tidy()
      const now = leaves(far)
      const odd = [...now].filter(([name, { content }]) => {
        return content !== old.get(name)?.content && content !== whole.get(name)?.content
      })
      expect(odd).toEqual([])
    }
  })

  test('what has arrived is kept for so long as was asked, and no longer', async () => {
    const far = path.join(there, 'far')
    using connection = closing(await connect(way.target))
    const pushing = push(connection, randomBytes(20_000_000), far, {
      resumeMs: 1000,
      onProgress: cutAt(10_000_000),
    })
    await expect(pushing).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    expect(readdirSync(there)).toEqual([expect.stringMatching(/^\.benchaway-.*\.part$/)])
    await expect.poll(() => readdirSync(there), { timeout: 10_000 }).toEqual([])
  })
})

describe('with another connection', () => {
  test('a file goes on where it was cut, again and again', async () => {
    const bytes = randomBytes(60_000_000)
    const far = path.join(there, 'far')
    using connection = closing(await connect(way.target, { reconnectMs: 30_000 }))
    const before = way.sent
    const report = await push(connection, bytes, far, { onProgress: cutAt(2e7, 4e7, 5.5e7) })
    expect(report).toMatchObject({ files: 1, bytes: 60_000_000, skipped: 0 })
    expect(readFileSync(far).equals(bytes)).toBe(true)
    expect(readdirSync(there)).toEqual(['far'])
    // From the beginning each time it would be 175 MB.
    expect(way.sent - before).toBeLessThan(100_000_000)
  })

  test('a file over several channels does so as well', async () => {
    await using long = await farAway(way.target, 20)
    using connection = closing(await connect(long.target, { reconnectMs: 30_000 }))
    const bytes = randomBytes(60_000_000)
    const far = path.join(there, 'far')
    await push(connection, bytes, far, { onProgress: cutAt(2e7, 4e7) })
    expect(readFileSync(far).equals(bytes)).toBe(true)
    expect(readdirSync(there)).toEqual(['far'])
  })

  test('a folder goes on with what is missing', async () => {
    const tree = makeTree()
    writeFileSync(path.join(tree, 'larger'), randomBytes(20_000_000))
    const far = path.join(there, 'far')
    using connection = closing(await connect(way.target, { reconnectMs: 30_000 }))
    const before = way.sent
    const report = await push(connection, tree, far, { onProgress: cutAt(1.6e7, 3e7) })
    expect(report).toMatchObject({ files: 422, skipped: 0 })
    expect(leaves(far)).toEqual(leaves(tree))
    expect(readdirSync(there)).toEqual(['far'])
    // From the beginning each time it would be more than 75 MB.
    expect(way.sent - before).toBeLessThan(70_000_000)
  })

  test('both go on although the next connection is cut before it is of any use', async () => {
    using connection = closing(await connect(way.target, { reconnectMs: 30_000 }))
    let cuts = 0
    const unlucky: Connection = {
      target: connection.target,
      closed: connection.closed,
      client: (signal) => connection.client(signal),
      close: () => connection.close(),
      async openChannel(command, options) {
        if (cuts !== 1) return connection.openChannel(command, options)
        await connection.client()
        const opening = connection.openChannel(command, options)
        cuts++
        way.cut()
        return opening
      },
    }
    const begin = (): void => {
      cuts = 0
      way.cutAfter(3_000_000, () => cuts++)
    }
    begin()
    const bytes = randomBytes(20_000_000)
    await push(unlucky, bytes, path.join(there, 'file'))
    expect(readFileSync(path.join(there, 'file')).equals(bytes)).toBe(true)
    expect(cuts).toBe(2)
    begin()
    const tree = makeTree()
    await push(unlucky, tree, path.join(there, 'tree'))
    expect(leaves(path.join(there, 'tree'))).toEqual(leaves(tree))
    expect(cuts).toBe(2)
    expect(readdirSync(there).toSorted()).toEqual(['file', 'tree'])
  })

  test('both go on although the machine has not noticed that the old connection is gone', async () => {
    await using quiet = await farAway(sshd.target)
    using connection = closing(await connect(quiet.target, { reconnectMs: 30_000 }))
    const cutOnce = (): OnProgress => {
      let isCut = false
      return ({ bytes }) => {
        if (isCut || bytes < 6_000_000) return
        isCut = true
        quiet.cutHere()
      }
    }
    const bytes = randomBytes(20_000_000)
    const file = path.join(there, 'file')
    await push(connection, bytes, file, { onProgress: cutOnce() })
    expect(readFileSync(file).equals(bytes)).toBe(true)
    const tree = makeTree()
    await push(connection, tree, path.join(there, 'tree'), { onProgress: cutOnce() })
    expect(leaves(path.join(there, 'tree'))).toEqual(leaves(tree))
    expect(readdirSync(there).toSorted()).toEqual(['file', 'tree'])
    // Now it does: what still ran there has nothing left to spoil.
    quiet.cut()
    await tidy()
    expect(readdirSync(there).toSorted()).toEqual(['file', 'tree'])
  })

  test('what was kept and has gone is sent from the beginning', async () => {
    const bytes = randomBytes(20_000_000)
    const far = path.join(there, 'far')
    using connection = closing(await connect(way.target, { reconnectMs: 30_000 }))
    let isCut = false
    way.cutAfter(10_000_000, () => {
      isCut = true
      // The machine may be about to do the same.
      for (const name of readdirSync(there)) rmSync(path.join(there, name), { force: true })
    })
    const report = await push(connection, bytes, far)
    expect(isCut).toBe(true)
    expect(report).toMatchObject({ files: 1, bytes: 20_000_000 })
    expect(readFileSync(far).equals(bytes)).toBe(true)
  })
})
