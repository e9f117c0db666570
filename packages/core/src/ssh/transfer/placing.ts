import fs from 'node:fs'

import { timesOf } from './file-times.ts'
import type { Landed } from './landing.ts'
import { codeOf } from './local-failure.ts'
import { localPath } from './names.ts'
import { parentOf, type Refused, shown } from './safe-names.ts'

// A folder that came without a description: it was only part of a name.
const plainMode = 0o755

/** Moves a tree to its place: by one call where nothing is, otherwise file by file. */
export class Placing {
  readonly #from: string
  readonly #to: string
  readonly #landed: ReadonlyMap<string, Landed>

  /** @param landed each folder before what is in it; the first one is the tree itself */
  constructor(from: string, to: string, landed: ReadonlyMap<string, Landed>) {
    this.#from = from
    this.#to = to
    this.#landed = landed
  }

  /** Where nothing is, or a link, which is replaced. */
  move(): Refused[] {
    const [root, ...inside] = this.#landed.values()
    this.#describe(this.#from, inside)
    try {
      fs.renameSync(localPath(this.#from), localPath(this.#to))
    } catch (error) {
      // A folder does not take the place of a link by itself.
      if (codeOf(error) !== 'ENOTDIR' || !isLink(this.#to)) throw error
      fs.unlinkSync(localPath(this.#to))
      fs.renameSync(localPath(this.#from), localPath(this.#to))
    }
    // Only what we may write to can be moved.
    if (root) this.#describe(this.#to, [root])
    return []
  }

  /**
   * Files and links replace what is there, and so do folders, but for folders: those stay, with their modes and with
   * what else is in them. A link that is there is replaced, never followed.
   *
   * @returns what could not be placed because a folder is there
   */
  merge(): Refused[] {
    const refused: Refused[] = []
    const whole = new Set<string>()
    const fresh: Landed[] = []
    for (const landed of this.#landed.values()) {
      const { name, kind } = landed
      if (name === '') continue
      // Moved with the folder that it is in.
      const isMoved = whole.has(parentOf(name))
      if (kind === 'folder') {
        if (isMoved || this.#placeFolder(name)) {
          whole.add(name)
          fresh.push(landed)
        }
      } else if (!isMoved && !this.#placeFile(name)) {
        refused.push({ path: shown(name), reason: 'a folder of that name is on this computer' })
      }
    }
    this.#describe(this.#to, fresh)
    return refused
  }

  /** @returns whether it was moved with all that is in it */
  #placeFolder(name: string): boolean {
    const to = localPath(`${this.#to}/${name}`)
    const there = fs.lstatSync(to, { throwIfNoEntry: false })
    if (there?.isDirectory()) return false
    if (there) fs.unlinkSync(to)
    fs.renameSync(localPath(`${this.#from}/${name}`), to)
    return true
  }

  #placeFile(name: string): boolean {
    try {
      fs.renameSync(localPath(`${this.#from}/${name}`), localPath(`${this.#to}/${name}`))
      return true
    } catch (error) {
      if (codeOf(error) === 'EISDIR') return false
      throw error
    }
  }

  /** Gives folders their modes and times: last, and the innermost first, because what is put into them changes both. */
  #describe(base: string, folders: readonly Landed[]): void {
    for (const { name, kind, mode, mtime } of folders.toReversed()) {
      if (kind !== 'folder') continue
      const at = localPath(`${base}/${name}`)
      if (mode !== undefined) fs.utimesSync(at, ...timesOf(mtime))
      fs.chmodSync(at, mode ?? plainMode)
    }
  }
}

function isLink(name: string): boolean {
  return fs.lstatSync(localPath(name), { throwIfNoEntry: false })?.isSymbolicLink() ?? false
}
