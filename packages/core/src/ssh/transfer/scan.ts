/** What a local folder holds, as far as it is wanted. */
import {
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  type BigIntStats,
} from 'node:fs'
import path from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'

import { IgnoreRules } from './ignore-rules.ts'
import { bytesOf, isPart, localPath, textOf } from './names.ts'
import { circle, special, unusable } from './push-failure.ts'

/** Names and link targets are latin1 for bytes (`names.ts`). */
export interface Entry {
  /** Relative to the folder, with `/`; '' is the folder itself. */
  readonly name: string
  readonly type: 'file' | 'folder' | 'link'
  readonly mode: number
  readonly mtimeNs: bigint
  readonly inode: bigint
  /** 0 but for files. */
  readonly size: number
  /** Takes less room than its size: it has holes. */
  readonly isSparse: boolean
  readonly link: string | undefined
}

export interface ScanOptions {
  readonly include: readonly string[] | undefined
  readonly exclude: readonly string[]
  readonly ignoreFiles: readonly string[]
  readonly followLinks: boolean
  readonly signal: AbortSignal | undefined
}

// Between breaths: some milliseconds of other people's time.
const atOnce = 200
// Below it holes are not worth a second reading.
const sparseFrom = 256 * 1024

/**
 * Folders come before what they hold. With `include` there are only those that hold something. What is not whole yet of
 * another transfer is left out.
 *
 * @throws {BenchawayError} `TRANSFER_FAILED` for what cannot be read, or be sent: a socket, a device, links in a circle
 */
export async function scan(folder: string, options: ScanOptions): Promise<Entry[]> {
  const entries: Entry[] = []
  await new Scanner(folder, options, entries).walk('', [], [])
  return entries
}

class Scanner {
  readonly #folder: string
  readonly #options: ScanOptions
  readonly #entries: Entry[]
  #seen = 0

  constructor(folder: string, options: ScanOptions, entries: Entry[]) {
    this.#folder = folder
    this.#options = options
    this.#entries = entries
  }

  async walk(name: string, above: readonly string[], ignores: readonly Ignores[]): Promise<void> {
    const { include, followLinks } = this.#options
    const at = this.#stat(name, name === '' || followLinks)
    const id = `${at.dev}:${at.ino}`
    if (above.includes(id)) throw circle(textOf(this.#pathOf(name)))
    const place = this.#entries.push(entryOf(name, 'folder', at))
    const inside = [...above, id]
    const children = this.#read(name)
    const rules = this.#rulesIn(name, children)
    const known = rules === undefined ? ignores : [{ base: name, rules }, ...ignores]
    for (const child of children) {
      const full = name === '' ? child : `${name}/${child}`
      if (++this.#seen % atOnce === 0) {
        // oxlint-disable-next-line no-await-in-loop -- that is what it is for
        await breathe()
        this.#options.signal?.throwIfAborted()
      }
      if (isPart(child) || this.#isExcluded(full)) continue
      const stats = this.#stat(full, followLinks)
      if (isIgnored(full, stats.isDirectory(), known)) continue
      if (stats.isDirectory()) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other, to keep the order
        await this.walk(full, inside, known)
      } else if (this.#isIncluded(full)) this.#add(full, stats)
    }
    const isEmpty = this.#entries.length === place
    if (include !== undefined && isEmpty && name !== '') this.#entries.pop()
  }

  #add(name: string, stats: BigIntStats): void {
    if (stats.isFile()) this.#entries.push(entryOf(name, 'file', stats))
    else if (stats.isSymbolicLink()) {
      const link = readlinkSync(localPath(this.#pathOf(name)), 'latin1')
      this.#entries.push(entryOf(name, 'link', stats, link))
    } else throw special(textOf(this.#pathOf(name)))
  }

  #isExcluded(name: string): boolean {
    const text = textOf(name)
    return this.#options.exclude.some((glob) => path.posix.matchesGlob(text, glob))
  }

  #isIncluded(name: string): boolean {
    const text = textOf(name)
    return this.#options.include?.some((glob) => path.posix.matchesGlob(text, glob)) ?? true
  }

  /** What the ignore files in a folder say; undefined where there are none. */
  #rulesIn(name: string, children: readonly string[]): IgnoreRules | undefined {
    const files = this.#options.ignoreFiles.filter((file) => children.includes(bytesOf(file)))
    if (files.length === 0) return undefined
    const texts = files.map((file) => {
      const at = `${this.#pathOf(name)}/${bytesOf(file)}`
      try {
        return readFileSync(localPath(at), 'latin1')
      } catch (cause) {
        throw unusable(textOf(at), cause)
      }
    })
    return new IgnoreRules(texts.join('\n'))
  }

  #read(name: string): string[] {
    const folder = this.#pathOf(name)
    try {
      return readdirSync(localPath(folder), 'latin1').toSorted()
    } catch (cause) {
      throw unusable(textOf(folder), cause)
    }
  }

  #stat(name: string, follow: boolean): BigIntStats {
    const at = this.#pathOf(name)
    try {
      return (follow ? statSync : lstatSync)(localPath(at), { bigint: true })
    } catch (cause) {
      throw unusable(textOf(at), cause)
    }
  }

  #pathOf(name: string): string {
    return name === '' ? this.#folder : `${this.#folder}/${name}`
  }
}

/** The rules of one folder. */
interface Ignores {
  readonly base: string
  readonly rules: IgnoreRules
}

/** The rules that are nearest come first, and decide. */
function isIgnored(name: string, isFolder: boolean, known: readonly Ignores[]): boolean {
  for (const { base, rules } of known) {
    const answer = rules.ignores(base === '' ? name : name.slice(base.length + 1), isFolder)
    if (answer !== undefined) return answer
  }
  return false
}

function entryOf(name: string, type: Entry['type'], stats: BigIntStats, link?: string): Entry {
  const size = type === 'file' ? Number(stats.size) : 0
  return {
    name,
    type,
    mode: Number(stats.mode) & 0o7777,
    mtimeNs: stats.mtimeNs,
    inode: stats.ino,
    size,
    isSparse: size >= sparseFrom && stats.blocks * 512n < BigInt(size),
    link,
  }
}
