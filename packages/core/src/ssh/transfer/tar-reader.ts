/**
 * Reads a tar stream from a machine that nobody trusts: what does not hold together is an error, never a guess.
 *
 * Knows ustar, pax (also global), GNU's long names and GNU's sparse files in their pax 1.0 form, which is all that
 * `tar --format=posix` writes. What may be done with an entry is for the sink to judge.
 *
 * @see https://www.gnu.org/software/tar/manual/html_node/Standard.html for the blocks
 */
import {
  isZero,
  nameOf,
  numberAt,
  type PaxRecords,
  recordsOf,
  secondsOf,
  TarError,
  textAt,
  verified,
  wholeOf,
} from './tar-fields.ts'
import { type Region, SparseMap } from './tar-sparse.ts'

export interface TarEntry {
  /** As it was sent; nothing about it is checked. */
  readonly name: Buffer
  readonly kind: 'file' | 'folder' | 'link' | 'hard link' | 'device or pipe' | 'unknown'
  /** Of the whole content, holes included. */
  readonly size: number
  readonly isSparse: boolean
  /** All bits that were sent. */
  readonly mode: number
  /** Seconds since 1970. */
  readonly mtime: number
  /** Where a link leads, as it was sent. */
  readonly linkTarget: Buffer
}

export interface TarSink {
  begin(entry: TarEntry): void
  /** `chunk` is only valid during the call. */
  data(chunk: Buffer, position: number): void
  end(): void
}

const block = 512
// More than these describes no file, it is meant to use up memory or time.
const maxMetaBytes = 2 ** 20
const maxMetaInRow = 8
const maxZeroBlocks = 2 ** 14
const maxGlobals = 1000

const kinds: Readonly<Record<string, TarEntry['kind']>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  '1': 'hard link',
  '2': 'link',
  '3': 'device or pipe',
  '4': 'device or pipe',
  '5': 'folder',
  '6': 'device or pipe',
}

interface Meta {
  readonly type: string
  readonly bytes: Buffer
  at: number
}

interface Content {
  /** Bytes that are still to come, of all regions. */
  left: number
  /** After all of them. */
  readonly padding: number
  /** Where the next byte belongs. */
  position: number
  regionLeft: number
  readonly regions: readonly Region[]
  /** Which of them comes next. */
  next: number
}

export class TarReader {
  readonly #sink: TarSink
  readonly #header = Buffer.alloc(block)
  #headerAt = 0
  #meta: Meta | undefined
  #metaInRow = 0
  #map: SparseMap | undefined
  #content: Content | undefined
  #padding = 0
  #zeros = 0
  #globals: PaxRecords = new Map()
  #records: PaxRecords | undefined
  #longName: Buffer | undefined
  #longTarget: Buffer | undefined

  constructor(sink: TarSink) {
    this.#sink = sink
  }

  /** @throws {TarError} and whatever the sink throws */
  write(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#padding > 0) {
        const taken = Math.min(chunk.length - at, this.#padding)
        this.#padding -= taken
        at += taken
      } else if (this.#content) at = this.#readContent(this.#content, chunk, at)
      else if (this.#map) at = this.#readMap(this.#map, chunk, at)
      else if (this.#meta) at = this.#readMeta(this.#meta, chunk, at)
      else at = this.#readHeader(chunk, at)
    }
  }

  /** @throws {TarError} when the archive is not over */
  end(): void {
    if (this.#zeros < 2 || this.#headerAt > 0) throw new TarError('it breaks off')
  }

  #readHeader(chunk: Buffer, at: number): number {
    // Most headers lie whole in a chunk and need no copy.
    if (this.#headerAt === 0 && chunk.length - at >= block) {
      this.#take(chunk.subarray(at, at + block))
      return at + block
    }
    const end = Math.min(chunk.length, at + block - this.#headerAt)
    chunk.copy(this.#header, this.#headerAt, at, end)
    this.#headerAt += end - at
    if (this.#headerAt === block) {
      this.#headerAt = 0
      this.#take(this.#header)
    }
    return end
  }

  #take(header: Buffer): void {
    if (isZero(header)) {
      if (++this.#zeros > maxZeroBlocks) throw new TarError('it does not end')
      return
    }
    if (this.#zeros > 0) throw new TarError('something follows its end')
    if (!verified(header)) throw new TarError('what should be a header is none')
    const type = header.toString('latin1', 156, 157)
    const size = numberAt(header, 124, 12)
    if (size < 0) throw new TarError('a size below zero')
    if (type === 'x' || type === 'g' || type === 'L' || type === 'K') {
      if (size > maxMetaBytes) throw new TarError(`a header of ${size} bytes`)
      if (++this.#metaInRow > maxMetaInRow) throw new TarError('headers that describe nothing')
      this.#meta = { type, bytes: Buffer.alloc(size), at: 0 }
      if (size === 0) this.#described(this.#meta)
      return
    }
    this.#metaInRow = 0
    // Those of GNU's old formats, whose headers go on where others have content.
    if (type === 'S' || type === 'M' || type === 'V' || type === 'D') {
      throw new TarError(`an entry of type ${type}`)
    }
    this.#begin(header, kinds[type] ?? 'unknown', size)
  }

  #begin(header: Buffer, kind: TarEntry['kind'], headerSize: number): void {
    const own = this.#records
    const record = (key: string): Buffer | undefined => own?.get(key) ?? this.#globals.get(key)
    const size = record('size')
    const stored = size === undefined ? headerSize : wholeOf(size)
    const sparse = record('GNU.sparse.major')
    const isSparse = kind === 'file' && sparse !== undefined
    if (
      isSparse &&
      `${sparse.toString('latin1')}.${record('GNU.sparse.minor')?.toString('latin1')}` !== '1.0'
    ) {
      throw new TarError('a sparse file of an old format')
    }
    const hasContent = kind === 'file' || kind === 'unknown'
    const mtime = record('mtime')
    const realSize = record('GNU.sparse.realsize')
    if (isSparse && realSize === undefined) throw new TarError('a sparse file without a size')
    const entry: TarEntry = {
      name:
        (isSparse ? record('GNU.sparse.name') : undefined) ??
        record('path') ??
        this.#longName ??
        nameOf(header),
      kind,
      size: isSparse && realSize ? wholeOf(realSize) : hasContent ? stored : 0,
      isSparse,
      mode: numberAt(header, 100, 8),
      mtime: mtime === undefined ? numberAt(header, 136, 12) : secondsOf(mtime),
      linkTarget: record('linkpath') ?? this.#longTarget ?? textAt(header, 157, 100),
    }
    this.#records = undefined
    this.#longName = undefined
    this.#longTarget = undefined
    this.#sink.begin(entry)
    if (isSparse) this.#map = new SparseMap(entry.size, stored)
    else this.#expect(hasContent ? stored : 0, [{ offset: 0, size: stored }])
  }

  #expect(left: number, regions: readonly Region[]): void {
    const [first] = regions
    if (left === 0 || first === undefined) {
      this.#sink.end()
      return
    }
    const padding = -left & (block - 1)
    const { offset, size } = first
    this.#content = { left, padding, position: offset, regionLeft: size, regions, next: 1 }
  }

  #readContent(content: Content, chunk: Buffer, at: number): number {
    const taken = Math.min(chunk.length - at, content.regionLeft)
    this.#sink.data(chunk.subarray(at, at + taken), content.position)
    content.position += taken
    content.regionLeft -= taken
    content.left -= taken
    if (content.left === 0) {
      this.#content = undefined
      this.#padding = content.padding
      this.#sink.end()
    } else if (content.regionLeft === 0) {
      const next = content.regions[content.next++]
      if (next === undefined) throw new TarError('a sparse file with more than its map has')
      content.position = next.offset
      content.regionLeft = next.size
    }
    return at + taken
  }

  #readMap(map: SparseMap, chunk: Buffer, at: number): number {
    const end = map.write(chunk, at)
    const regions = map.regions()
    if (regions !== undefined) {
      this.#map = undefined
      this.#expect(map.contentBytes, regions)
    }
    return end
  }

  #readMeta(meta: Meta, chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + meta.bytes.length - meta.at)
    chunk.copy(meta.bytes, meta.at, at, end)
    meta.at += end - at
    if (meta.at === meta.bytes.length) {
      this.#padding = -meta.at & (block - 1)
      this.#described(meta)
    }
    return end
  }

  #described({ type, bytes }: Meta): void {
    this.#meta = undefined
    if (type === 'x') this.#records = recordsOf(bytes)
    else if (type === 'g') this.#globals = new Map([...this.#globals, ...recordsOf(bytes)])
    else {
      const text = textAt(bytes, 0, bytes.length)
      if (type === 'L') this.#longName = text
      else this.#longTarget = text
    }
    let globalBytes = 0
    for (const value of this.#globals.values()) globalBytes += value.length
    if (this.#globals.size > maxGlobals || globalBytes > maxMetaBytes) {
      throw new TarError('too many global records')
    }
  }
}
