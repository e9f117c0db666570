/** Pushes whose connection is lost when all of it has been sent, or nearly: while the machine puts it in its place. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { connect } from '../../src/ssh/connection.ts'
import type { TransferReport } from '../../src/ssh/transfer/options.ts'
import { push, type PushOptions } from '../../src/ssh/transfer/push.ts'
import { type Sshd, startSshd } from '../sshd.ts'
import { closing, farAway } from './far-away.ts'
import { programs } from './hostile.ts'
import { living } from './processes.ts'
import { type Leaf, leaves, names } from './trees.ts'

let sshd: Sshd
let here: string
let there: string
/** What is pushed, and what it becomes. */
let near: string
let far: string

beforeAll(async () => {
  sshd = await startSshd()
})
afterAll(() => sshd[Symbol.asyncDispose]())
beforeEach(() => {
  here = mkdtempSync(path.join(sshd.folder, 'here-'))
  there = mkdtempSync(path.join(sshd.folder, 'there-'))
  near = path.join(here, 'near')
  far = path.join(there, 'far')
})

/** Sends as many bytes each time, since sshd takes so many without a word. */
interface Small {
  /** Puts there what the push finds. */
  prepare(): void
  /** What lies there: 'old', 'new', 'some new' or anything else. */
  look(): string
  readonly report: TransferReport
}

const largeSize = 1_200_000

const sizeOf = (file: string): number | undefined => statSync(file, { throwIfNoEntry: false })?.size

function reportOf(files: number, bytes: number, skipped: number): TransferReport {
  return { files, bytes, skipped, durationMs: expect.any(Number) }
}

function smallFile(): Small {
  writeFileSync(near, randomBytes(largeSize))
  return {
    report: reportOf(1, largeSize, 0),
    prepare: () => writeFileSync(far, 'old'),
    look() {
      const size = sizeOf(far)
      return size === 3 ? 'old' : size === largeSize ? 'new' : `${size} bytes`
    },
  }
}

/** Sixteen files and three links; some 1.2 MB. */
function plantTree(): void {
  for (const [index, folder] of ['a', 'b', 'c'].entries()) {
    mkdirSync(path.join(near, folder, 'empty'), { recursive: true })
    for (let file = 0; file < 5; file++) {
      writeFileSync(path.join(near, folder, String(file)), randomBytes(1000 * (file + index)))
    }
    symlinkSync('../a/0', path.join(near, folder, 'link'))
  }
  writeFileSync(path.join(near, 'b/large'), randomBytes(largeSize))
}

const treeBytes = largeSize + 1000 * (5 * 3 + 3 * 10)

function newFolder(): Small {
  plantTree()
  return folderOf(reportOf(19, treeBytes, 0))
}

/** Nothing in it tells by itself that the folder was moved away. */
function flatFolder(): Small {
  mkdirSync(near)
  for (const name of ['a', 'b', 'c']) writeFileSync(path.join(near, name), randomBytes(400_000))
  return folderOf(reportOf(3, 1_200_000, 0))
}

function folderOf(report: TransferReport): Small {
  const state = (at: string): string =>
    names(at)
      .map((name) => `${name}: ${statSync(path.join(at, name)).size}`)
      .join()
  const whole = state(near)
  return {
    report,
    prepare: () => rmSync(far, { recursive: true, force: true }),
    look() {
      if (!existsSync(far)) return 'old'
      const now = state(far)
      return now === whole ? 'new' : now
    },
  }
}

function oldFolder(): Small {
  plantTree()
  const equal = 'c/4'
  const others = [...leaves(near)].flatMap(([name, { type }]) =>
    type === 'file' && name !== equal ? [name] : [],
  )
  return {
    report: reportOf(18, treeBytes - 6000, 1),
    prepare() {
      rmSync(far, { recursive: true, force: true })
      for (const folder of ['a', 'b', 'c']) mkdirSync(path.join(far, folder), { recursive: true })
      for (const name of others) writeFileSync(path.join(far, name), 'old')
      execFileSync('cp', ['-p', path.join(near, equal), path.join(far, equal)])
    },
    look() {
      const states = new Set(
        others.map((name) => {
          const size = sizeOf(path.join(far, name))
          if (size === 3) return 'old'
          return size === sizeOf(path.join(near, name)) ? 'new' : `${name}: ${size} bytes`
        }),
      )
      return [...states].toSorted().join(' and ').replace('new and old', 'some new')
    },
  }
}

async function until(isSo: () => boolean): Promise<void> {
  const started = performance.now()
  // oxlint-disable-next-line no-await-in-loop -- again and again
  while (!isSo() && performance.now() - started < 10_000) await breathe()
}

/** Looks for as long as nothing else is to be done. */
function watch<T>(look: () => T): Disposable & { readonly seen: ReadonlySet<T> } {
  const seen = new Set<T>()
  let next: NodeJS.Immediate
  const again = (): void => {
    seen.add(look())
    next = setImmediate(again)
  }
  again()
  return { seen, [Symbol.dispose]: () => clearImmediate(next) }
}

interface SlowSshd extends Sshd {
  /** Resolves when the machine has come to `stop NAME`. */
  stopped(name: string): Promise<void>
  go(name: string): void
}

/** @param scripts programs that may `stop NAME`, and do something only the `first NAME` time */
async function slowly(scripts: Readonly<Record<string, string>>): Promise<SlowSshd> {
  const tools = mkdtempSync(path.join(sshd.folder, 'tools-'))
  const functions = `first() { mkdir "${tools}/first-$1" 2>/dev/null; }
stop() { : >"${tools}/stopped-$1"; while [ -d "${tools}" ] && [ ! -e "${tools}/go-$1" ]; do sleep 0.02; done; }`
  const forced = programs(
    tools,
    Object.fromEntries(
      Object.entries(scripts).map(([name, script]) => [name, `${functions}\n${script}`]),
    ),
  )
  return {
    ...(await startSshd({ more: [forced] })),
    stopped: (name) => until(() => existsSync(path.join(tools, `stopped-${name}`))),
    go: (name) => writeFileSync(path.join(tools, `go-${name}`), ''),
  }
}

/** How many bytes go until the machine can do the rest alone. */
async function bytesOf(small: Small, options: PushOptions): Promise<number> {
  await using way = await farAway(sshd.target)
  using connection = closing(await connect(way.target))
  small.prepare()
  const before = way.sent
  using watched = watch(() => (small.look() === 'new' ? way.sent - before : 0))
  expect(await push(connection, near, far, options)).toEqual(small.report)
  const [, bytes = 0] = watched.seen
  return bytes
}

/** Times of folders aside, which those change who look. */
function lying(): Map<string, Leaf> {
  return new Map(
    [...leaves(there)].map(([name, leaf]) => [
      name,
      leaf.type === 'folder' ? { ...leaf, mtimeNs: 0n } : leaf,
    ]),
  )
}

/** Nothing of ours runs or lies there any more. */
async function tidy(): Promise<void> {
  const parts = (): string[] => names(there).filter((name) => name.includes('.benchaway-'))
  await expect.poll(() => [...living(there), ...parts()], { timeout: 10_000 }).toEqual([])
}

/** Pushes again and again, each time over a way that is cut. @returns all that was ever seen there */
async function pushLate(
  small: Small,
  check: (now: Map<string, Leaf>, old: Map<string, Leaf>, whole: Map<string, Leaf>) => void,
): Promise<Set<string>> {
  const options = { resumeMs: 0 }
  const bytes = await bytesOf(small, options)
  const whole = lying()
  const seen = new Set<string>()
  let commitMs = 0
  for (const [index, missing] of [0, 0, 0, 0, 0, 0, 60, 120].entries()) {
    // oxlint-disable no-await-in-loop -- one after the other
    await using way = await farAway(sshd.target)
    using connection = closing(await connect(way.target))
    small.prepare()
    const old = lying()
    using watched = watch(() => small.look())
    way.holdAfter(bytes - missing, () => {
      const held = performance.now()
      // The first one tells when the machine does it; the others come around that moment.
      const moment =
        index === 0 ? until(() => watched.seen.has('new')) : sleep(commitMs * (0.5 + Math.random()))
      void moment.then(() => {
        if (index === 0) commitMs = performance.now() - held
        way.cut()
      })
    })
    const outcome = await push(connection, near, far, options).catch((error: unknown) => error)
    expect(outcome).toMatchObject(
      outcome instanceof Error
        ? {
            code: 'CONNECTION_LOST',
            message: `the ssh connection to 127.0.0.1 was lost while ${far} was pushed`,
          }
        : small.report,
    )
    await tidy()
    // oxlint-enable no-await-in-loop
    for (const state of [...watched.seen, small.look()]) seen.add(state)
    check(lying(), old, whole)
  }
  return seen
}

describe('without another connection', () => {
  test.each([
    ['a file', smallFile],
    ['a folder', newFolder],
  ])('%s is the old one or the new one at every moment', async (_, make) => {
    const seen = await pushLate(make(), (now, old, whole) => {
      expect([old, whole]).toContainEqual(now)
    })
    expect([...seen].toSorted()).toEqual(['new', 'old'])
  })

  test('each file of a folder that is there is so too', async () => {
    const seen = await pushLate(oldFolder(), (now, old, whole) => {
      const odd = [...now].filter(
        ([name, leaf]) =>
          ![old.get(name), whole.get(name)].some((one) => one?.content === leaf.content),
      )
      expect(odd).toEqual([])
    })
    expect([...seen].filter((state) => state !== 'some new').toSorted()).toEqual(['new', 'old'])
  })
})

describe('with another connection', () => {
  test.each([
    ['a file', smallFile],
    ['a folder', newFolder],
    ['a folder into another', oldFolder],
  ])(
    'the push of %s that was done is not done again, and reports all that it did',
    async (_, make) => {
      const small = make()
      const bytes = await bytesOf(small, {})
      const whole = lying()
      small.prepare()
      await using way = await farAway(sshd.target)
      using connection = closing(await connect(way.target, { reconnectMs: 30_000 }))
      const before = way.sent
      let isCut = false
      way.holdAfter(bytes, () => {
        void until(() => small.look() === 'new').then(() => {
          isCut = true
          way.cut()
        })
      })
      expect(await push(connection, near, far)).toEqual(small.report)
      expect(isCut).toBe(true)
      expect(way.sent - before).toBeLessThan(bytes + largeSize / 2)
      await tidy()
      expect(lying()).toEqual(whole)
    },
  )

  test.each(['truncate', 'chmod', 'touch', 'mv'])(
    'a machine that comes to `%s` when the file has been taken over spoils nothing',
    async (program) => {
      const small = smallFile()
      const bytes = await bytesOf(small, {})
      const whole = lying()
      small.prepare()
      await using slow = await slowly({
        [program]: `first 1 && stop 1; exec /usr/bin/${program} "$@"`,
      })
      await using way = await farAway(slow.target)
      using connection = closing(await connect(way.target, { reconnectMs: 30_000 }))
      way.holdAfter(bytes, () => void slow.stopped('1').then(() => way.cut()))
      expect(await push(connection, near, far)).toEqual(small.report)
      using watched = watch(() => small.look())
      slow.go('1')
      await tidy()
      expect([...watched.seen]).toEqual(['new'])
      expect(lying()).toEqual(whole)
    },
  )

  test('a machine that still unpacks a folder that has been taken over spoils nothing', async () => {
    const small = flatFolder()
    const bytes = await bytesOf(small, {})
    const whole = lying()
    small.prepare()
    await using slow = await slowly({
      tar: `if first 1; then
cat >$0.all; { head -c 600000 $0.all; stop 1; tail -c +600001 $0.all; } | /usr/bin/tar "$@"; exit; fi
stop 2; exec /usr/bin/tar "$@"`,
    })
    await using way = await farAway(slow.target)
    using connection = closing(await connect(way.target, { reconnectMs: 30_000 }))
    let stage = ''
    way.holdAfter(bytes, () => {
      void slow.stopped('1').then(() => {
        stage = names(there).find((name) => /^\.benchaway-\w+\.part$/.test(name)) ?? ''
        way.cut()
      })
    })
    const pushing = push(connection, near, far)
    await slow.stopped('2')
    using watched = watch(() => small.look())
    slow.go('1')
    await expect.poll(() => living(`stage=${stage}`), { timeout: 10_000 }).toEqual([])
    slow.go('2')
    expect(await pushing).toEqual(small.report)
    await tidy()
    expect([...watched.seen]).toEqual(['old', 'new'])
    expect(lying()).toEqual(whole)
  })

  test('a push that was half done by then reports all that it did as well', async () => {
    const small = oldFolder()
    const bytes = await bytesOf(small, {})
    const whole = lying()
    small.prepare()
    await using slow = await slowly({
      // Called as `mv -f -t INTO --` for what is in a folder.
      mv: `first 1 || exec /usr/bin/mv "$@"
/usr/bin/mv "$1" "$2" "$3" "$4" "$5" || exit
stop 1; into=$3; shift 5; exec /usr/bin/mv -f -t "$into" -- "$@"`,
    })
    await using way = await farAway(slow.target)
    using connection = closing(await connect(way.target, { reconnectMs: 30_000 }))
    way.holdAfter(bytes, () => void slow.stopped('1').then(() => way.cut()))
    expect(await push(connection, near, far)).toEqual(small.report)
    slow.go('1')
    await tidy()
    expect(lying()).toEqual(whole)
  })
})
