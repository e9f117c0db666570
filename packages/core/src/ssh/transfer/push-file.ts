/** One file, over as many channels as the way to the machine is long. */
import { randomBytes } from 'node:crypto'

import type { ChannelExit } from '../channels.ts'
import { CommandError } from '../command.ts'
import type { Connection } from '../connection.ts'
import type { Content } from './content.ts'
import {
  beside,
  type FarFile,
  helpWrite,
  incomplete,
  otherSum,
  removePart,
  writeFile,
} from './far-file.ts'
import type { Meter } from './meter.ts'
import { different, lost, refusedThere } from './push-failure.ts'
import { Retries } from './retries.ts'
import { dropLast, lengthOf, type Span, without } from './spans.ts'
import { Talk, waiterOf } from './talk.ts'

const chunkSize = 256 * 1024
// What sshd takes unasked: on the first channel there is nothing to gain by sharing it.
const windowSize = 2 * 1024 * 1024
// An answer that took longer than that came a long way, not from a busy shell.
const longWayMs = 10
const mostHelpers = 5
// Over a longer way a single connection brings less than this computer can encrypt.
const wideWayMs = 25
// While one more logs in the others bring about so much.
const worthLogin = 32 * 1024 * 1024
const mostApart = 3
const largestPiece = 8 * 1024 * 1024
const smallestPiece = 1024 * 1024
// What may not be on disk although sshd has taken it, or has promised to: its window, its pipe and a block of dd's.
const inFlight = windowSize + 2 * 1024 * 1024
// Those that bring no more than what may be in flight are in vain as well.
const mostTriesInVain = 5

export interface FilePush {
  readonly content: Content
  readonly far: FarFile
  /** For messages. */
  readonly path: string
  readonly resumeMs: number
  readonly checksum: boolean
  readonly meter: Meter
  readonly signal: AbortSignal | undefined
}

/** @returns whether it was sent; otherwise it was there already */
export async function pushFile(connection: Connection, job: FilePush): Promise<boolean> {
  const retries = new Retries(job.resumeMs === 0 ? 0 : mostTriesInVain)
  let missing: readonly Span[] = job.content.data
  let part: string | undefined
  for (;;) {
    const round = new Round(connection, job, missing, part)
    // oxlint-disable-next-line no-await-in-loop -- each goes on where the last one broke off
    const outcome = await retries.take(() => round.run())
    if (outcome === 'sent') return true
    if (outcome === 'same') return part !== undefined
    const left = round.missing()
    retries.count(lengthOf(left) < lengthOf(missing), () => lost(job.path, connection.target.host))
    missing = left
    // A round that found no connection has claimed nothing.
    if (outcome === 'lost') part = round.part
  }
}

interface Line {
  readonly talk: Talk
  /** What is on its way, in order. */
  readonly sent: { from: number; to: number }[]
}

/** What one connection lives to see of it. */
class Round {
  readonly part: string
  readonly #tag: string
  readonly #connection: Connection
  readonly #job: FilePush
  readonly #old: string | undefined
  #missing: readonly Span[]
  /** What no line has taken yet. */
  readonly #pool: Span[]
  readonly #lines: Line[] = []
  /** Aborts when there is nothing left to help with. */
  readonly #helping = new AbortController()
  #counted = 0
  #isLost = false
  #isSame = false

  constructor(
    connection: Connection,
    job: FilePush,
    missing: readonly Span[],
    old: string | undefined,
  ) {
    this.#connection = connection
    this.#job = job
    this.#old = old
    this.#missing = missing
    this.#pool = [...missing]
    this.part = beside(job.far.path, randomBytes(6).toString('hex'))
    this.#tag = this.part.slice(this.part.lastIndexOf('/') + 1)
  }

  async run(): Promise<'sent' | 'same' | 'lost'> {
    const job = this.#job
    const script = writeFile(job.far, this.part, this.#old, Math.ceil(job.resumeMs / 1000))
    const talk = await Talk.open(this.#connection, script, { signal: job.signal })
    const main = this.#line(talk)
    const stop = (): void => this.#stop()
    // Without it there is nothing to help with.
    void talk.exit.then(stop)
    job.signal?.addEventListener('abort', stop, { once: true })
    try {
      job.signal?.throwIfAborted()
      await this.#sendAll(main)
      if (this.#isLost) await talk.leave()
      job.signal?.throwIfAborted()
      const ended = await talk.exit
      job.signal?.throwIfAborted()
      if (ended.exitCode === 0) {
        if (!this.#isSame && !talk.unread(this.#tag).includes('same')) return 'sent'
        this.#count(-this.#counted)
        return 'same'
      }
      if (this.#isLost || (ended.exitCode === undefined && ended.signal === undefined)) {
        // Over connections that are still there they would wait for more, and write into what another round goes on with.
        await Promise.all(this.#lines.map((line) => line.talk.leave()))
        return 'lost'
      }
      const { host } = this.#connection.target
      if (ended.exitCode === otherSum) throw different(job.path, host)
      throw refusedThere(job.path, host, talk.result(ended))
    } catch (error) {
      this.#stop()
      const ended = await this.#remove(talk)
      // What the others complain of is that the part is gone.
      if (error instanceof CommandError && (ended.exitCode ?? incomplete) !== incomplete) {
        throw refusedThere(job.path, this.#connection.target.host, talk.result(ended))
      }
      throw error
    } finally {
      this.#helping.abort()
      job.signal?.removeEventListener('abort', stop)
    }
  }

  /** What another round has to send when the connection was lost in this one. */
  missing(): Span[] {
    const safe = this.#lines.flatMap(({ sent }) => dropLast(sent, inFlight))
    const left = without(this.#missing, safe)
    this.#count(lengthOf(this.#missing) - lengthOf(left) - this.#counted)
    return left
  }

  async #sendAll(main: Line): Promise<void> {
    const { talk } = main
    if (this.#old !== undefined) await this.#hear(talk)
    if (this.#isSame) return
    const left = lengthOf(this.#pool)
    // A small file needs no answer before its end: one round trip.
    await this.#put(main, left <= 2 * windowSize ? left : windowSize)
    if (this.#pool.length > 0) {
      if (this.#old === undefined) await this.#hear(talk)
      if (this.#isSame) return
      const { firstWordMs } = talk
      const helpers = Math.min(mostHelpers, Math.floor(firstWordMs / longWayMs))
      const isWide = firstWordMs >= wideWayMs && lengthOf(this.#pool) >= worthLogin
      const lines = 1 + helpers + (isWide ? mostApart : 0)
      const helping = Promise.all(
        Array.from({ length: lines - 1 }, (_, index) => this.#help(talk, lines, index >= helpers)),
      )
      // It is awaited later, and may fail now.
      helping.catch(() => undefined)
      await this.#feed(main, lines)
      this.#helping.abort()
      await helping
    }
    if (talk.isOver) return
    await this.#job.content.check()
    // What went over several connections is not believed unseen.
    if (this.#job.checksum || this.#old !== undefined) {
      await talk.write(`sum ${this.#job.far.sum ?? (await this.#job.content.sum())}\n`)
    }
    await talk.write('end\n')
  }

  /** What the far side found there when it began. */
  async #hear(talk: Talk): Promise<void> {
    const said = await talk.word(this.#tag)
    this.#isSame = said === 'same'
    if (said !== 'new' || this.#old === undefined) return
    // What an earlier round had sent is gone.
    const { data } = this.#job.content
    this.#count(lengthOf(this.#missing) - lengthOf(data))
    this.#missing = data
    this.#pool.splice(0, this.#pool.length, ...data)
  }

  async #help(main: Talk, lines: number, apart: boolean): Promise<void> {
    const { signal } = this.#helping
    const talk = await Talk.open(this.#connection, helpWrite(this.part), { signal, apart }).catch(
      // Without it the others do its work; whether the connection is lost they find out as well.
      () => undefined,
    )
    if (talk === undefined) return
    const line = this.#line(talk)
    await this.#feed(line, lines)
    await talk.write('end\n')
    const ended = await talk.exit
    if (ended.exitCode === 0 || main.isOver) return
    this.#stop()
    if (ended.exitCode !== undefined && ended.exitCode !== incomplete) {
      throw refusedThere(this.#job.path, this.#connection.target.host, talk.result(ended))
    }
    this.#isLost = true
  }

  /** Sends for as long as there is anything that nobody sends. */
  async #feed(line: Line, lines: number): Promise<void> {
    while (this.#pool.length > 0 && !line.talk.isOver) {
      const share = lengthOf(this.#pool) / (2 * lines)
      const most = lines === 1 ? Infinity : Math.min(Math.max(share, smallestPiece), largestPiece)
      // oxlint-disable-next-line no-await-in-loop -- as the far side takes it
      await this.#put(line, Math.floor(most))
    }
  }

  /** Sends the next bytes of the pool, at most so many, and of as many spans as that takes. */
  async #put(line: Line, most: number): Promise<void> {
    for (let left = most; left > 0 && !line.talk.isOver;) {
      const span = this.#pool.shift()
      if (span === undefined) return
      const to = Math.min(span.to, span.from + left)
      if (to < span.to) this.#pool.unshift({ from: to, to: span.to })
      left -= to - span.from
      // oxlint-disable-next-line no-await-in-loop -- as the far side takes it
      await this.#putSpan(line, { from: span.from, to })
    }
  }

  async #putSpan({ talk, sent }: Line, { from, to }: Span): Promise<void> {
    const going = { from, to: from }
    sent.push(going)
    await talk.write(`put ${from} ${to - from}\n`)
    for (let at = from; at < to && !talk.isOver; at += chunkSize) {
      const length = Math.min(chunkSize, to - at)
      // oxlint-disable-next-line no-await-in-loop -- as the far side takes it
      const chunk = await this.#job.content.read(at, length)
      // oxlint-disable-next-line no-await-in-loop -- as the far side takes it
      await talk.write(chunk, () => {
        going.to += length
        this.#count(length)
      })
    }
  }

  #line(talk: Talk): Line {
    const line = { talk, sent: [] }
    this.#lines.push(line)
    return line
  }

  #count(bytes: number): void {
    this.#counted += bytes
    this.#job.meter.more(bytes)
  }

  #stop(): void {
    this.#helping.abort()
    for (const { talk } of this.#lines) talk.stop()
  }

  /** After a failure: nothing of it stays on a machine that can still be told. */
  async #remove(main: Talk): Promise<ChannelExit> {
    const ended = await main.leave()
    await Promise.all(this.#lines.map(({ talk }) => talk.leave()))
    const waiter = waiterOf(main.unread(this.#tag))
    if (waiter === undefined) return ended
    const command = removePart(this.part, waiter)
    const removing = await Talk.open(this.#connection, command, { urgent: true }).catch(
      () => undefined,
    )
    await removing?.leave()
    return ended
  }
}
