/**
 * A folder as one tar stream. It is our own writer rather than the computer's `tar`: names travel as bytes, a file that
 * changes meanwhile is noticed, and neither GNU tar nor bsdtar has to be there.
 */
import { createHash, hash } from 'node:crypto'
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

import { localPath, textOf } from './names.ts'
import { changed, unusable } from './push-failure.ts'
import type { Entry } from './scan.ts'
import { lengthOf, type Span } from './spans.ts'
import { findData } from './sparse.ts'
import {
  blockSize,
  type Header,
  type Member,
  paddedSize,
  tarHeader,
  writeHeader,
} from './tar-header.ts'

/** A piece of the stream, and what of the folder has gone with it. */
export interface Piece {
  readonly bytes: Buffer
  /** Bytes of content. */
  readonly content: number
  /** Files and links that end in it. */
  readonly files: number
  /** The last of them that it has anything of. */
  readonly name: string
}

export interface ArchiveOptions {
  /** Local, latin1 for bytes. */
  readonly folder: string
  /** What all names begin with. */
  readonly prefix: string
  /** The last member, a file of the mode 0600: the far side knows by it that nothing is missing. */
  readonly endName: string
  /** Of every file, instead of its own. */
  readonly mode: number | undefined
  /** The last member holds the checksums of the others, as `sha256sum` reads them. */
  readonly checksum: boolean
  readonly followLinks: boolean
}

const pieceSize = 512 * 1024

/** @throws {BenchawayError} `TRANSFER_FAILED` when a file cannot be read, or is not what it was when it was found */
export async function* archive(
  entries: readonly Entry[],
  options: ArchiveOptions,
): AsyncGenerator<Piece> {
  yield* new Writer(options).write(entries)
}

class Writer {
  readonly #options: ArchiveOptions
  #buffer = Buffer.allocUnsafeSlow(pieceSize)
  #used = 0
  #content = 0
  #files = 0
  #name = ''
  readonly #sums: string[] = []

  constructor(options: ArchiveOptions) {
    this.#options = options
  }

  async *write(entries: readonly Entry[]): AsyncGenerator<Piece> {
    for (const entry of entries) {
      this.#name = entry.name
      const padded = paddedSize(entry.size)
      const header = tarHeader(this.#member(entry))
      if (entry.isSparse) yield* this.#sparse(entry)
      else if (header.length + padded > pieceSize) {
        yield* this.#putHeader(header)
        yield* this.#large(entry)
      } else {
        if (this.#used + header.length + padded > pieceSize) yield this.#flush()
        writeHeader(header, this.#buffer, this.#used)
        this.#used += header.length
        if (entry.type === 'file') this.#small(entry, padded)
      }
      if (entry.type !== 'folder') this.#files++
    }
    const end = Buffer.from(this.#sums.join(''), 'latin1')
    const member = { name: this.#options.endName, type: 'file', mode: 0o600, mtimeNs: 0n } as const
    yield* this.#putHeader(tarHeader({ ...member, size: end.length }))
    yield* this.#put(end)
    yield* this.#put(Buffer.alloc(paddedSize(end.length) - end.length + 2 * blockSize))
    yield this.#flush()
  }

  #member(entry: Entry): Member {
    const { mode } = this.#options
    return {
      ...entry,
      name: this.#nameOf(entry) + (entry.type === 'folder' ? '/' : ''),
      mode: entry.type === 'file' ? (mode ?? entry.mode) : entry.mode,
    }
  }

  #nameOf({ name }: Entry): string {
    return name === '' ? this.#options.prefix : `${this.#options.prefix}/${name}`
  }

  /** All at once: for ten thousand files it counts that nothing is awaited. */
  #small(entry: Entry, padded: number): void {
    const { size } = entry
    const bytes = this.#buffer.subarray(this.#used, this.#used + size)
    let file: number | undefined
    try {
      file = openSync(this.#pathOf(entry), this.#flags())
      for (let at = 0; at < size;) {
        const read = readSync(file, bytes, at, size - at, at)
        if (read === 0) throw changed(textOf(this.#name))
        at += read
      }
      this.#check(entry, fstatSync(file, { bigint: true }))
    } catch (cause) {
      throw cause instanceof Error && 'errno' in cause ? unusable(textOf(this.#name), cause) : cause
    } finally {
      if (file !== undefined) closeSync(file)
    }
    if (this.#options.checksum) this.#sum(entry, hash('sha256', bytes))
    this.#buffer.fill(0, this.#used + size, this.#used + padded)
    this.#used += padded
    this.#content += size
  }

  async *#large(entry: Entry): AsyncGenerator<Piece> {
    const file = await this.#open(entry)
    try {
      yield* this.#spans(entry, file, [{ from: 0, to: entry.size }])
    } finally {
      await file.close()
    }
  }

  /** PAX 1.0 of GNU tar: where the data is, then the data. */
  async *#sparse(entry: Entry): AsyncGenerator<Piece> {
    const file = await this.#open(entry)
    try {
      const data = await findData(file, entry.size)
      const last = data.at(-1)?.to ?? 0
      const spans = last < entry.size ? [...data, { from: entry.size, to: entry.size }] : data
      const words = [spans.length, ...spans.flatMap(({ from, to }) => [from, to - from])]
      const map = Buffer.from(words.map((word) => `${word}\n`).join(''))
      const member = this.#member(entry)
      const at = member.name.lastIndexOf('/') + 1
      yield* this.#putHeader(
        tarHeader({
          ...member,
          name: `${member.name.slice(0, at)}GNUSparseFile.0/${member.name.slice(at)}`,
          size: paddedSize(map.length) + lengthOf(data),
          pax: {
            'GNU.sparse.major': '1',
            'GNU.sparse.minor': '0',
            'GNU.sparse.name': member.name,
            'GNU.sparse.realsize': String(entry.size),
          },
        }),
      )
      yield* this.#put(map)
      yield* this.#put(Buffer.alloc(paddedSize(map.length) - map.length))
      yield* this.#spans(entry, file, data)
      this.#content += entry.size - lengthOf(data)
    } finally {
      await file.close()
    }
  }

  async *#spans(entry: Entry, file: FileHandle, spans: readonly Span[]): AsyncGenerator<Piece> {
    const hashing = this.#options.checksum ? createHash('sha256') : undefined
    let hashed = 0
    const hashZeros = (to: number): void => {
      for (; hashed < to; hashed += Math.min(zeros.length, to - hashed)) {
        hashing?.update(zeros.subarray(0, to - hashed))
      }
    }
    for (const { from, to } of spans) {
      if (hashing) hashZeros(from)
      for (let at = from; at < to;) {
        if (this.#used === pieceSize) yield this.#flush()
        const most = Math.min(pieceSize - this.#used, to - at)
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        const { bytesRead } = await file.read(this.#buffer, this.#used, most, at)
        if (bytesRead === 0) throw changed(textOf(this.#name))
        hashing?.update(this.#buffer.subarray(this.#used, this.#used + bytesRead))
        this.#used += bytesRead
        this.#content += bytesRead
        at += bytesRead
      }
      hashed = to
    }
    this.#check(entry, await file.stat({ bigint: true }))
    if (hashing) {
      hashZeros(entry.size)
      this.#sum(entry, hashing.digest('hex'))
    }
    const length = lengthOf(spans)
    yield* this.#put(Buffer.alloc(paddedSize(length) - length))
  }

  *#putHeader(header: Header): Generator<Piece> {
    const bytes = Buffer.alloc(header.length)
    writeHeader(header, bytes, 0)
    yield* this.#put(bytes)
  }

  *#put(bytes: Buffer): Generator<Piece> {
    for (let at = 0; at < bytes.length;) {
      if (this.#used === pieceSize) yield this.#flush()
      const copied = bytes.copy(this.#buffer, this.#used, at)
      this.#used += copied
      at += copied
    }
  }

  #flush(): Piece {
    const bytes = this.#buffer.subarray(0, this.#used)
    const piece = { bytes, content: this.#content, files: this.#files, name: this.#name }
    // The stream keeps the old one until it is sent.
    this.#buffer = Buffer.allocUnsafeSlow(pieceSize)
    this.#used = 0
    this.#content = 0
    this.#files = 0
    return piece
  }

  async #open(entry: Entry): Promise<FileHandle> {
    try {
      return await open(this.#pathOf(entry), this.#flags())
    } catch (cause) {
      throw unusable(textOf(this.#name), cause)
    }
  }

  #pathOf({ name }: Entry): string | Buffer {
    return localPath(`${this.#options.folder}/${name}`)
  }

  /** A link that has taken the place of a file since is not followed. */
  #flags(): number {
    return this.#options.followLinks
      ? constants.O_RDONLY
      : constants.O_RDONLY | constants.O_NOFOLLOW
  }

  #check(entry: Entry, now: BigIntStats): void {
    const isSame =
      now.ino === entry.inode && Number(now.size) === entry.size && now.mtimeNs === entry.mtimeNs
    if (!isSame) throw changed(textOf(this.#name))
  }

  /** A line as `sha256sum -c` reads it: a name with a line break is marked, and escaped. */
  #sum(entry: Entry, sum: string): void {
    const name = this.#nameOf(entry)
    const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
    this.#sums.push(`${escaped === name ? '' : '\\'}${sum}  ${escaped}\n`)
  }
}

const zeros = Buffer.alloc(64 * 1024)
