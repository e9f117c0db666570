/** What of a tree is on this computer already. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'

import type { FarEntry } from './far-list.ts'
import { modeOf } from './landing.ts'
import { unreadable } from './local-failure.ts'
import { bytesOf, localPath } from './names.ts'
import type { PullContext } from './pull-context.ts'
import { parentOf, shown } from './safe-names.ts'
import { statHere } from './stat-here.ts'

// Times are written to the microsecond, and to the millisecond before 1970 (`file-times.ts`).
const sameTime = (mtime: number): number => (mtime < 0 ? 2e-3 : 2e-6)
const pieceBytes = 2 ** 20

export class Here {
  readonly #folder: string
  /** Folders that are none but folders, all the way down: no link is followed. */
  readonly #real = new Map<string, boolean>()

  /** @param folder an absolute path */
  constructor(folder: string) {
    this.#folder = bytesOf(folder)
  }

  isFolder(name: string): boolean {
    const known = this.#real.get(name)
    if (known !== undefined) return known
    const isReal =
      (name === '' || this.isFolder(parentOf(name))) && (this.#stat(name)?.isDirectory() ?? false)
    this.#real.set(name, isReal)
    return isReal
  }

  /**
   * @param mode what its mode is to be; undefined for its own
   * @param byTime also compares the time of change
   */
  hasFile(name: string, entry: FarEntry, mode: number | undefined, byTime: boolean): boolean {
    if (!this.isFolder(parentOf(name))) return false
    const there = this.#stat(name)
    if (!there?.isFile() || there.size !== entry.size) return false
    if ((there.mode & 0o7777) !== (mode ?? modeOf(entry.mode))) return false
    return !byTime || Math.abs(there.mtimeMs / 1000 - entry.mtime) < sameTime(entry.mtime)
  }

  hasLink(name: string, target: string): boolean {
    if (!this.isFolder(parentOf(name)) || !this.#stat(name)?.isSymbolicLink()) return false
    return fs.readlinkSync(this.#at(name), 'latin1') === target
  }

  /** SHA-256 of a file, in hex. */
  sum(name: string): Promise<string> {
    return sumOfFile(this.#at(name))
  }

  #stat(name: string): fs.Stats | undefined {
    try {
      return fs.lstatSync(this.#at(name), { throwIfNoEntry: false })
    } catch {
      // A name that this computer does not take is told of when it has come.
      return undefined
    }
  }

  #at(name: string): string | Buffer {
    return localPath(name === '' ? this.#folder : `${this.#folder}/${name}`)
  }
}

/**
 * What there is where one file is to be.
 *
 * @returns 'folder'; or size and time, or size and SHA-256, of a file as the machine writes them (`pull-scripts.ts`)
 */
export async function fileHere(context: PullContext): Promise<string | undefined> {
  const { to, checksum } = context
  const there = statHere(to)
  if (there?.isDirectory()) return 'folder'
  if (!there?.isFile()) return undefined
  if (checksum) return `${there.size} ${await sumOfFile(to)}`
  const micros = there.mtimeNs / 1000n
  // From before 1970, where both sides need not agree on how to round.
  if (micros < 0n) return undefined
  return `${there.size} ${micros / 1_000_000n}.${String(micros % 1_000_000n).padStart(6, '0')}`
}

/**
 * In hex.
 *
 * @throws {BenchawayError} `TRANSFER_FAILED`
 */
export async function sumOfFile(path: string | Buffer): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const piece of fs.createReadStream(path, { highWaterMark: pieceBytes })) {
      hash.update(piece)
    }
  } catch (cause) {
    throw unreadable(shown(Buffer.from(path).toString('latin1')), cause)
  }
  return hash.digest('hex')
}
