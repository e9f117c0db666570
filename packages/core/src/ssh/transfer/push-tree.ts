/** A folder, as one tar stream into a stage on the machine. */
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'

import type { Connection } from '../connection.ts'
import { archive } from './archive.ts'
import { otherSum } from './far-file.ts'
import {
  answerEnd,
  readList,
  readSums,
  removeStage,
  type Stage,
  stageOf,
  type There,
  writeTree,
} from './far-tree.ts'
import type { Meter } from './meter.ts'
import { localPath, textOf } from './names.ts'
import type { TransferReport } from './options.ts'
import { different, inTheWay, lost, refusedThere, unusable } from './push-failure.ts'
import { Retries } from './retries.ts'
import type { Entry } from './scan.ts'
import { Talk, waiterOf } from './talk.ts'

const mostTriesInVain = 5
// Of `find` about one name, beside the name: numbers, and where a link leads.
const longestAnswer = 4200

export interface TreePush {
  /** Local, latin1 for bytes. */
  readonly folder: string
  readonly entries: Promise<readonly Entry[]>
  /** Where it is to appear, without a slash at its end, but for `/`. */
  readonly farPath: string
  /** For messages. */
  readonly path: string
  readonly mode: number | undefined
  readonly checksum: boolean
  readonly followLinks: boolean
  readonly resumeMs: number
  readonly meter: Meter
  readonly signal: AbortSignal | undefined
}

export async function pushTree(
  connection: Connection,
  job: TreePush,
): Promise<Omit<TransferReport, 'durationMs'>> {
  // It fails before anybody awaits it, when the machine is slow.
  job.entries.catch(() => undefined)
  const retries = new Retries(job.resumeMs === 0 ? 0 : mostTriesInVain)
  let last: Round | undefined
  for (;;) {
    const round: Round = new Round(connection, job, last)
    // oxlint-disable-next-line no-await-in-loop -- each goes on where the last one broke off
    const outcome = await retries.take(() => round.run())
    if (outcome !== undefined && outcome !== 'lost') return outcome
    retries.count(round.staged > (last?.staged ?? 0), () => lost(job.path, connection.target.host))
    // A round that found no connection has claimed nothing.
    if (outcome === 'lost') last = round
  }
}

/** What one connection lives to see of it. */
class Round {
  readonly stage: Stage = stageOf(randomBytes(6).toString('hex'))
  /** How many files of the round before lay in its stage. */
  staged = 0
  readonly #connection: Connection
  readonly #job: TreePush
  readonly #old: Stage | undefined
  /** Decided once: what an earlier round has brought was not there before. */
  #wanted: readonly Entry[] | undefined

  constructor(connection: Connection, job: TreePush, last: Round | undefined) {
    this.#connection = connection
    this.#job = job
    this.#old = last?.stage
    this.#wanted = last === undefined ? undefined : last.#wanted
  }

  async run(): Promise<'lost' | Omit<TransferReport, 'durationMs'>> {
    const job = this.#job
    const script = writeTree(job.farPath, this.stage, this.#old, Math.ceil(job.resumeMs / 1000))
    const talk = await Talk.open(this.#connection, script, { signal: job.signal })
    const stop = (): void => talk.stop()
    job.signal?.addEventListener('abort', stop, { once: true })
    try {
      job.signal?.throwIfAborted()
      await this.#send(talk)
      job.signal?.throwIfAborted()
      const ended = await talk.exit
      job.signal?.throwIfAborted()
      if (ended.exitCode === undefined && ended.signal === undefined) return 'lost'
      const { host } = this.#connection.target
      if (ended.exitCode === otherSum) throw different(job.path, host)
      if (ended.exitCode !== 0) throw refusedThere(job.path, host, talk.result(ended))
      const { bytes, files } = job.meter
      const all = contentOf(await job.entries)
      return { files, bytes, skipped: all.length - (this.#wanted ?? all).length }
    } catch (error) {
      await this.#remove(talk)
      throw error
    } finally {
      job.signal?.removeEventListener('abort', stop)
    }
  }

  async #send(talk: Talk): Promise<void> {
    const entries = await this.#job.entries
    const state = await talk.word(this.stage.name)
    const stage = await talk.word(this.stage.name)
    if (stage === undefined) return
    const wanted = state === 'merge' ? await this.#missingThere(talk, entries) : entries
    if (wanted === undefined) return
    this.#wanted ??= contentOf(wanted)
    const left = stage === 'kept' ? await this.#missingInStage(talk, wanted) : wanted
    if (left === undefined) return
    this.#count(this.#wanted, contentOf(left))
    if (state === 'merge' && wanted.every(({ name }) => name === '')) await talk.write('quit\n')
    else await this.#sendArchive(talk, left, state === 'new')
  }

  #count(wanted: readonly Entry[], left: readonly Entry[]): void {
    const { meter } = this.#job
    meter.totalBytes = bytesIn(wanted)
    meter.totalFiles = wanted.length
    meter.bytes = meter.totalBytes - bytesIn(left)
    meter.files = wanted.length - left.length
  }

  /** What of it is not there yet, or not the same. */
  async #missingThere(talk: Talk, entries: readonly Entry[]): Promise<Entry[] | undefined> {
    const names = entries.map(({ name }) => (name === '' ? '.' : `./${name}`))
    const there = await this.#ask(talk, 'list', names, readList)
    if (there === undefined) return undefined
    const { checksum, mode, path } = this.#job
    const { host } = this.#connection.target
    const left: Entry[] = []
    const inQuestion: Entry[] = []
    for (const entry of entries) {
      const found = there.get(`./${entry.name}`)
      if (entry.name === '') left.push(entry)
      else if (found === undefined) left.push(entry)
      else if ((entry.type === 'folder') !== (found.type === 'd')) {
        const full = `${path}/${textOf(entry.name)}`
        throw inTheWay(full, host, noun(entry.type === 'folder'), noun(found.type === 'd'))
      } else if (entry.type === 'folder') continue
      else if (!isEqual(entry, found, mode, !checksum)) left.push(entry)
      else if (checksum && entry.type === 'file') inQuestion.push(entry)
    }
    if (inQuestion.length > 0) {
      const asked = inQuestion.map(({ name }) => `./${name}`)
      const sums = await this.#ask(talk, 'sums', asked, readSums)
      if (sums === undefined) return undefined
      for (const entry of inQuestion) {
        // oxlint-disable-next-line no-await-in-loop -- one disk
        const sum = await this.#sumOf(entry)
        if (sums.get(`./${entry.name}`) !== sum) left.push(entry)
      }
    }
    return left
  }

  /** What an earlier round has not brought whole. */
  async #missingInStage(talk: Talk, entries: readonly Entry[]): Promise<Entry[] | undefined> {
    const prefix = `./${this.stage.name}/`
    const names = contentOf(entries).map(({ name }) => prefix + name)
    const there = await this.#ask(talk, 'list', names, readList)
    if (there === undefined) return undefined
    const left = entries.filter((entry) => {
      const found = there.get(prefix + entry.name)
      // tar gives a file its time when it has all of it.
      return found === undefined || !isEqual(entry, found, this.#job.mode, true)
    })
    this.staged = entries.length - left.length
    return left
  }

  async #sendArchive(talk: Talk, entries: readonly Entry[], isNew: boolean): Promise<void> {
    const { folder, mode, checksum, followLinks, meter } = this.#job
    // The root of a merge is only a place to unpack into.
    const members = isNew
      ? entries
      : entries.map((entry) => (entry.name === '' ? { ...entry, mode: 0o700 } : entry))
    const { name: prefix, endName } = this.stage
    await talk.write('tar\n')
    const options = { folder, prefix, endName, mode, checksum, followLinks }
    for await (const { bytes, content, files, name } of archive(members, options)) {
      await talk.write(bytes, () => {
        meter.on(name)
        meter.files += files
        meter.more(content)
      })
      // tar itself would read on, whatever happens to the disk.
      if (talk.isOver || talk.complains('tar')) break
    }
    talk.end()
  }

  /** Asks about names; undefined when there is no answer. */
  async #ask<T>(
    talk: Talk,
    word: 'list' | 'sums',
    names: readonly string[],
    read: (answer: string) => T,
  ): Promise<T | undefined> {
    const bytes = Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1')
    talk.expect(bytes.length + names.length * longestAnswer)
    await talk.write(`${word} ${bytes.length}\n`)
    await talk.write(bytes)
    const answer = await talk.until(answerEnd(this.stage))
    return answer === undefined ? undefined : read(answer)
  }

  async #sumOf({ name }: Entry): Promise<string> {
    const path = `${this.#job.folder}/${name}`
    try {
      const summing = createHash('sha256')
      const stream = createReadStream(localPath(path), { highWaterMark: 2 ** 20 })
      for await (const chunk of stream) summing.update(chunk)
      return summing.digest('hex')
    } catch (cause) {
      throw unusable(textOf(path), cause)
    }
  }

  /** After a failure: nothing of it stays on a machine that can still be told. */
  async #remove(talk: Talk): Promise<void> {
    await talk.leave()
    const waiter = waiterOf(talk.unread(this.stage.name))
    if (waiter === undefined) return
    const command = removeStage(this.#job.farPath, this.stage, waiter)
    const removing = await Talk.open(this.#connection, command, { urgent: true }).catch(
      () => undefined,
    )
    await removing?.leave()
  }
}

function contentOf(entries: readonly Entry[]): Entry[] {
  return entries.filter(({ type }) => type !== 'folder')
}

function bytesIn(entries: readonly Entry[]): number {
  return entries.reduce((sum, { size }) => sum + size, 0)
}

function isEqual(entry: Entry, found: There, mode: number | undefined, byTime: boolean): boolean {
  if (entry.type === 'link') return found.type === 'l' && found.link === entry.link
  return (
    entry.type === 'file' &&
    found.type === 'f' &&
    found.size === entry.size &&
    found.mode === (mode ?? entry.mode) &&
    (!byTime || found.mtimeNs === entry.mtimeNs)
  )
}

function noun(isFolder: boolean): string {
  return isFolder ? 'a folder' : 'a file or a link'
}
