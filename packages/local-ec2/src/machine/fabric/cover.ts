import { chmodSync, chownSync, linkSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { exists, isDirectory, look } from './files.ts'

/**
 * A tree that is put over a base: files of ours, and whiteouts where the base's own must not show.
 * Paths are absolute, as the machine sees them.
 */
export class Cover {
  readonly #base: string
  readonly #directory: string
  readonly #whiteout: string

  /** @param whiteout character device 0:0 on the file system of `directory`, which is how overlayfs spells "not there" */
  constructor(base: string, directory: string, whiteout: string) {
    this.#base = base
    this.#directory = directory
    this.#whiteout = whiteout
  }

  hide(path: string): void {
    const place = join(this.#directory, path)
    if (!exists(join(this.#base, path)) || exists(place)) return
    // Below a whiteout there is nothing left to hide.
    if (this.#makeParents(path)) linkSync(this.#whiteout, place)
  }

  /** Hides what is in a directory, and keeps the directory. */
  empty(path: string): void {
    if (!isDirectory(join(this.#base, path))) return
    for (const name of readdirSync(join(this.#base, path))) this.hide(join(path, name))
  }

  write(path: string, text: string, mode: number): void {
    const place = this.#clear(path)
    writeFileSync(place, text)
    chmodSync(place, mode)
  }

  link(path: string, target: string): void {
    symlinkSync(target, this.#clear(path))
  }

  #clear(path: string): string {
    const place = join(this.#directory, path)
    if (!this.#makeParents(path)) throw new Error(`${path} lies in a directory that is hidden`)
    rmSync(place, { force: true })
    return place
  }

  #makeParents(path: string): boolean {
    const parent = dirname(path)
    const place = join(this.#directory, parent)
    if (isDirectory(place)) return true
    if (exists(place) || (parent !== '/' && !this.#makeParents(parent))) return false
    mkdirSync(place)
    // The topmost layer's owner and mode are the ones that count.
    const stat = look(join(this.#base, parent))
    if (stat !== undefined) chownSync(place, stat.uid, stat.gid)
    chmodSync(place, (stat?.mode ?? 0o755) & 0o7777)
    return true
  }
}
