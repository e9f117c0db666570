/**
 * A tree comes down as one archive, or, when something of it need not come, as an archive of the names that are
 * missing: of a list that the machine gives first. So it goes on after a connection was lost.
 */
import { FarList, type FarEntry } from './far-list.ts'
import { Here, sumOfFile } from './here.ts'
import { Landing } from './landing.ts'
import type { Done, PullContext } from './pull-context.ts'
import { different, lost, refusedThere, tooMuch, vanished } from './pull-failure.ts'
import { namedScript, sumsScript } from './pull-scripts.ts'
import { type OnChunk, receive, type Received, wasLost } from './receive.ts'
import { Retries } from './retries.ts'
import { parentOf, safeName } from './safe-names.ts'
import { hasAllFolders, isExcluded, isIncluded, type Selection } from './selection.ts'
import { TarError } from './tar-fields.ts'
import { TarReader } from './tar-reader.ts'
import { together } from './together.ts'

/** After so much over a long way it is worth to begin anew with several channels. */
const patience = 8 * 2 ** 20
const streamsOnLongWays = 6
const leastStream = 2 ** 20
/** Tar's words for a file of which there was less than it had announced. */
export const shrinkWords = 'padding with zeros'

export class FolderPull {
  readonly #context: PullContext
  readonly #selection: Selection
  /** On the machine, what names are relative to. */
  readonly #base: string
  readonly #relist: string
  readonly #isLong: boolean
  readonly #landing: Landing
  readonly #here: Here
  /** Files and links that are here already. */
  #skipped = 0
  /** Names that are compared and equal. */
  readonly #equal = new Set<string>()
  /** What the machine says of the contents; undefined when it was not asked. */
  readonly #sums = new Map<string, string>()

  /**
   * @param relist the script that lists everything
   * @param isLong the machine takes its time to answer
   */
  constructor(
    context: PullContext,
    tree: { base: string; relist: string; selection: Selection },
    isLong: boolean,
  ) {
    this.#context = context
    this.#selection = tree.selection
    this.#base = tree.base
    this.#relist = tree.relist
    this.#isLong = isLong
    this.#here = new Here(context.to)
    this.#landing = new Landing(context.to, context)
  }

  /** Nothing that is wanted is there. */
  get isEmpty(): boolean {
    return this.#context.meter.files + this.#skipped + this.#landing.refused.length === 0
  }

  /** Takes an archive of everything; `end` tells whether that was all. */
  archive(): { write: OnChunk; end: (received: Received) => boolean } {
    const sink = this.#landing.sink()
    const reader = new TarReader(sink)
    let bytes = 0
    return {
      write: (chunk, flow) => {
        reader.write(chunk)
        bytes += chunk.length
        if (this.#isLong && bytes > patience) flow.stop()
      },
      end: (received) => {
        sink.drop()
        if (isBroken(received)) return false
        this.#checkEnd(received)
        reader.end()
        return true
      },
    }
  }

  /**
   * Everything has come that there is: it is moved to its place.
   *
   * @returns how many files and links have come, how many were here, and what is neither
   */
  async finish(): Promise<Done> {
    const { checksum, path, connection, signal } = this.#context
    if (checksum) {
      for (const { name, kind } of this.#landing.landed) {
        // oxlint-disable-next-line no-await-in-loop -- the disk does one at a time best
        const isEqual =
          kind !== 'file' || (await sumOfFile(this.#landing.at(name))) === this.#sums.get(name)
        if (!isEqual) throw different(`${path}/${name}`, connection.target.host)
      }
    }
    signal?.throwIfAborted()
    const files = this.#context.meter.files - this.#landing.place()
    return { files, skipped: this.#skipped, refused: this.#landing.refused }
  }

  /** Gets what is missing, however often the connection is lost meanwhile. */
  async fetch(known?: readonly FarEntry[]): Promise<void> {
    const { path, connection, meter } = this.#context
    const retries = new Retries()
    const failure = (): Error => lost(path, connection.target.host)
    let list = known
    for (;;) {
      const before = meter.bytes + meter.files
      // oxlint-disable no-await-in-loop -- one after the other
      const isDone = await retries.take(async () => {
        list ??= await this.#list()
        if (list === undefined) return false
        return this.#fetchMissing(list)
      })
      // oxlint-enable no-await-in-loop
      if (isDone === true) return
      // What was there a while ago need not be what is there now.
      list = undefined
      retries.count(meter.bytes + meter.files > before, failure)
    }
  }

  discard(): void {
    this.#landing.discard()
  }

  /** @returns undefined when the connection was lost */
  async #list(): Promise<FarEntry[] | undefined> {
    const { connection, limits, signal, path } = this.#context
    const list = new FarList(limits.maxFiles)
    const received = await receive(connection, this.#relist, list.write, { signal })
    if (wasLost(received)) return undefined
    if (received.exitCode !== 0) throw refusedThere(path, connection.target.host, received)
    list.end()
    return list.entries
  }

  /** @returns false when the connection was lost before all of it had come */
  async #fetchMissing(list: readonly FarEntry[]): Promise<boolean> {
    const missing = await this.#choose(list)
    if (missing === undefined) return false
    const { limits, meter } = this.#context
    const bytes = missing.reduce((sum, { size }) => sum + size, 0)
    if (bytes > limits.maxBytes) throw tooMuch(`${limits.maxBytes} bytes`, 'maxBytes')
    meter.totalBytes = meter.bytes + bytes
    meter.totalFiles = meter.files + missing.filter(({ type }) => type !== 'd').length
    const names = new Set(missing.map(({ name }) => name))
    this.#landing.expect(names)
    const streams = this.#isLong ? split(missing, bytes) : [missing]
    const stop = new AbortController()
    const own = this.#context.signal
    const signal = AbortSignal.any(own ? [own, stop.signal] : [stop.signal])
    const all = await together(
      streams.map((stream) => this.#fetchStream(stream, signal)),
      stop,
    )
    if (all.includes(false)) return false
    for (const name of names) {
      if (!this.#landing.has(name)) throw vanished(`${this.#base}/${name}`, this.#host)
    }
    return true
  }

  async #fetchStream(entries: readonly FarEntry[], signal: AbortSignal): Promise<boolean> {
    if (entries.length === 0) return true
    const { connection } = this.#context
    const sink = this.#landing.sink()
    const reader = new TarReader(sink)
    const names = entries.map(({ name }) => `./${name}\0`).join('')
    const received = await receive(
      connection,
      namedScript(this.#base),
      (chunk) => reader.write(chunk),
      { signal, stdin: Buffer.from(names, 'latin1'), heed: shrinkWords },
    ).finally(() => sink.drop())
    if (isBroken(received)) return false
    this.#checkEnd(received)
    reader.end()
    return true
  }

  get #host(): string {
    return this.#context.connection.target.host
  }

  /** What of a list is wanted and not here. @returns undefined when the connection was lost */
  async #choose(list: readonly FarEntry[]): Promise<FarEntry[] | undefined> {
    const wanted = this.#select(list)
    if (this.#context.checksum && !(await this.#askSums(wanted))) return undefined
    const missing = new Map<string, FarEntry>()
    for (const [name, entry] of wanted) {
      // oxlint-disable-next-line no-await-in-loop -- most need not be waited for
      if (this.#landing.has(name) || this.#equal.has(name)) continue
      if (entry.type !== 'd' && (await this.#isHere(name, entry))) {
        this.#equal.add(name)
        this.#skipped++
      } else missing.set(name, { ...entry, name })
    }
    return [...missing.values()]
  }

  /** By safe names. Folders come before what is in them. */
  #select(list: readonly FarEntry[]): Map<string, FarEntry> {
    const selection = this.#selection
    const wanted = new Map<string, FarEntry>()
    for (const entry of list) {
      const safe = safeName(entry.name)
      if ('reason' in safe) {
        this.#refuse(entry.name, safe.reason)
        continue
      }
      const { name } = safe
      if (isExcluded(name, selection)) continue
      if (entry.type === 'd') {
        if (hasAllFolders(selection) && !this.#here.isFolder(name)) wanted.set(name, entry)
      } else if (isIncluded(name, selection)) {
        if (entry.type !== 'f' && entry.type !== 'l')
          this.#refuse(name, 'it is a device, a pipe or a socket')
        else {
          if (!hasAllFolders(selection)) this.#addFolders(wanted, parentOf(name))
          wanted.set(name, entry.type === 'l' ? { ...entry, size: 0 } : entry)
        }
      }
    }
    return wanted
  }

  /** A folder comes for what is in it. */
  #addFolders(wanted: Map<string, FarEntry>, name: string): void {
    if (name === '' || wanted.has(name)) return
    this.#addFolders(wanted, parentOf(name))
    if (this.#here.isFolder(name)) return
    wanted.set(name, { name, type: 'd', mode: 0, size: 0, mtime: 0, target: '' })
  }

  async #isHere(name: string, entry: FarEntry): Promise<boolean> {
    const { checksum } = this.#context
    if (entry.type === 'l') return this.#here.hasLink(name, entry.target)
    if (!this.#here.hasFile(name, entry, this.#context.mode, !checksum)) return false
    return !checksum || (await this.#here.sum(name)) === this.#sums.get(name)
  }

  /** @returns false when the connection was lost */
  async #askSums(wanted: ReadonlyMap<string, FarEntry>): Promise<boolean> {
    const { connection, signal, path } = this.#context
    const names = [...wanted].filter(([, { type }]) => type === 'f').map(([name]) => name)
    if (names.length === 0) return true
    const stdin = Buffer.from(names.map((name) => `./${name}\0`).join(''), 'latin1')
    const chunks: Buffer[] = []
    let bytes = 0
    const received = await receive(
      connection,
      sumsScript(this.#base),
      (chunk) => {
        bytes += chunk.length
        // A sum and two more characters a name.
        if (bytes > stdin.length + 66 * names.length) throw new TarError('sums without an end')
        chunks.push(chunk)
      },
      { signal, stdin },
    )
    if (wasLost(received)) return false
    if (received.exitCode !== 0) throw refusedThere(path, connection.target.host, received)
    for (const record of Buffer.concat(chunks).toString('latin1').split('\0')) {
      const [, sum, name] = /^([0-9a-f]{64}) [ *]\.\/([^]*)$/.exec(record) ?? []
      if (sum !== undefined && name !== undefined) this.#sums.set(name, sum)
    }
    return true
  }

  #refuse(name: string, reason: string): void {
    if (!this.#landing.has(name)) this.#landing.refuse(name, reason)
  }

  /** tar's code 1: some files changed while they were read, which the times of logs do all the time. */
  #checkEnd(received: Received): void {
    const isWhole = received.exitCode === 0 || (received.exitCode === 1 && !received.hasSaid)
    if (!isWhole) throw refusedThere(this.#context.path, this.#host, received)
  }
}

/** Not all of it has come, and not by a fault of the machine. */
function isBroken(received: Received): boolean {
  return received.isStopped || wasLost(received)
}

/** In parts of about the same size. */
function split(entries: readonly FarEntry[], bytes: number): FarEntry[][] {
  const count = Math.max(1, Math.min(streamsOnLongWays, Math.floor(bytes / leastStream)))
  const parts: FarEntry[][] = Array.from({ length: count }, () => [])
  let sum = 0
  for (const entry of entries) {
    parts[Math.min(count - 1, Math.floor((sum / (bytes + 1)) * count))]?.push(entry)
    sum += entry.size
  }
  return parts
}
